"""ARPA files: a plain reader, and KenLM, score by them as we do."""

import gzip
import math
import random
from itertools import chain
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from transformers import LlamaConfig, LlamaForCausalLM

from prosa.errors import InputError
from prosa.exports import arpa
from prosa.models.family import Sizes, SpecialIds
from prosa.models.registry import count, family
from prosa.tokens.learn import learn

SENTENCES = [
    "a maré subiu de manhã e o barco saiu",
    "o barco voltou de noite e a maré desceu",
    "a gaivota seguiu o barco até o farol",
    "o farol acendeu e a gaivota dormiu",
    "de manhã o pescador remendou a rede",
    "a rede secou e o pescador dormiu",
    "é cedo",
    "farol",
]


def stream(tokenizer, texts):
    """The texts as `count` and `score_stream` take them."""
    plain = tokenizer(texts, add_special_tokens=False)["input_ids"]
    rows = [[tokenizer.bos_token_id, *ids, tokenizer.eos_token_id] for ids in plain]
    return np.array(list(chain(*rows)), np.uint16), np.cumsum([0, *map(len, rows)])


def counted(texts, order, algorithm="whitespace"):
    tokenizer = learn(texts, algorithm)
    tokens, offsets = stream(tokenizer, texts)
    ids = SpecialIds.of(tokenizer)
    counted = SimpleNamespace(tokens=tokens, offsets=offsets, classes=())
    model = count(family("ngram"), counted, Sizes(order=order), len(tokenizer), ids)
    return model, tokenizer


class Reader:
    """What the format means: the longest n-gram that is there, and the backoffs on the way."""

    def __init__(self, path):
        self.ngrams = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            if len(fields := line.split("\t")) > 1:
                self.ngrams[tuple(fields[1].split(" "))] = [*map(float, fields[::2]), 0.0][:2]

    def score(self, symbols):
        words = ["<s>", *symbols.split(), "</s>"]
        words = [word if (word,) in self.ngrams else "<unk>" for word in words]
        return sum(self.after(tuple(words[:i]), words[i]) for i in range(1, len(words)))

    def after(self, context, word):
        if (*context, word) in self.ngrams:
            return self.ngrams[(*context, word)][0]
        return self.ngrams.get(context, (0.0, 0.0))[1] + self.after(context[1:], word)


def words_at_random():
    words = [*" ".join(SENTENCES).split(), "baleia", "<unk>", "açúcar"]
    draw = random.Random(1)
    return [" ".join(draw.choices(words, k=draw.randrange(1, 12))) for _ in range(50)]


LETTERS = ["a maré\nsubiu", "é\\ã  e\u00a0só", "a\\x20b"]
WITH_UNKNOWN = ["o <unk> riu", "o <unk> <unk> riu", "a <unk> riu", "o rato riu"]
ASKED = ["a maré subiu de manhã e o barco saiu", "o farol dormiu", "a baleia remendou o barco"]
FIGURES = {
    2: [-8.47669, -4.12766, -8.78469],
    3: [-4.87766, -3.87486, -9.38675],
    5: [-2.6499, -4.17589, -9.38675],
}
"""Of each order what KenLM gives for `ASKED`, after `SENTENCES`: logarithms to base 10."""
REFERENCE = Path(__file__).parents[3] / "shared" / "data" / "kneser-ney"
CASES = [
    *((SENTENCES, order, "whitespace", [*words_at_random(), "baleia"]) for order in (2, 3, 5)),
    (LETTERS, 4, "char", ["só a b", "x\\ 0"]),
    (WITH_UNKNOWN, 3, "whitespace", ["a lua riu", "lua lua"]),
    (["o", "a"], 9, "whitespace", ["o a", "e"]),
]


def assert_agrees(reader_of, case, path):
    texts, order, algorithm, others = case
    model, tokenizer = counted(texts, order, algorithm)
    arpa.export(model, tokenizer, path)
    reader = reader_of(path)
    for text in [*texts, *others]:
        ours = float(model.score_stream(*stream(tokenizer, [text])).sum()) / math.log(10)
        symbols = " ".join(arpa.symbol(token) for token in tokenizer.tokenize(text))
        assert reader.score(symbols) == pytest.approx(ours, abs=2e-5), text


@pytest.mark.parametrize("case", CASES)
def test_a_plain_reader_scores_as_we_do(tmp_path, case):
    assert_agrees(Reader, case, tmp_path / "modelo.arpa")


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_kenlm_scores_as_we_do(tmp_path, case):
    kenlm = pytest.importorskip("kenlm")
    assert_agrees(lambda path: kenlm.Model(str(path)), case, tmp_path / "modelo.arpa")


