"""Bits per byte: what unknown words cost, and that fewer words never look better."""

import random

import pyarrow as pa
import pytest

from prosa.data.kinds import Kind
from prosa.measure.bits import Score, score
from prosa.models.family import Sizes, SpecialIds
from prosa.models.registry import count, family
from prosa.tokens.examples import encode
from prosa.tokens.learn import learn


def sentences(count: int, seed: int) -> list[str]:
    """Portuguese of a few made-up words, the frequent ones far more frequent."""
    draw = random.Random(0)
    syllables = ["ma", "ré", "so", "la", "ção", "ti", "gu", "pé", "bra", "no"]
    words = ["".join(draw.choices(syllables, k=1 + n // 200)) + str(n % 7) for n in range(1500)]
    draw = random.Random(seed)
    shares = [1 / (n + 2) for n in range(len(words))]
    return [" ".join(draw.choices(words, shares, k=draw.randrange(3, 15))) for _ in range(count)]


LEARNED, HELD_OUT = sentences(2000, 1), sentences(300, 2)


def stream(texts, tokenizer, folder):
    return encode(pa.table({"text": texts}), Kind.TEXT, tokenizer, folder)


def measured(algorithm: str, vocabulary: int | None, folder) -> Score:
    """An n-gram of these tokens, on text it has not counted."""
    tokenizer = learn(LEARNED, algorithm, vocabulary)
    counted = stream(LEARNED, tokenizer, folder / f"{algorithm}{vocabulary}")
    sizes = Sizes(order=3)
    ids = SpecialIds.of(tokenizer)
    model = count(family("ngram"), counted, sizes, len(tokenizer), ids)
    return score(model, stream(HELD_OUT, tokenizer, folder / f"{algorithm}{vocabulary}t"))


@pytest.mark.parametrize("algorithm", ["word", "whitespace"])
def test_fewer_words_never_look_better(tmp_path, algorithm):
    scores = [measured(algorithm, size, tmp_path) for size in (60, 200, 1000, None)]
    bits = [one.bits_per_byte for one in scores]
    assert bits == sorted(bits, reverse=True)
    assert bits[0] > 1.3 * bits[-1]
    # Only bits per byte are charged: the loss of the few words is lower.
    assert scores[0].loss < scores[-1].loss
    assert scores[0].unknown > scores[1].unknown > scores[-1].unknown


def test_characters_and_words_are_in_one_unit(tmp_path):
    characters = measured("char", None, tmp_path)
    words = measured("word", None, tmp_path)
    assert characters.unknown == 0
    assert 0.5 < words.bits_per_byte / characters.bits_per_byte < 1.5
    few = measured("char", 30, tmp_path)
    assert few.bits_per_byte >= characters.bits_per_byte


@pytest.mark.parametrize(
    ("algorithm", "text", "hidden"),
    [
        ("char", "maré ☂ ré", ["☂"]),
        ("word", "maré guarda-chuva, so", ["guarda-chuva", ","]),
        ("word", "ma\n☂(çã) , disse-lhe", ["\n", "☂", "(", "çã", ")", "disse", "-lhe"]),
        ("whitespace", "ma  ☂çã\nré <unk>", ["☂çã"]),
        ("wordpiece", "ma ☂x ré", ["☂x"]),
        ("bpe", "ma ☂çã", []),
        ("unigram", "ma ☂çã", []),
    ],
)
def test_an_unknown_token_hides_the_bytes_of_its_text(tmp_path, algorithm, text, hidden):
    tokenizer = learn(["ma ré maré so , ( x", "a b c d e , ("] * 3, algorithm)
    encoded = stream(["ma", text, "so", text], tokenizer, tmp_path)
    sizes = [len(part.encode()) for part in hidden]
    assert encoded.hidden[:, 1].tolist() == sizes * 2
    ids = encoded.tokens[encoded.hidden[:, 0]]
    assert (ids == tokenizer.unk_token_id).all()


def test_only_unknown_words_of_answers_are_charged(tmp_path):
    tokenizer = learn(["que é isto ? a rede"] * 3, "word", conversation=True)
    rows = pa.table({"question": ["que é baleia ?", "a"], "answer": ["a rede", "a gaivota é isto"]})
    encoded = encode(rows, Kind.QUESTION_ANSWER, tokenizer, tmp_path)
    assert encoded.hidden[:, 1].tolist() == [len("gaivota")]
    assert encoded.weights[encoded.hidden[:, 0]].tolist() == [1]


def test_a_part_of_a_stream_hides_what_its_own_tokens_hide(tmp_path):
    tokenizer = learn(LEARNED, "word", 60)
    whole = stream(LEARNED[:400], tokenizer, tmp_path)
    for part in (whole.head(777), whole.sample(500)):
        assert len(part) < len(whole)
        unknown = part.tokens == tokenizer.unk_token_id
        assert part.hidden[:, 0].tolist() == unknown.nonzero()[0].tolist()
    starts = whole.hidden[:, 0] < 777
    assert whole.head(777).hidden.tolist() == whole.hidden[starts].tolist()


def test_the_charge_is_eight_bits_a_byte():
    plain = Score(tokens=10, bytes=40, loss=2.0, accuracy=0.5, seconds=1.0)
    charged = Score(10, 40, 2.0, 0.5, 1.0, unknown=2, unknown_bytes=5)
    assert charged.bits_per_byte == pytest.approx(plain.bits_per_byte + 1)
    assert charged.perplexity == plain.perplexity
    assert charged.metrics()["unknown"] == 2
