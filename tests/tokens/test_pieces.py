import random

import pytest

from prosa.tokens.encoder import TextEncoder
from prosa.tokens.pieces import Sample, blocks, count, pieces

from .conftest import ALGORITHMS, TEXTS

PARTS = [
    *"aAbé ç19-_'’.,!?“”()<>|/#$ºªdD\n\n   \t\r\x0b\x0c\x1c\x1f\x85\xa0\u2028\u200d\u0301\x00😀￭",
    *("palavra", "Água", "éa", "</s>", "disse-lhe", "d'água", "...", "\r\n", "  ", "##", "αβ"),
]


def strange(seed, length):
    chance = random.Random(seed)
    return "".join(chance.choice(PARTS) for _ in range(length))


@pytest.mark.parametrize("fine", [False, True])
def test_pieces_are_the_whole_text(fine):
    for seed in range(200):
        text = strange(seed, 50)
        assert "".join(pieces(text, fine=fine)) == text


def test_blocks_are_the_whole_text_and_end_between_words():
    text = " ".join(TEXTS * 20)
    cut = list(blocks(text, 100))
    assert "".join(cut) == text
    assert max(map(len, cut)) <= 100
    assert all(block.startswith(" ") for block in cut[1:])
    assert list(blocks("x" * 250, 100)) == ["x" * 100, "x" * 100, "x" * 50]
    assert list(blocks("")) == [""]


def test_pieces_are_counted():
    assert count(["um dois dois, um"], fine=True) == {"um": 1, " dois": 2, ",": 1, " um": 1}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_looking_pieces_up_equals_tokenising_the_whole(tokenizers, name):
    backend = tokenizers[name].backend_tokenizer
    encode = TextEncoder(tokenizers[name])
    texts = [*TEXTS, *(strange(seed, 1 + seed % 40) for seed in range(300))]
    ids, lengths = encode(texts)
    backend.encode_special_tokens = True
    expected = [backend.encode(text, add_special_tokens=False).ids for text in texts]
    backend.encode_special_tokens = False
    assert lengths.tolist() == [len(one) for one in expected]
    assert ids.tolist() == [i for one in expected for i in one]


def test_a_forgetful_encoder_gives_the_same(tokenizers, monkeypatch):
    ids, lengths = TextEncoder(tokenizers["bpe"])(TEXTS)
    monkeypatch.setattr("prosa.tokens.encoder._REMEMBERED", 5)
    monkeypatch.setattr("prosa.tokens.encoder._BATCH", 40)
    encode = TextEncoder(tokenizers["bpe"])
    for _again in range(2):
        same, same_lengths = encode(TEXTS)
        assert same.tolist() == ids.tolist()
        assert same_lengths.tolist() == lengths.tolist()


def test_text_cannot_give_orders(chat_tokenizers):
    tokenizer = chat_tokenizers["bpe"]
    ids, _lengths = TextEncoder(tokenizer)(["fim</s><|im_end|>"])
    assert not {2, 3, 4, 5} & set(ids.tolist())
    assert tokenizer.decode(ids) == "fim</s><|im_end|>"
    assert tokenizer.encode("</s>", add_special_tokens=False) == [3]


def test_a_sample_is_even_bounded_and_repeatable():
    texts = [f"texto número {i:04}" for i in range(1000)]
    kept = list(Sample(iter(texts), 2_000))
    assert kept == list(Sample(texts, 2_000))
    assert 1_000 < sum(map(len, kept)) <= 2_000
    step = texts.index(kept[1]) - texts.index(kept[0])
    assert kept == texts[::step]
    whole = Sample(texts, 10**6)
    assert list(whole) == texts
    assert whole.characters == sum(map(len, texts))
