"""One clear message for whatever is wrong with a model from elsewhere, or what is asked of it."""

import json
import pickle
import time

import pytest
import torch

from prosa.errors import InputError
from prosa.models import gguf, pretrained


def refused(prosa, *words):
    code, _out, err = prosa(*words)
    assert code == 2, err
    assert "Traceback" not in err
    return err


QUICK = ["--steps", "1", "--batch-size", "4"]


@pytest.mark.parametrize(
    ("name", "task"),
    [("bert", "causal"), ("gpt2", "seq2seq"), ("llama", "masked"), ("t5", "causal")],
)
def test_a_checkpoint_of_the_wrong_kind_for_the_task(name, task, checkpoint):
    with pytest.raises(InputError, match="cannot do this"):
        pretrained.load(checkpoint(name), task)


def test_a_masked_one_neither_talks_nor_learns_answers(checkpoint, faq_file, prosa):
    assert "does not write" in refused(prosa, "chat", checkpoint("bert"))
    message = refused(prosa, "train", faq_file, "--from", checkpoint("bert"), *QUICK)
    assert "cannot learn from data of the kind" in message


def test_code_that_wants_to_be_trusted(damaged, prosa):
    folder = damaged("llama")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "alien", "auto_map": {"AutoModelForCausalLM": "alien.Alien"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "alien.py").write_text("raise SystemExit('executed')")
    message = refused(prosa, "generate", folder, "Oi")
    assert "code" in message
    assert "alien.py" in message


def test_a_folder_with_a_pickle(damaged, prosa):
    folder = damaged("gpt2")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"w": 1}))
    assert "pickle" in refused(prosa, "generate", folder, "Oi")


def test_what_does_not_fit_the_memory_is_not_tried(checkpoint, prosa, monkeypatch):
    class Memory:
        available = 1_000

    monkeypatch.setattr("psutil.virtual_memory", Memory)
    message = refused(prosa, "generate", checkpoint("gpt2"), "Oi")
    assert "does not fit into the memory" in message
    assert "1.0 kB are free" in message


@pytest.mark.parametrize("content", [b"GGUF", b"GGUF\x03\0\0\0\x05\0\0\0\0\0\0\0", b"nothing"])
def test_a_gguf_that_is_cut_off_or_none(content, tmp_path):
    path = tmp_path / "modelo.gguf"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"GGUF"):
        gguf.converted(path, print)
    assert list(tmp_path.iterdir()) == [path]


def _taught(prosa, checkpoint, faq_file, name):
    code, _out, err = prosa(
        "train", faq_file, "--from", checkpoint(name), "--lora", *QUICK, "-o", "run"
    )
    assert code == 0, err


def test_an_adapter_for_another_model(checkpoint, faq_file, prosa, tmp_path):
    _taught(prosa, checkpoint, faq_file, "llama")
    path = tmp_path / "run" / "adapter_config.json"
    config = json.loads(path.read_text())
    assert config["base_model_name_or_path"] == str(checkpoint("llama"))
    for other in ("gpt2", "qwen3"):
        path.write_text(json.dumps(config | {"base_model_name_or_path": str(checkpoint(other))}))
        assert "another model" in refused(prosa, "generate", "run", "Oi")
    path.write_text(json.dumps(config | {"base_model_name_or_path": "/not/there"}))
    assert "/not/there" in refused(prosa, "generate", "run", "Oi")


def test_an_adapter_that_is_pickled_or_cut_off(checkpoint, faq_file, prosa, tmp_path):
    _taught(prosa, checkpoint, faq_file, "gpt2")
    weights = tmp_path / "run" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9])
    assert "cut off" in refused(prosa, "generate", "run", "Oi")
    weights.rename(weights.with_suffix(".bin"))
    assert "pickle" in refused(prosa, "generate", "run", "Oi")


def test_lora_needs_a_model(lines_file, prosa):
    assert "--from" in refused(prosa, "train", lines_file, "--lora", *QUICK)
    assert "--from" in refused(prosa, "train", lines_file, "--family", "pretrained", *QUICK)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_four_bits_need_a_gpu(checkpoint, faq_file, prosa):
    words = ["train", faq_file, "--from", checkpoint("llama"), "--four-bit", *QUICK]
    assert "on a GPU only" in refused(prosa, *words)


def test_an_adapter_needs_linear_layers(lines_file, prosa):
    tiny = ["--hidden-size", "16", "--embedding-size", "8", "--layers", "1", "--steps", "1"]
    assert prosa("train", lines_file, "--family", "gru", *tiny, "-o", "gru")[0] == 0
    message = refused(prosa, "train", lines_file, "--from", "gru", "--lora", "--steps", "1")
    assert "takes no adapter" in message


def test_sizes_of_a_trained_model_stand(checkpoint, faq_file, prosa):
    message = refused(prosa, "train", faq_file, "--from", checkpoint("llama"), "--layers", "5")
    assert "--layers is 5, but the model to start from has 2" in message


def test_the_hub_without_a_network_is_said_at_once(prosa):
    began = time.monotonic()
    message = refused(prosa, "chat", "openai-community/gpt2")
    assert "https://huggingface.co/openai-community/gpt2" in message
    assert time.monotonic() - began < 20


def test_tokens_of_a_trained_model_stand(checkpoint, faq_file, prosa):
    message = refused(
        prosa, "train", faq_file, "--from", checkpoint("llama"), "--tokenizer", "char"
    )
    assert "--tokenizer makes no sense with --from" in message
