"""A killed run goes on to the same weights; a stopped one keeps what it learned."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file
from tests.fixtures import sentences

from prosa import InputError, train
from prosa.training import control

FLAGS = [
    *["--family", "lstm", "--hidden-size", "24", "--embedding-size", "12", "--layers", "1"],
    *["--context", "16", "--batch-size", "2", "--vocabulary", "300", "--dropout", "0.2"],
    *["--tokenizer", "char", "--seed", "5"],
]
DECODER = [
    *["--family", "decoder", "--hidden-size", "24", "--heads", "2", "--layers", "1"],
    *["--context", "64", "--batch-size", "2", "--dropout", "0.2", "--column", "text=text"],
    *["--tokenizer", "char", "--seed", "5"],
]
# Checkpoints every 0.2 s instead of every minute, and a process that can be killed.
SCRIPT = (
    "import sys; import prosa.training.control as c; c.CHECKPOINT_SECONDS = 0.2; "
    "from prosa.cli.app import run; sys.exit(run(sys.argv[1:]))"
)


def start(*words):
    # As many threads as this process has: sums in another order would be other weights.
    threads = str(torch.get_num_threads())
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "PROSA_LANG": "en"}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "frases.txt"
    path.write_text("\n".join(sentences()) + "\n", encoding="utf-8")
    return str(path)


def wait_for_checkpoint(folder, process):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if list(folder.glob("checkpoint-*/trainer_state.json")):
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    raise AssertionError("no checkpoint")


@pytest.fixture
def tales(tmp_path):
    """A file whose records are short documents."""
    path = tmp_path / "frases.jsonl"
    lines = (json.dumps({"text": sentence}) for sentence in sentences())
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(("flags", "file"), [(FLAGS, "data"), (DECODER, "tales")])
def test_a_killed_run_resumes_to_the_same_weights(
    tmp_path, request, prosa, prosa_json, flags, file
):
    data = request.getfixturevalue(file)
    steps = ["--steps", "300"]
    killed = start("train", data, *flags, *steps, "-o", "killed")
    work = tmp_path / "killed.training"
    wait_for_checkpoint(work, killed)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not (tmp_path / "killed").exists()
    checkpoints = [path for path in work.glob("checkpoint-*/*") if path.is_file()]
    assert {path.suffix for path in checkpoints} <= {".safetensors", ".json", ".py"}

    code, _out, err = prosa("train", data, *flags, *steps, "-o", "killed")
    assert code == 2
    assert "--resume" in err
    code, _out, err = prosa("train", data, *flags, "--steps", "301", "-o", "killed", "--resume")
    assert code == 2
    assert "steps" in err

    second = prosa_json("train", data, *flags, *steps, "-o", "killed", "--resume")
    first = prosa_json("train", data, *flags, *steps, "-o", "whole")
    one = load_file(tmp_path / "whole" / "model.safetensors")
    two = load_file(tmp_path / "killed" / "model.safetensors")
    assert one.keys() == two.keys()
    assert all(one[name].equal(two[name]) for name in one)
    assert first["validation_loss"] == second["validation_loss"]
    assert not work.exists()


def test_ctrl_c_keeps_the_model_and_reports(tmp_path, data):
    run = start("train", data, *FLAGS, "--steps", "1000000", "-o", "stopped", "--json")
    wait_for_checkpoint(tmp_path / "stopped.training", run)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 0, err
    assert "Stopped as you asked" in err
    result = json.loads(out.splitlines()[-1])
    assert 0 < result["steps"] < 1_000_000
    assert (tmp_path / "stopped" / "model.safetensors").exists()
    assert not (tmp_path / "stopped.training").exists()


def test_a_plan_that_cannot_be_read_is_said(tmp_path, data, monkeypatch):
    def stop(_self, _args, state, _control, **_more):
        if state.global_step == 2:
            raise SystemExit

    settings = {"steps": 4, "layers": 1, "hidden_size": 16, "context": 16, "output": "half"}
    monkeypatch.setattr(control, "CHECKPOINT_SECONDS", 0.0)
    with monkeypatch.context() as killing:
        killing.setattr(control.RunControl, "on_step_begin", stop)
        with pytest.raises(SystemExit):
            train(data, **settings)
    plan = tmp_path / "half.training" / "plan.json"
    plan.write_text('{"sizes": {}, "allowed": 3}')
    with pytest.raises(InputError) as said:
        train(data, **settings, resume=True)
    assert "plan.json" in str(said.value)
