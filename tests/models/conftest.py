"""Throwaway tokenizers and models: made in the process, trained for a second, shared here."""

import os
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import WordLevel
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from prosa.models.family import Family, Sizes, SpecialIds
from prosa.models.registry import REGISTRY, build, count, family

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

SMALL = {
    "ngram": Sizes(order=3),
    "decoder": Sizes(context=64, layers=2, hidden_size=32, heads=2),
}
RECURRENT = Sizes(context=64, layers=2, hidden_size=32, embedding_size=16, dropout=0.0)


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
        return count(known, tokens, offsets, sizes, len(tokenizer), ids)
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


@pytest.fixture
def offline_home(tmp_path: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process without a network and with an empty cache of its own."""
    return {**os.environ, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1"}
