"""The process of one training: `python -m prosa.server.work FOLDER`, see `jobs`."""

import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from prosa import runs
from prosa.errors import understood
from prosa.server.jobs import EVENTS, JOB, OUTCOME, STOP, write


def main(folder: Path) -> None:
    """Do what the folder's `job.json` asks for, and say in the folder how it goes and ends."""
    # Where the server was started in the background, it and its children ignore Ctrl-C. Learning has
    # a handler of its own; after it, what was learned is about to be written.
    learned = folder / EVENTS

    def interrupt(*_signal: Any) -> None:
        if not learned.is_file() or '"progress"' not in learned.read_text(encoding="utf-8"):
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        outcome = _train(folder, json.loads((folder / JOB).read_text(encoding="utf-8")))
    except KeyboardInterrupt:
        outcome = {"state": "stopped"}
    except Exception as error:
        outcome = {"state": "failed", "message": str(understood(error))}
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    write(folder / OUTCOME, outcome)


def _train(folder: Path, job: dict[str, Any]) -> dict[str, Any]:
    if (folder / STOP).exists():  # it was asked to end while it ignored that
        raise KeyboardInterrupt
    from prosa.verbs.request import Request  # noqa: PLC0415  Ctrl-C works from the first moment on
    from prosa.verbs.training import train  # noqa: PLC0415

    stopped = False
    with (folder / EVENTS).open("a", encoding="utf-8") as lines:

        def listen(event: Any) -> None:
            nonlocal stopped
            kind = type(event).__name__.lower()
            stopped |= kind == "stopped" and event.reason == "interrupted"
            lines.write(json.dumps({"event": kind, **asdict(event)}, ensure_ascii=False) + "\n")
            lines.flush()

        settings = job["settings"]
        place = runs.default_place(job["title"], settings["family"], Path(job["root"]))
        request = Request(**{**settings, "output": str(place)})
        words = _command(job["data"], settings)
        run = train(job["data"], request, listen=listen, command=words)
    state = "stopped" if stopped else "done"
    return {"state": state, "model": run.path.name, "result": run.result}


def _command(data: str, settings: dict[str, Any]) -> list[str]:
    """What would do the same in a terminal, for the model's card."""
    words = ["prosa", "train", data]
    for name, value in settings.items():
        if name == "columns":
            words += [f"--column={role}={column}" for role, column in (value or {}).items()]
        elif value is not None:
            words += [f"--{name.replace('_', '-')}", str(value)]
    return words


if __name__ == "__main__":
    main(Path(sys.argv[1]))
