"""Optional filters: what they drop and why, what is said of those that do not exist."""

import pytest

from prosa.data.filters import Filters, parse
from prosa.errors import InputError

SOUND = "O rio subiu até a segunda rua, e ninguém da vila se queixava da chuva."


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("short=5", "só quatro palavras aqui"),
        ("short", "só duas"),
        ("repetition", "compre agora já " * 6),
        ("symbols", "### @@@ !!! ok"),
        ("symbols=0.1", "fim... (ou não?) — fim!"),
        ("links", "promoção: https://loja.exemplo/abcdef e www.loja.exemplo/outra"),
        ("language=pt", "this is not in the right language"),
        ("language=en", "isto não está na língua certa"),
    ],
)
def test_a_filter_says_why(spec, text):
    filters = parse([spec])
    assert filters.active
    assert filters.reason(text) == spec.partition("=")[0]
    assert filters.reason(SOUND) == ("language" if spec == "language=en" else None)
    assert Filters().reason(text) is None


def test_the_first_reason_counts_and_specs_add_up():
    filters = parse(["symbols, short=3", "", "links=0.5"])
    assert filters == Filters(short=3, symbols=0.4, links=0.5)
    assert filters.reason("### !!!") == "short"
    assert not parse([]).active
    assert not parse([" , "]).active


def test_a_long_text_may_say_things_again():
    words = [f"palavra{number} e mais" for number in range(1000)]
    assert parse(["repetition"]).reason(" ".join(words + words)) is None


def test_what_cannot_be_told_from_any_language_stays():
    filters = parse(["language=pt"])
    assert filters.reason("Xyz 123") is None
    assert filters.reason("I - (revogado);") is None


def test_blocked_words_and_phrases(tmp_path):
    file = tmp_path / "lista.txt"
    file.write_text("# minha lista\nchuchu  # de verdade\nPão-de-Mel\n\nação boa\n", "utf-8")
    filters = parse([f"blocked={file}"])
    for text in ("Que CHUCHU!", "pao de mel", "uma acao,  boa", "«Ação boa»"):
        assert filters.reason(text) == "blocked", text
    for text in ("chuchus", "pão com mel", "boa ação", "de verdade"):
        assert filters.reason(text) is None, text
    assert filters.masked("Um chuchu; pão de mel.") == "Um c***; p*** d*** m***."


@pytest.mark.parametrize(
    "spec",
    ["curtos", "short=x", "short=0", "language=de", "language", "blocked", "links=2", "symbols=-1"],
)
def test_an_unknown_filter_names_those_there_are(spec):
    with pytest.raises(InputError, match=r"short=3, repetition, .*blocked=FILE"):
        parse(["repetition", spec])


def test_a_file_of_words_that_cannot_be_read(tmp_path):
    for name, content in (("binario.txt", b"\xff\xfe\x00x"), ("sinais.txt", b"um\n$$$\n")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name):
            parse([f"blocked={tmp_path / name}"])
    with pytest.raises(InputError, match=r"nada\.txt"):
        parse([f"blocked={tmp_path / 'nada.txt'}"])


def test_offensive_words():
    filters = parse(["offensive"])
    assert filters.reason("Que merda é essa, seu filho da puta?") == "offensive"
    assert filters.reason("Aqueles arrombados não vieram hoje") == "offensive"
    assert filters.reason("What the fuck is this?") == "offensive"
    assert filters.reason("MERDA") == "offensive"
    assert filters.masked("Que merda!") == "Que m***!"
    for text in (
        SOUND,
        "O pinto saiu do ovo e foi comer com o veado e a piranha.",
        "Negro é a cor do céu de noite",
        "A virgin forest, the cock crows and she sucks her thumb",
    ):
        assert filters.reason(text) is None, text
