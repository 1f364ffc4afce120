"""Trainings as processes of their own, each with a folder that says how it goes.

A training goes on when the page is closed or the server ends, and is found again by whoever looks
into the folder next. It holds `job.json` (what was asked for), `process.json` (who does it),
`events.jsonl` (how it goes), `outcome.json` (how it ended) and `log.txt` (what it printed).
"""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from prosa import child, files
from prosa.data.kinds import Kind
from prosa.errors import InputError, ProsaError
from prosa.i18n import _

JOB, PROCESS, OUTCOME = "job.json", "process.json", "outcome.json"
EVENTS, LOG, STOP = "events.jsonl", "log.txt", "stop"

_starting = threading.Lock()


@dataclass(frozen=True)
class Data:
    """Data that was given.

    Attributes:
        source: What `prosa train` takes.
        title: What people call it.
        columns: The names that its columns have; none where it is plain text.
        kind: How it was understood, when it was.
        size: Bytes of text that were left by cleaning.
        examples: Some questions that it answers.
        said_kind: What kind it is, where a person has said so.
        said_columns: Which column plays which role, likewise.
    """

    source: str
    title: str
    columns: tuple[str, ...] = ()
    kind: Kind | None = None
    size: int = 0
    examples: tuple[str, ...] = ()
    said_kind: str | None = None
    said_columns: tuple[tuple[str, str], ...] = ()

    @property
    def said(self) -> dict[str, Any]:
        """What a person has said of it, as fields of `verbs.request.Request`."""
        return {"kind": self.said_kind, "columns": dict(self.said_columns) or None}


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        folder: Where it says how it goes.
        data: What it learns from, as `prosa train` takes it.
        title: What people call that.
        examples: Some questions that a model of it should answer.
        settings: Fields of `verbs.request.Request`.
        created: Seconds since 1970.
    """

    folder: Path
    data: str
    title: str
    examples: list[str]
    settings: dict[str, Any]
    created: float

    @property
    def name(self) -> str:
        """What to find it by."""
        return self.folder.name

    def events(self) -> list[dict[str, Any]]:
        """What happened so far: fields of the training's events, and "event", their name."""
        try:
            lines = (self.folder / EVENTS).read_text(encoding="utf-8").split("\n")
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines[:-1]]  # the last one may be half-written

    def outcome(self) -> dict[str, Any]:
        """How it ended: "state" ("done", "stopped" or "failed"), and "model" or "message".

        While it runs, the state is "running".
        """
        # Looked at in this order: it may end in between.
        alive = self._process() is not None
        if outcome := _load(self.folder / OUTCOME):
            return outcome
        if alive:
            return {"state": "running"}
        if self.stopping:  # before it could say so
            return {"state": "stopped"}
        text = _(
            "The training ended without a word: it was killed, or the machine was switched off"
        )
        return {"state": "failed", "message": text}

    def stop(self) -> None:
        """Ask it, once, to end as Ctrl-C does: what was learned so far is kept.

        A second Ctrl-C would end it at once, and nothing would be kept.
        """
        process = self._process()
        if process and not self.stopping:
            (self.folder / STOP).touch()
            process.send_signal(signal.SIGINT)

    @property
    def stopping(self) -> bool:
        """Whether it was asked to end."""
        return (self.folder / STOP).exists()

    def _process(self) -> psutil.Process | None:
        """The process that does it, if it is alive; not another that was given its number."""
        known = _load(self.folder / PROCESS)
        try:
            process = psutil.Process(known["pid"])
            same = abs(process.create_time() - known["started"]) < 1
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (KeyError, psutil.Error):
            return None


class Jobs:
    """The trainings of one folder.

    Args:
        folder: Where each has its own; it need not be there yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def all(self) -> list[Job]:
        """The trainings, the newest first."""
        found = []
        for path in self.folder.glob(f"*/{JOB}"):
            asked = _load(path)
            fields = ("data", "title", "examples", "settings", "created")
            if all(name in asked for name in fields):
                found.append(Job(path.parent, *(asked[name] for name in fields)))
        return sorted(found, key=lambda job: job.created, reverse=True)

    def running(self) -> Job | None:
        """The training that goes on now."""
        return next((job for job in self.all() if job.outcome()["state"] == "running"), None)

    def get(self, name: str | None) -> Job | None:
        """A training by its name; None where there is none."""
        return next((job for job in self.all() if job.name == name), None)

    def start(self, data: Data, settings: Mapping[str, Any], language: str, root: Path) -> Job:
        """Start a training in a process that outlives this one.

        Args:
            data: What it learns from.
            settings: Fields of `verbs.request.Request`.
            language: Of its messages.
            root: The folder of runs.

        Raises:
            InputError: Another one is running: two would take twice as long each.
            ProsaError: The process cannot be started, or the disk is full.
        """
        with _starting:
            if other := self.running():
                raise InputError(
                    _("A training is running: {name}").format(name=other.title),
                    hint=_("Wait until it is done, or stop it"),
                )
            created = time.time()
            folder = self.folder / f"{created:.0f}-{os.urandom(3).hex()}"
            given = {"data": data.source, "title": data.title, "examples": list(data.examples)}
            asked: dict[str, Any] = {**given, "settings": dict(settings), "created": created}
            with files.replacing(folder) as place:
                write(place / JOB, {**asked, "root": str(root)})
            try:
                _spawn(folder, language)
            except OSError as error:
                shutil.rmtree(folder)
                what = _("The training cannot be started: {why}").format(why=error)
                raise ProsaError(what) from error
            return Job(folder, **asked)


def _spawn(folder: Path, language: str) -> None:
    with (folder / LOG).open("wb") as log:
        process = child.start(
            "prosa.server.work",
            str(folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PROSA_LANG": language},
            start_new_session=True,
        )
    # It may have ended already: a child that nobody has waited for is still known.
    known = {"pid": process.pid, "started": psutil.Process(process.pid).create_time()}
    threading.Thread(target=process.wait, daemon=True).start()  # or it stayed as a zombie
    write(folder / PROCESS, known)


def write(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file that is whole or absent."""
    with files.replacing(path, overwrite=True, file=True) as place:
        place.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def _load(path: Path) -> dict[str, Any]:
    """A JSON object; empty where there is none, or it is not one of ours."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
