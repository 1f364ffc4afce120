"""The table of an index, written by a process beside the one that reads the documents.

Importing lancedb takes 3 s of one core, most of it for parts that no index needs, and as long as
reading and numbering 8 MB of text. A plain `python -m prosa.search.beside` does it at the same
time: it is told what to do by lines of JSON and gets rows as Arrow by its standard input. It ends
with whoever started it, and it holds the lock of the index as long as it lives. Where there is
little to read, where lancedb is imported already, and where no process can be had, the table is
written in this one.
"""

import io
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Protocol, cast

import pyarrow as pa

from prosa.errors import ProsaError
from prosa.i18n import _, language
from prosa.search.table import Table, schema

WORTH = 1 << 20
"""Bytes of documents from which on a process pays: less is read while lancedb is imported."""

_WAITING = 64
"""Batches that wait for the table at most, while lancedb is imported."""


@dataclass(frozen=True)
class Change:
    """What is done to the table before rows are added.

    Attributes:
        folder: The folder of the index.
        version: The version to go on from; 0 makes a new table.
        gone: Documents whose rows are taken out, by number.
        dimensions: The length of a new table's vectors, 0 without.
    """

    folder: str
    version: int
    gone: tuple[int, ...] = ()
    dimensions: int = 0


class Writer(Protocol):
    """Appends rows to a table."""

    def add(self, batch: pa.RecordBatch) -> None:
        """Append rows."""

    def merge(self) -> None:
        """Merge small files: all rows are there."""

    def version(self) -> int:
        """The version that holds all rows."""

    def prune(self) -> None:
        """Remove every version but the newest."""


@contextmanager
def writer(change: Change, size: int, lock: int | None = None) -> Iterator[Writer]:
    """Begin to change a table.

    Args:
        change: What is to be done.
        size: Bytes of documents that will be read.
        lock: A file descriptor that the process beside keeps open as long as it lives.

    Raises:
        OSError: The disk is full, or the table cannot be written to.
        ProsaError: The table is damaged, or the process has died.
    """
    process = _start(lock) if size >= WORTH and not _imported() else None
    if process is None:
        yield Here(change)
        return
    try:
        yield _Beside(process, change)
    finally:
        # It ends when nothing more can come, also in the midst of its work: see `_Incoming`.
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                _close(stream)
        process.wait()


class Here:
    """Writes the table in this process."""

    def __init__(self, change: Change) -> None:
        folder = Path(change.folder)
        if change.version:
            self._table = Table(folder)
            self._table.restore(change.version)
        else:
            self._table = Table.create(folder, change.dimensions)
        self._table.remove(change.gone)

    def add(self, batch: pa.RecordBatch) -> None:
        """Append rows."""
        self._table.add([batch])

    def merge(self) -> None:
        """Merge small files: all rows are there."""
        self._table.compact()

    def version(self) -> int:
        """The version that holds all rows."""
        return self._table.version

    def prune(self) -> None:
        """Remove every version but the newest."""
        self._table.prune()


class _Beside:
    """Has the table written by another process."""

    def __init__(self, process: subprocess.Popen[bytes], change: Change) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._to, self._from = process.stdin, process.stdout
        with self._told():
            self._to.write(json.dumps(asdict(change)).encode() + b"\n")
            self._stream = pa.ipc.new_stream(_arrow(self._to), schema(change.dimensions))

    def add(self, batch: pa.RecordBatch) -> None:
        with self._told():
            self._stream.write_batch(batch)

    def merge(self) -> None:
        with self._told():
            self._stream.close()
            self._to.flush()

    def version(self) -> int:
        return int(self._answer())

    def prune(self) -> None:
        with self._told():
            self._to.write(b"prune\n")
            self._to.flush()
        self._answer()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Where nobody reads any more, what the other process said last is the reason."""
        try:
            yield
        except OSError:
            self._answer()
            raise

    def _answer(self) -> Any:
        line = self._from.readline()
        told = json.loads(line) if line.endswith(b"\n") else {}
        if "done" in told:
            return told["done"]
        if "number" in told:
            raise OSError(told["number"], told["error"])
        raise ProsaError(
            told.get("error") or _("The process that writes the table of the index has died"),
            hint=told.get("hint") or _("Build it again; nothing of the index is lost"),
        )


def _imported() -> bool:
    return "lancedb" in sys.modules


def _start(lock: int | None) -> subprocess.Popen[bytes] | None:
    place = os.pathsep.join(entry for entry in sys.path if entry)
    apart: dict[str, Any] = (
        {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
        if sys.platform == "win32"
        else {"start_new_session": True, "pass_fds": () if lock is None else (lock,)}
    )
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "prosa.search.beside"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": place, "PROSA_LANG": language()},
            **apart,  # Ctrl-C is for the one who started it
        )
    except OSError:
        return None


def _arrow(stream: IO[bytes]) -> pa.PythonFile:
    return pa.PythonFile(cast("io.IOBase", stream))


def _close(stream: IO[bytes]) -> None:
    try:
        stream.close()
    except OSError:  # what was still to be written found no reader
        return


class _Incoming(threading.Thread):
    """Reads what comes, also while lancedb is imported, and ends the process with its source."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.lines: queue.Queue[bytes] = queue.Queue()
        self.batches: queue.Queue[pa.RecordBatch | None] = queue.Queue(_WAITING)

    def run(self) -> None:
        source = sys.stdin.buffer
        try:
            self.lines.put(source.readline())
            with pa.ipc.open_stream(_arrow(source)) as reader:
                for batch in reader:
                    self.batches.put(batch)
            self.batches.put(None)
            while line := source.readline():
                self.lines.put(line)
        finally:
            # Whatever was half done is cleared away by the next run, as after a kill.
            os._exit(1)


def _work() -> None:
    """What the process beside does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    incoming = _Incoming()
    incoming.start()
    change = json.loads(incoming.lines.get())
    try:
        here = Here(Change(**{**change, "gone": tuple(change["gone"])}))
        while (batch := incoming.batches.get()) is not None:
            here.add(batch)
        here.merge()
        _say(done=here.version())
        if incoming.lines.get():
            here.prune()
            _say(done=True)
    except OSError as error:
        _say(error=error.strerror or str(error), number=error.errno or 0)
    except ProsaError as error:
        _say(error=error.what, hint=error.hint)
    except Exception as error:
        _say(error=f"{type(error).__name__}: {error}")
    os._exit(0)  # the reading thread waits in a system call


def _say(**told: Any) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _work()
