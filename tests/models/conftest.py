"""Throwaway tokenizers and models: made in the process, trained for a second, shared here."""

import os
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import WordLevel
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from prosa.models.family import Family, Sizes, SpecialIds
from prosa.models.registry import REGISTRY, build, count, family
from prosa.tokens.learn import learn

SENTENCES = [
    "A coruja guardou a lanterna do avô.",
    "O menino perdeu a pipa no telhado.",
    "Inês plantou um pé de maçã no quintal.",
    "O cão dormiu em cima do tapete azul.",
    "A avó contou uma história de pescador.",
    "João achou a chave debaixo da mesa.",
    "A gata subiu no muro e não desceu.",
    "O padeiro assou pão de manhã cedo.",
    "Lúcia emprestou o lápis ao irmão.",
    "O barco voltou ao cais antes da chuva.",
]

PAIRS = [
    ("coruja", "owl"),
    ("menino", "boy"),
    ("a pipa", "the kite"),
    ("maçã", "apple"),
    ("o cão", "the dog"),
    ("avó", "grandma"),
    ("chave", "key"),
    ("muro", "wall"),
    ("pão", "bread"),
    ("barco", "boat"),
]

SMALL = {
    "ngram": Sizes(order=3),
    "decoder": Sizes(context=64, layers=2, hidden_size=32, heads=2),
}
RECURRENT = Sizes(context=64, layers=2, hidden_size=32, embedding_size=16, dropout=0.0)


def _pairwise(cell: str, attention: str) -> tuple[str, Sizes]:
    return "seq2seq", replace(RECURRENT, hidden_size=24, cell=cell, attention=attention)


PAIRWISE = {
    "seq2seq": _pairwise("lstm", "multiplicative"),
    "seq2seq-additive": _pairwise("lstm", "additive"),
    "seq2seq-gru": _pairwise("gru", "multiplicative"),
    "seq2seq-none": _pairwise("gru", "none"),
    "encoder-decoder": ("encoder-decoder", SMALL["decoder"]),
}
"""Families from pairs, some in several kinds."""
SEQ2SEQ = "AutoModelForSeq2SeqLM"


@dataclass
class Trained:
    """A small model of a family, what it was trained on, and its loss before and after."""

    family: Family
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    before: float
    after: float

    def encode(self, text: str) -> Tensor:
        """Tokens [1, L] of a text, after the start of a text."""
        ids = self.tokenizer.encode(text, add_special_tokens=False)
        return torch.tensor([[self.tokenizer.bos_token_id, *ids]])

    def source(self, text: str) -> Tensor:
        """Tokens [1, S] of a source, as a plain call of the tokenizer gives them."""
        return torch.tensor([self.tokenizer(text)["input_ids"]])

    def target(self, text: str) -> Tensor:
        """Tokens [1, T] of the beginning of a target, after the sign to start."""
        ids = self.tokenizer.encode(text, add_special_tokens=False)
        return torch.tensor([[self.model.config.decoder_start_token_id, *ids]])


def names() -> list[str]:
    """The families that continue a text."""
    return [name for name in REGISTRY if "causal" in family(name).tasks]


def character_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer of the characters of `SENTENCES`."""
    specials = ["<pad>", "<unk>", "<s>", "</s>"]
    words = specials + sorted(set("".join(SENTENCES)))
    vocabulary = {word: number for number, word in enumerate(words)}
    backend = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    backend.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
    )


def documents(tokenizer: PreTrainedTokenizerFast) -> list[list[int]]:
    """Each sentence between the start and the end of a text."""
    plain = tokenizer(SENTENCES, add_special_tokens=False)["input_ids"]
    return [[tokenizer.bos_token_id, *ids, tokenizer.eos_token_id] for ids in plain]


def batch(tokenizer: PreTrainedTokenizerFast) -> dict[str, Tensor]:
    """All sentences as one right-padded batch with labels."""
    rows = documents(tokenizer)
    longest = max(map(len, rows))
    ids = [row + [tokenizer.pad_token_id] * (longest - len(row)) for row in rows]
    labels = [row + [-100] * (longest - len(row)) for row in rows]
    return {"input_ids": torch.tensor(ids), "labels": torch.tensor(labels)}


def fresh(name: str, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """A small model with fresh weights; an n-gram is counted, as it has no other way to be."""
    torch.manual_seed(0)
    known, ids = family(name), SpecialIds.of(tokenizer)
    sizes = SMALL.get(name, RECURRENT)
    if known.learning == "count":
        rows = documents(tokenizer)
        tokens = np.concatenate([np.asarray(row, dtype=np.uint16) for row in rows])
        offsets = np.cumsum([0, *map(len, rows)]).astype(np.int64)
        counted = SimpleNamespace(tokens=tokens, offsets=offsets, classes=())
        return count(known, counted, sizes, len(tokenizer), ids)
    return build(known, sizes, len(tokenizer), ids)


def train(model: PreTrainedModel, data: dict[str, Tensor], steps: int = 40) -> tuple[float, float]:
    """Descend on one batch; the loss of the first step and after the last."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    losses = []
    model.train()
    for _ in range(steps):
        loss = model(**data).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        return losses[0], model(**data).loss.item()


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    return character_tokenizer()


