"""Pieces of text as they come: whole characters, no half of a stop word, nothing lost."""

import pytest

from prosa.generation.decode import Pieces

TEXT = "Ação! O coração da Íris é só um pássaro 🐦 que não voa – olá."


def utf8_decode(ids):
    return bytes(ids).decode("utf-8", errors="replace")


def pieces_of(text, stop=()):
    pieces = Pieces(utf8_decode, [], stop)
    shown = [pieces.add(byte) for byte in text.encode()]
    return [*shown, pieces.end()], pieces


def test_bytes_come_out_as_whole_characters():
    shown, _ = pieces_of(TEXT)
    assert "".join(shown) == TEXT
    assert not any("\ufffd" in piece for piece in shown)


def test_text_ends_before_a_stop_word_even_across_tokens():
    shown, pieces = pieces_of("Era uma vez. FIM e mais nada", stop=["FIM"])
    assert "".join(shown) == "Era uma vez. "
    assert pieces.stopped


def test_the_beginning_of_a_stop_word_is_held_back_and_given_when_it_was_none():
    pieces = Pieces(utf8_decode, [], ["FIM"])
    assert [pieces.add(b) for b in b"aFI"] == ["a", "", ""]
    assert pieces.add(ord("O")) == "FIO"
    assert not pieces.stopped


def test_the_beginning_of_a_stop_word_at_the_very_end_is_not_lost():
    shown, _ = pieces_of("olá FI", stop=["FIM"])
    assert "".join(shown) == "olá FI"


def test_the_first_of_several_stop_words_wins():
    shown, _ = pieces_of("um dois três quatro", stop=["quatro", "dois"])
    assert "".join(shown) == "um "


def test_an_unfinished_character_at_the_end_is_left_out():
    pieces = Pieces(utf8_decode, [])
    assert pieces.add("ã".encode()[0]) == ""
    assert pieces.end() == ""


def test_spaces_depend_on_what_stood_before():
    words = ["", "Olá", "mundo", "bom"]

    def decode(ids):
        return " ".join(words[i] for i in ids)

    pieces = Pieces(decode, [1])
    assert pieces.add(2) == " mundo"
    assert pieces.add(3) == " bom"


@pytest.mark.parametrize("stop", ["é", "🐦", "ção da Í"])
def test_stop_words_with_accents(stop):
    shown, _ = pieces_of(TEXT, stop=[stop])
    assert "".join(shown) == TEXT[: TEXT.index(stop)]
