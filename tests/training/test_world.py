"""Several processes learn what one learns from the same batches; one writes and speaks; all end."""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import chain

import pytest
from safetensors.torch import load_file
from tests.fixtures import sentences

from prosa import InputError, train
from prosa.training.shares import Shares

# A batch of ten rows: no multiple of two processes' passes, and the data's last one is smaller.
SETTINGS = {
    "steps": 20,
    "batch_size": 10,
    "hidden_size": 16,
    "layers": 1,
    "context": 32,
    "dropout": 0.0,
    "tokenizer": "char",
}
FAMILIES = {"decoder": {"heads": 2}, "lstm": {"embedding_size": 8}}
TRAINING = """
import json, os, sys
import prosa
settings, families = json.loads(sys.argv[1])
said, heard = [], []
try:
    prosa.train("nowhere.txt")
except prosa.InputError as error:
    said.append([str(error), error.told])
for family, more in families.items():
    where = f"two-{family}"
    run = prosa.train("texts.jsonl", listen=heard.append, family=family, output=where,
                      **settings, **more)
    said.append([run.result, run.model.num_parameters()])
said.append(prosa.train("texts.jsonl", family="ngram", output="two-ngram").result)
with open(f"said-{os.environ['RANK']}.json", "w") as file:
    json.dump([said, len(heard)], file)
"""
COMMAND = """
import sys
import prosa.training.control as control
control.CHECKPOINT_SECONDS = 0.2
from prosa.cli.app import run
sys.exit(run(sys.argv[1:]))
"""
FLAGS = [
    *["--family", "lstm", "--hidden-size", "24", "--embedding-size", "12", "--layers", "1"],
    *["--context", "16", "--batch-size", "4", "--tokenizer", "char", "--dropout", "0.2"],
]


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "texts.jsonl"
    lines = (json.dumps({"text": sentence}) for sentence in sentences())
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def torchrun(tmp_path):
    """Start a program twice, as torchrun does; gives the launcher's process."""
    started = []

    def start(program, *words):
        script = tmp_path / "program.py"
        script.write_text(program, encoding="utf-8")
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        process = subprocess.Popen(
            [sys.executable, *launcher, str(script), *words],
            env={**os.environ, "OMP_NUM_THREADS": "1", "PROSA_LANG": "en"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()  # and with it the processes that it started
        process.communicate(timeout=60)


def workers(launcher):
    listed = subprocess.run(
        ["ps", "--ppid", str(launcher.pid), "-o", "pid="],
        capture_output=True,
        text=True,
        check=True,
    )
    return [int(pid) for pid in listed.stdout.split()]


def wait_for_checkpoint(folder, process):
    end = time.monotonic() + 120
    while not list(folder.glob("checkpoint-*/trainer_state.json")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize(("processes", "accumulation"), [(1, 3), (2, 1), (3, 2), (4, 3)])
def test_a_step_has_the_same_rows_on_any_number_of_processes(processes, accumulation, ordered):
    def steps(processes, accumulation):
        parts = []
        for rank in range(processes):
            shares = Shares(
                23,
                ordered=ordered,
                batch=10,
                accumulation=accumulation,
                seed=1,
                rank=rank,
                processes=processes,
            )
            shares.set_epoch(2)
            parts.append(list(shares))
            assert len(parts[-1]) == len(shares) == 3 * accumulation
        largest = max(len(rows) for part in parts for rows in part)
        assert largest == -(-10 // (processes * accumulation))
        return [
            sorted(
                row
                for part in parts
                for rows in part[step * accumulation : (step + 1) * accumulation]
                for row in rows
                if row >= 0
            )
            for step in range(3)
        ]

    assert steps(processes, accumulation) == steps(1, 1)
    assert sorted(chain.from_iterable(steps(processes, accumulation))) == list(range(23))


def test_two_processes_learn_what_one_learns(texts, tmp_path, torchrun):
    process = torchrun(TRAINING, json.dumps([SETTINGS, FAMILIES]))
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "Error" not in out + err
    (first, events), (second, nothing) = (
        json.loads((tmp_path / f"said-{rank}.json").read_text()) for rank in range(2)
    )
    assert events
    assert not nothing
    assert first[0][0] == second[0][0]
    assert "nowhere.txt" in first[0][0]
    assert [first[0][1], second[0][1]] == [False, True]
    assert first[1:] == second[1:]
    for family, more in FAMILIES.items():
        one = train(texts, family=family, output=f"one-{family}", **SETTINGS, **more)
        manifest = json.loads((tmp_path / f"two-{family}" / "prosa.json").read_text())
        assert manifest["plan"]["processes"] == 2
        assert manifest["plan"]["batch"] == 10
        for name in ("train_loss", "validation_loss"):
            assert manifest["result"][name] == pytest.approx(one.result[name], abs=1e-4)
        ours = load_file(one.path / "model.safetensors")
        theirs = load_file(tmp_path / f"two-{family}" / "model.safetensors")
        assert all((ours[name] - theirs[name]).abs().max() < 1e-4 for name in ours)
    assert not list(tmp_path.glob("*.training"))


@pytest.mark.slow
def test_a_fault_is_said_once_and_each_process_ends_with_2(tmp_path, torchrun):
    process = torchrun(COMMAND, "train", "nowhere.txt", "-o", "model")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1  # the launcher's own
    assert (out + err).count("Error: There is no file") == 1
    assert err.count("exitcode  : 2") == 2
    assert not list(tmp_path.glob("model*"))


@pytest.mark.slow
def test_ctrl_c_stops_all_processes_at_the_same_step(texts, tmp_path, torchrun):
    process = torchrun(COMMAND, "train", str(texts), *FLAGS, "--steps", "1000000", "-o", "model")
    wait_for_checkpoint(tmp_path / "model.training", process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert out.count("Stopped as you asked") == 1, err
    assert (tmp_path / "model" / "model.safetensors").exists()
    assert not (tmp_path / "model.training").exists()


@pytest.mark.slow
def test_where_one_process_is_killed_all_end_and_go_on_to_the_same_weights(
    texts, tmp_path, torchrun
):
    wanted = ["train", str(texts), *FLAGS, "--steps", "400", "-o"]
    process = torchrun(COMMAND, *wanted, "killed")
    wait_for_checkpoint(tmp_path / "killed.training", process)
    os.kill(workers(process)[-1], signal.SIGKILL)
    _out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert [line for line in err.splitlines() if line.startswith("Error: Another process")]
    assert not (tmp_path / "killed").exists()
    for name, more in (("killed", ["--resume"]), ("whole", [])):
        process = torchrun(COMMAND, *wanted, name, *more)
        _out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    one = load_file(tmp_path / "whole" / "model.safetensors")
    two = load_file(tmp_path / "killed" / "model.safetensors")
    assert all(one[name].equal(two[name]) for name in one)


@pytest.mark.parametrize(
    ("variable", "family", "part"),
    [("ACCELERATE_USE_FSDP", "lstm", "lstm"), ("ACCELERATE_USE_DEEPSPEED", "decoder", "DeepSpeed")],
)
def test_what_a_launcher_asks_for_and_cannot_be_is_said(texts, monkeypatch, variable, family, part):
    monkeypatch.setenv(variable, "true")
    with pytest.raises(InputError, match=part):
        train(texts, family=family, steps=1)