@pytest.mark.parametrize(("order", "scores"), FIGURES.items())
def test_the_scores_are_the_figures_of_kenlm(order, scores):
    model, tokenizer = counted(SENTENCES, order)
    ours = [float(model.score_stream(*stream(tokenizer, [text])).sum()) for text in ASKED]
    assert [nats / math.log(10) for nats in ours] == pytest.approx(scores, abs=2e-5)


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the reference values are not here")
def test_every_ngram_is_that_of_lmplz(tmp_path):
    texts = (REFERENCE / "tiny.txt").read_text(encoding="utf-8").splitlines()
    model, tokenizer = counted(texts, 3)
    arpa.export(model, tokenizer, tmp_path / "modelo.arpa")
    ours, theirs = Reader(tmp_path / "modelo.arpa"), Reader(REFERENCE / "tiny.3.arpa")
    assert ours.ngrams.keys() == theirs.ngrams.keys()
    for ngram, values in theirs.ngrams.items():
        assert ours.ngrams[ngram] == pytest.approx(values, abs=2e-5), ngram


def test_the_file_states_what_it_holds(tmp_path):
    model, tokenizer = counted(SENTENCES, 3)
    path = tmp_path / "modelo.arpa"
    arpa.export(model, tokenizer, path)
    head, *sections = path.read_text(encoding="utf-8").split("-grams:\n")
    assert head.startswith("\\data\\\nngram 1=")
    assert sections[-1].endswith("\n\n\\end\\\n")
    stated = [int(line.split("=")[1]) for line in head.splitlines() if line.startswith("ngram")]
    lines = [[line for line in part.splitlines() if "\t" in line] for part in sections]
    assert stated == list(map(len, lines))
    assert [{line.count("\t") for line in part} for part in lines] == [{2}, {2}, {1}]
    assert "<pad>" not in sections[0]
    assert any(line.startswith("0\t<s>\t-") for line in lines[0])


def test_symbols_stand_for_spaces_and_backslashes(tmp_path):
    model, tokenizer = counted(LETTERS, 4, "char")
    path = tmp_path / "letras.arpa"
    arpa.export(model, tokenizer, path)
    content = path.read_text(encoding="utf-8")
    assert "\\x20" in content
    assert "\\x0a" in content


@pytest.mark.parametrize(
    ("token", "written"),
    [
        ("maçã", "maçã"),
        ("Ġcasa", "Ġcasa"),
        ("a b", "a\\x20b"),
        ("\t", "\\x09"),
        ("a\u3000b", "a\\u3000b"),
        ("\U000e0001", "\\U000e0001"),
        ("\\n", "\\\\n"),
        ("", "\\"),
    ],
)
def test_a_token_becomes_one_symbol(token, written):
    assert arpa.symbol(token) == written


def test_a_gzipped_file_holds_the_same(tmp_path):
    model, tokenizer = counted(SENTENCES, 2)
    arpa.export(model, tokenizer, tmp_path / "modelo.arpa")
    arpa.export(model, tokenizer, tmp_path / "modelo.arpa.gz")
    zipped = gzip.decompress((tmp_path / "modelo.arpa.gz").read_bytes())
    assert zipped == (tmp_path / "modelo.arpa").read_bytes()


def test_an_order_longer_than_the_texts_is_not_stated(tmp_path):
    model, tokenizer = counted(["o", "a"], 9)
    path = tmp_path / "modelo.arpa"
    arpa.export(model, tokenizer, path)
    assert "ngram 4=" not in path.read_text(encoding="utf-8")


def test_an_existing_file_stays_unless_it_may_go(tmp_path):
    model, tokenizer = counted(SENTENCES, 2)
    path = tmp_path / "modelo.arpa"
    path.write_text("meu", encoding="utf-8")
    with pytest.raises(InputError):
        arpa.export(model, tokenizer, path)
    assert path.read_text(encoding="utf-8") == "meu"
    arpa.export(model, tokenizer, path, overwrite=True)
    assert path.read_text(encoding="utf-8").startswith("\\data\\")


def test_only_an_ngram_can_be_written(tmp_path):
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "vocab_size": 20}
    model = LlamaForCausalLM(LlamaConfig(num_attention_heads=1, **sizes))
    with pytest.raises(InputError, match="llama"):
        arpa.export(model, learn(SENTENCES, "whitespace"), tmp_path / "modelo.arpa")
    assert list(tmp_path.iterdir()) == []
