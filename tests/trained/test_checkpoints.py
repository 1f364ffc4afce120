"""Other people's checkpoints: loaded for any task, talked to, taught, saved, compared."""

import io
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from prosa import load
from prosa.models.pretrained import load as load_model

from .checkpoints import WRITERS

QUICK = ["--steps", "2", "--batch-size", "4"]
GREEDY = {"max_new_tokens": 6, "temperature": 0.0}


@pytest.mark.parametrize("name", WRITERS)
def test_it_writes_and_talks(name, checkpoint):
    model = load(checkpoint(name))
    assert model.generate("O gato", **GREEDY) == model.generate("O gato", **GREEDY)
    chat = model.chat(system="Você é um zoólogo.", **GREEDY)
    assert chat.answers
    first = "".join(chat.say("Onde o gato dorme?"))
    assert chat.history[-1] == {"role": "assistant", "content": first.strip()}
    "".join(chat.say("E o rato?"))
    assert len(chat.history) == 4


def test_a_model_without_a_template_gets_a_plain_one_and_it_is_said(checkpoint, prosa, monkeypatch):
    assert load(checkpoint("gpt2")).chat().plain
    assert not load(checkpoint("qwen3")).chat().plain
    monkeypatch.setattr("sys.stdin", io.StringIO("Oi\ntchau\n"))
    code, out, _err = prosa("chat", checkpoint("gpt2"), "--max-new-tokens", "3")
    assert code == 0
    assert "without a chat template" in out


def test_an_answer_ends_where_its_template_says(checkpoint):
    network, tokenizer = load_model(checkpoint("qwen3"))
    turn = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert turn in network.generation_config.eos_token_id


def test_padding_that_is_the_end_does_not_keep_a_model_from_ending(checkpoint):
    """With a head that says nothing but the end, nothing is written."""
    for name in ("llama", "mixtral", "gpt2"):
        model = load(checkpoint(name))
        tokenizer, head = model.tokenizer, model.network.get_output_embeddings()
        assert tokenizer.pad_token_id == tokenizer.eos_token_id
        bias = torch.zeros(len(head.weight))
        bias[tokenizer.eos_token_id] = 100.0
        head.bias = torch.nn.Parameter(bias)
        assert model.generate("O gato", **GREEDY) == ""


@pytest.mark.parametrize(
    ("name", "task", "kind"),
    [
        ("bert", "labels", "BertForSequenceClassification"),
        ("llama", "labels", "LlamaForSequenceClassification"),
        ("t5", "labels", "T5ForSequenceClassification"),
        ("bert", "spans", "BertForQuestionAnswering"),
        ("bert", "body", "BertModel"),
        ("bart", "body", "BartModel"),
        ("gpt2", "causal", "GPT2LMHeadModel"),
    ],
)
def test_a_model_is_loaded_for_another_task(name, task, kind, checkpoint):
    told = []
    settings = {"num_labels": 3} if task == "labels" else {}
    model, _tokenizer = load_model(checkpoint(name), task, settings=settings, say=told.append)
    assert type(model).__name__ == kind
    assert bool(told) == (task in ("labels", "spans") or name == "bert")
    if task == "labels":
        assert model.config.num_labels == 3
    own = [value for value in model.state_dict().values() if value.dim() == 2]
    saved = [v for v in load_file(checkpoint(name) / "model.safetensors").values() if v.dim() == 2]
    kept = [v for v in saved if any(v.shape == w.shape and torch.equal(v, w) for w in own)]
    assert len(kept) > len(saved) // 2


@pytest.mark.parametrize("how", ["--full", "--lora"])
@pytest.mark.parametrize("name", WRITERS)
def test_it_is_taught_saved_and_loaded_again(name, how, checkpoint, faq_file, prosa_json):
    result = prosa_json("train", faq_file, "--from", checkpoint(name), how, *QUICK, "-o", "run")
    assert result["family"] == "pretrained"
    assert result["steps"] == 2
    manifest = json.loads(Path("run/prosa.json").read_text(encoding="utf-8"))
    assert manifest["plan"]["lora"] == (16 if how == "--lora" else None)
    score = prosa_json("evaluate", "run", faq_file)
    assert 0 < score["bits_per_byte"] < 20
    answers = prosa_json("generate", "run", "O gato", "--max-new-tokens", "4", "--seed", "1")
    prosa_json("export", "run", "--to", "hf", "-o", "whole")
    again = prosa_json("generate", "whole", "O gato", "--max-new-tokens", "4", "--seed", "1")
    assert again["text"] == answers["text"]
    assert prosa_json("models") is not None


def test_a_masked_one_is_taught_text(checkpoint, lines_file, prosa_json):
    flags = ["--from", checkpoint("bert"), *QUICK, "--context", "32", "-o", "run"]
    assert prosa_json("train", lines_file, *flags)["task"] == "masked"
    assert prosa_json("fill", "run", "O gato [MASK] na praça.")["candidates"]


def test_only_answers_are_learned_and_their_end(checkpoint, faq_file, prosa_json):
    """After enough steps the answer comes whole, and stops."""
    flags = ["--steps", "150", "--learning-rate", "0.01", "--batch-size", "16", "--seed", "1"]
    always = ["--validation", "0", "--test", "0", "-o", "run"]
    prosa_json("train", faq_file, "--from", checkpoint("llama"), *flags, *always)
    said = "".join(load("run").chat(max_new_tokens=30, temperature=0.0).say("Onde o gato corre?"))
    assert said.strip() == "O gato corre no jardim."


def test_lora_learns_and_its_base_stays(checkpoint, faq_file, prosa_json):
    before = (checkpoint("llama") / "model.safetensors").read_bytes()
    flags = ["--from", checkpoint("llama"), "--lora", "--steps", "60", "--learning-rate", "0.01"]
    lora = prosa_json("train", faq_file, *flags, "-o", "run")
    start = prosa_json("evaluate", checkpoint("llama"), faq_file)
    assert lora["validation_loss"] < 0.95 * start["loss"]
    assert (checkpoint("llama") / "model.safetensors").read_bytes() == before


def test_a_run_learns_text_first_and_then_answers(lines_file, faq_file, prosa_json):
    tiny = ["--hidden-size", "16", "--layers", "1", "--context", "64", "--vocabulary", "300"]
    for family in ("decoder", "gru"):
        own = [*tiny, *(["--embedding-size", "8"] if family == "gru" else [])]
        prosa_json("train", lines_file, "--family", family, "--steps", "3", *own, "-o", family)
        further = ["--from", family, "--steps", "3", "-o", f"{family}-faq"]
        result = prosa_json("train", faq_file, *further)
        assert result["family"] == family
        assert load(f"{family}-faq").chat(**GREEDY).answers
        assert not load(family).chat(**GREEDY).answers
        assert prosa_json("evaluate", f"{family}-faq", faq_file)["bits_per_byte"] > 0


def test_one_table_of_other_peoples_models_and_ones_own(
    checkpoint, faq_file, prosa_json, lines_file
):
    tiny = ["--hidden-size", "16", "--layers", "1", "--context", "64", "--vocabulary", "300"]
    prosa_json("train", faq_file, "--steps", "2", *tiny, "-o", "mine")
    names = ("blenderbot", "bart", "t5", "gpt2")
    flags = ["--data", faq_file, "--prompts", "Onde o gato dorme?"]
    result = prosa_json("compare", *map(checkpoint, names), "mine", *flags)
    assert [row["name"] for row in result["models"]] == [*names, "mine"]
    assert all(row["bits_per_byte"] > 0 for row in result["models"])
    assert set(result["prompts"][0]["answers"]) == {*names, "mine"}
