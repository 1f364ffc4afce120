"""Trainings as processes of their own."""

import json
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from prosa.errors import InputError
from prosa.server.jobs import Data, Jobs

ROOT = Path("runs")


def begin(data, **settings):
    jobs = Jobs(ROOT / ".studio" / "jobs")
    wanted = {"family": "decoder", "minutes": 5, "layers": 1, "hidden_size": 16, **settings}
    return jobs, jobs.start(Data(str(data), Path(data).name), wanted, "pt_BR", ROOT)


def until(said, seconds=60):
    end = time.monotonic() + seconds
    while not (value := said()):
        assert time.monotonic() < end, "it has not happened"
        time.sleep(0.1)
    return value


def over(job):
    return until(lambda: (o := job.outcome())["state"] != "running" and o)


def test_stopped_training_keeps_its_model_and_is_found_by_others(faq_file):
    jobs, job = begin(faq_file, steps=100_000)
    with pytest.raises(InputError, match=r"faq\.csv"):
        begin(faq_file)
    until(lambda: any(event["event"] == "progress" for event in job.events()))
    again = Jobs(jobs.folder).running()  # what a server that was started anew sees
    assert again == job
    again.stop()
    again.stop()  # a second click does not throw the model away
    outcome = over(again)
    assert outcome["state"] == "stopped", outcome
    assert (ROOT / outcome["model"] / "model.safetensors").is_file()
    assert outcome["model"] == "faq-decoder"
    kinds = {event["event"] for event in job.events()}
    assert {"note", "planned", "progress", "validated", "stopped"} <= kinds
    command = json.loads((ROOT / outcome["model"] / "prosa.json").read_text())["command"]
    assert command[:2] == ["prosa", "train"]
    assert command[3:5] == ["--family", "decoder"]


def test_fault_of_the_data_is_said_in_the_pages_language(tmp_path):
    broken = tmp_path / "frases.json"
    broken.write_text('{"texto": ', encoding="utf-8")
    _jobs, job = begin(broken)
    outcome = over(job)
    assert outcome["state"] == "failed"
    assert "frases.json" in outcome["message"]
    assert "Esperado:" in outcome["message"] or "JSON" in outcome["message"]
    assert "Traceback" not in (job.folder / "log.txt").read_text()


def test_killed_training_has_failed(faq_file):
    _jobs, job = begin(faq_file)
    os.kill(json.loads((job.folder / "process.json").read_text())["pid"], signal.SIGKILL)
    assert over(job)["state"] == "failed"


def test_stop_at_the_first_moment_is_a_stop(faq_file):
    _jobs, job = begin(faq_file)
    job.stop()
    assert over(job)["state"] == "stopped"


def test_process_with_a_reused_number_is_not_taken_for_the_training(tmp_path):
    folder = tmp_path / "jobs" / "1-abc"
    folder.mkdir(parents=True)
    asked = {"data": "faq.csv", "title": "faq.csv", "examples": [], "created": 1.0}
    asked["settings"] = {"family": "ngram"}
    (folder / "job.json").write_text(json.dumps(asked))
    mine = psutil.Process()
    known = {"pid": mine.pid, "started": mine.create_time() - 100}
    (folder / "process.json").write_text(json.dumps(known))
    job = Jobs(folder.parent).get("1-abc")
    assert job.outcome()["state"] == "failed"
    job.stop()  # nobody is interrupted


def test_a_folder_that_is_no_training_is_left_out(tmp_path):
    folder = tmp_path / "jobs"
    (folder / "x").mkdir(parents=True)
    (folder / "x" / "job.json").write_text('{"title": "of another version"}')
    assert Jobs(folder).all() == []
    assert Jobs(tmp_path / "none").all() == []
    assert Jobs(folder).get("../x") is None
