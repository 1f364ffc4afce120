"""A family is one file and one line, a task one file and one line: no more is asked anywhere.

A toy of each is declared in a module made here, registered, and taken through everything.
"""

import json
import sys

import pytest

from prosa.models.registry import REGISTRY as FAMILIES
from prosa.tasks.task import REGISTRY as TASKS
from prosa.verbs.comparing import compare

FAMILY = '''
"""A feed-forward language model (Bengio et al. 2003): the next token from the last three."""

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

from prosa.models.family import About, Family, Sizes
from prosa.models.generation import WindowGenerationMixin, columns, output

WINDOW = 3


class ToyConfig(PreTrainedConfig):
    model_type = "prosa_toy"
    vocab_size: int = 256
    hidden_size: int = 16
    num_hidden_layers: int = 1


class ToyForCausalLM(WindowGenerationMixin, PreTrainedModel):
    config_class = ToyConfig
    window = WINDOW

    def __init__(self, config):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layer = nn.Linear(WINDOW * config.hidden_size, config.hidden_size)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size)
        self.post_init()

    def forward(
        self, input_ids, attention_mask=None, labels=None, logits_to_keep=0, **kwargs
    ):
        kwargs.pop("use_cache", None)
        self._check_growth(input_ids.shape[1], attention_mask, enough=WINDOW)
        read = self.embed_tokens(input_ids)
        if attention_mask is not None:
            read = read * attention_mask[:, -read.shape[1] :, None]
        read = nn.functional.pad(read, (0, 0, WINDOW - 1, 0))
        length = input_ids.shape[1]
        seen = torch.cat([read[:, i : i + length] for i in range(WINDOW)], dim=2)
        logits = self.lm_head(self.layer(seen).tanh())
        loss = None
        if labels is not None:
            loss = self.loss_function(logits, labels, vocab_size=logits.shape[2], **kwargs)
        return output(loss, logits[:, columns(logits_to_keep)])


def configure(sizes, vocabulary, ids):
    return ToyConfig(vocab_size=vocabulary, hidden_size=sizes.hidden_size, **ids.named)


TOY = Family(
    name="toy",
    tasks=("backwards", "causal"),
    learning="descend",
    config=ToyConfig,
    configure=configure,
    sizes=(Sizes(context=32, hidden_size=16), Sizes(context=32, hidden_size=32)),
    about=About("a window of three tokens", "2003 (Bengio et al.)", "showing a seam"),
    own={"AutoModelForCausalLM": ToyForCausalLM},
)
'''

TASK = '''
"""Texts from their end to their beginning."""

import pyarrow as pa

from prosa.data.kinds import Kind
from prosa.measure.bits import score
from prosa.tokens.encoder import TextEncoder
from prosa.tokens.examples import Packed, encode


class Backwards:
    name = "backwards"
    kinds = frozenset({Kind.TEXT})
    auto = "AutoModelForCausalLM"
    special = ()
    template = None
    loss_only = False
    writes = True
    replies = True
    tries = ("prosa generate {name}",)

    def chats(self, kind):
        return False

    def encode(self, table, kind, tokenizer, folder):
        turned = pa.table({"text": [text[::-1] for text in table["text"].to_pylist()]})
        return encode(turned, kind, tokenizer, folder)

    def batches(self, stream, tokenizer, recipe, context, **order):
        return Packed(stream, context, **order)

    def prompt(self, tokenizer, text):
        return [tokenizer.bos_token_id, *TextEncoder(tokenizer)([text[::-1]])[0].tolist()]

    def measure(self, model, tokenizer, stream, *, whole=True):
        return score(model, stream).metrics()


BACKWARDS = Backwards()
'''


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """Their modules, and one line in each registry."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "toy_family.py").write_text(FAMILY)
    (folder / "toy_task.py").write_text(TASK)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setitem(FAMILIES, "toy", "toy_family:TOY")
    monkeypatch.setitem(TASKS, "backwards", "toy_task:BACKWARDS")
    yield
    for name in ("toy_family", "toy_task"):
        sys.modules.pop(name, None)


def test_a_toy_goes_the_whole_way(toys, prosa, prosa_json, lines_file, faq_file, tmp_path):
    flags = ["--tokenizer", "char", "--steps", "60", "--batch-size", "8", "--seed", "1"]
    result = prosa_json("train", lines_file, "--family", "toy", *flags, "-o", "toy")
    manifest = json.loads((tmp_path / "toy" / "prosa.json").read_text())
    assert (result["family"], manifest["plan"]["task"]) == ("toy", "backwards")
    assert result["validation_loss"] < 2.5  # of 27 characters, in random order 3.3

    score = prosa_json("evaluate", "toy", lines_file)
    assert score["loss"] == pytest.approx(result["validation_loss"], rel=0.2)

    drawn = ["--temperature", "0", "--max-new-tokens", "12"]
    written = prosa_json("generate", "toy", "amanhã.", *drawn)["text"]
    assert written.startswith(" ")  # before the last word, from its end
    assert prosa_json("generate", "toy", "amanhã.", *drawn)["text"] == written

    prosa_json("train", lines_file, "--family", "ngram", "-o", "counted")
    rows = compare(["toy", "counted"], lines_file, prompts="O gato").to_json()["models"]
    assert [row["name"] for row in rows] == ["toy", "counted"]
    assert rows[0]["bits_per_byte"] == pytest.approx(score["bits_per_byte"], rel=1e-6)
    assert rows[0]["task"] == "backwards"

    again = ["--from", "toy", "--steps", "2", "--batch-size", "4", "-o", "more"]
    assert prosa_json("train", lines_file, *again)["family"] == "toy"
    code, out, _err = prosa("models")
    assert code == 0
    assert "a window of three tokens" in out

    # Its second task, by the kind of the data.
    questions = prosa_json("train", faq_file, "--family", "toy", *flags, "-o", "answers")
    manifest = json.loads((tmp_path / "answers" / "prosa.json").read_text())
    assert (questions["family"], manifest["plan"]["task"]) == ("toy", "causal")


def test_what_a_toy_cannot_do_is_said(toys, prosa, lines_file, faq_file):
    code, _out, err = prosa("train", lines_file, "--family", "toy", "--layers", "2")
    assert code == 2
    assert "--layers means nothing to the family toy" in err
    code, _out, err = prosa("train", lines_file, "--family", "seq2seq")
    assert code == 2
    assert "toy" in err.partition("Families that learn from it")[2]