@pytest.fixture(scope="session", params=names())
def trained(request: pytest.FixtureRequest, tokenizer: PreTrainedTokenizerFast) -> Trained:
    """A small trained model of each family in turn; tests leave it as it is."""
    return small_model(request.param, tokenizer)


@pytest.fixture(scope="session")
def every_trained(tokenizer: PreTrainedTokenizerFast) -> list[Trained]:
    """A small trained model of each family, all at once."""
    return [small_model(name, tokenizer) for name in names()]


_made: dict[str, Trained] = {}


def small_model(name: str, tokenizer: PreTrainedTokenizerFast) -> Trained:
    """The one small trained model of a family in this session."""
    if name not in _made:
        data = batch(tokenizer)
        model = fresh(name, tokenizer).eval()
        if family(name).learning == "descend":
            before, after = train(model, data)
        else:
            before, after = float(np.log(len(tokenizer))), model(**data).loss.item()
        _made[name] = Trained(family(name), model, tokenizer, before, after)
    return _made[name]


def pair_model(kind: str) -> Trained:
    """The one small model of a kind from `PAIRWISE` in this session, trained on `PAIRS`."""
    if kind not in _made:
        name, sizes = PAIRWISE[kind]
        tokenizer = learn([side for pair in PAIRS for side in pair], "char", template="$A </s>")
        sources, targets = zip(*PAIRS, strict=True)
        data = tokenizer(sources, padding=True, return_tensors="pt", padding_side="right")
        labels = tokenizer(targets, padding=True, return_tensors="pt", padding_side="right")
        labels = labels["input_ids"].masked_fill(labels["attention_mask"] == 0, -100)
        torch.manual_seed(0)
        model = build(family(name), sizes, len(tokenizer), SpecialIds.of(tokenizer), SEQ2SEQ)
        before, after = train(model, {**data, "labels": labels}, steps=100)
        _made[kind] = Trained(family(name), model, tokenizer, before, after)
    return _made[kind]


@pytest.fixture(scope="session", params=PAIRWISE)
def paired(request: pytest.FixtureRequest) -> Trained:
    """A small trained model of each kind from pairs in turn; tests leave it as it is."""
    return pair_model(request.param)


def encoder_model() -> Trained:
    """The one small encoder of this session, trained to guess every word of `SENTENCES`."""
    if "encoder" not in _made:
        known = family("encoder")
        tokenizer = learn(SENTENCES, "word", special=["[MASK]"], template="<s> $A </s>")
        rows = tokenizer(SENTENCES, padding=True, return_tensors="pt", padding_side="right")
        # Each row as often as it has words, another one masked every time.
        words = rows["attention_mask"].bool() & (rows["input_ids"] > len(tokenizer.all_special_ids))
        row, column = words.nonzero(as_tuple=True)
        data = {name: values[row] for name, values in rows.items() if name != "token_type_ids"}
        labels, place = data["input_ids"].clone(), torch.arange(len(row))
        data["input_ids"][place, column] = tokenizer.mask_token_id
        data["labels"] = labels.masked_fill(data["input_ids"] == labels, -100)
        torch.manual_seed(0)
        ids = SpecialIds.of(tokenizer)
        model = build(known, SMALL["decoder"], len(tokenizer), ids, "AutoModelForMaskedLM")
        before, after = train(model, data, steps=160)
        _made["encoder"] = Trained(known, model, tokenizer, before, after)
    return _made["encoder"]


@pytest.fixture(scope="session")
def encoder() -> Trained:
    """A small trained encoder; tests leave it as it is."""
    return encoder_model()


@pytest.fixture
def offline_home(tmp_path: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process without a network and with an empty cache of its own."""
    return {**os.environ, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1"}
