"""ARPA files: KenLM reads them and scores as we do."""

import gzip
import math
import random
from itertools import chain

import kenlm
import numpy as np
import pytest
from transformers import LlamaConfig, LlamaForCausalLM

from prosa.errors import InputError
from prosa.exports import arpa
from prosa.models import FAMILIES, Sizes, SpecialIds
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
    model = FAMILIES["ngram"].count(tokens, offsets, Sizes(order=order), len(tokenizer), ids)
    return model, tokenizer


def assert_kenlm_agrees(path, model, tokenizer, texts):
    reader = kenlm.Model(str(path))
    for text in texts:
        ours = float(model.score_stream(*stream(tokenizer, [text])).sum()) / math.log(10)
        symbols = " ".join(arpa.symbol(token) for token in tokenizer.tokenize(text))
        assert reader.score(symbols) == pytest.approx(ours, abs=2e-5), text


@pytest.mark.parametrize("order", [2, 3, 5])
def test_kenlm_scores_as_we_do(tmp_path, order):
    model, tokenizer = counted(SENTENCES, order)
    path = tmp_path / "modelo.arpa"
    arpa.export(model, tokenizer, path)
    words = [*" ".join(SENTENCES).split(), "baleia", "<unk>", "açúcar"]
    draw = random.Random(1)
    shuffled = [" ".join(draw.choices(words, k=draw.randrange(1, 12))) for _ in range(50)]
    assert_kenlm_agrees(path, model, tokenizer, [*SENTENCES, *shuffled, "baleia"])


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
    texts = ["a maré\nsubiu", "é\\ã  e\u00a0só", "a\\x20b"]
    model, tokenizer = counted(texts, 4, "char")
    path = tmp_path / "letras.arpa"
    arpa.export(model, tokenizer, path)
    content = path.read_text(encoding="utf-8")
    assert "\\x20" in content
    assert "\\x0a" in content
    assert_kenlm_agrees(path, model, tokenizer, [*texts, "só a b", "x\\ 0"])


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


def test_a_counted_unknown_word_keeps_its_ngrams(tmp_path):
    texts = ["o <unk> riu", "o <unk> <unk> riu", "a <unk> riu", "o rato riu"]
    model, tokenizer = counted(texts, 3)
    path = tmp_path / "modelo.arpa"
    arpa.export(model, tokenizer, path)
    assert_kenlm_agrees(path, model, tokenizer, [*texts, "a lua riu", "lua lua"])


def test_an_order_longer_than_the_texts_is_not_stated(tmp_path):
    model, tokenizer = counted(["o", "a"], 9)
    path = tmp_path / "modelo.arpa"
    arpa.export(model, tokenizer, path)
    assert "ngram 4=" not in path.read_text(encoding="utf-8")
    assert_kenlm_agrees(path, model, tokenizer, ["o", "a", "o a", "e"])


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
