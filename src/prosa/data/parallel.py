"""Steps over tables that are larger than memory, batch by batch, on all processors.

A step is a function from a record batch and plain settings to a record batch. Small tables are
done in the process. For large ones, workers are processes of their own that read Arrow from their
standard input: nothing is pickled, nothing is forked, and the script that called us needs no
`__main__` guard. If workers cannot be had, the process does it alone.
"""

import importlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from prosa import child, files

Settings = Mapping[str, Any]
Step = Callable[[pa.RecordBatch, Settings], pa.RecordBatch]
Progress = Callable[[float], None]

_BATCH = 4 << 20
_MOST_ROWS = 16_384
_SAMPLE = 64 << 10
_SMALL, _LARGE = 4 << 20, 24 << 20
_WORTH_WORKERS = 2.5
"""Below so many seconds of work the start of workers (0.4 s each) costs more than it saves."""


def batches(table: pa.Table) -> Iterator[pa.RecordBatch]:
    """The rows of a table in batches of a few megabytes; no copy is made."""
    for batch in table.to_batches():
        if not batch.num_rows:
            continue
        size = max(1, min(_MOST_ROWS, batch.num_rows * _BATCH // max(1, batch.nbytes)))
        for start in range(0, batch.num_rows, size):
            yield batch.slice(start, size)


@dataclass(frozen=True)
class Stored:
    """A table in Arrow files, whose batches stand in them in turn.

    To read it batch by batch, or some columns of it, takes no memory for the others; a table that
    is memory-mapped counts as the process's memory once it was read.
    """

    paths: Sequence[Path]

    def batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Some columns, read batch by batch."""
        with ExitStack() as stack:
            sources = [stack.enter_context(pa.OSFile(str(path), "rb")) for path in self.paths]
            schema = pa.ipc.open_file(sources[0]).schema
            options = pa.ipc.IpcReadOptions(
                included_fields=[schema.get_field_index(name) for name in names]
            )
            parts = [pa.ipc.open_file(source, options=options) for source in sources]
            for number in range(sum(part.num_record_batches for part in parts)):
                yield parts[number % len(parts)].get_batch(number // len(parts)).select(names)

    def arrays(self, names: Sequence[str]) -> "list[NDArray[Any]]":
        """Columns of numbers, in memory."""
        # Copies: a view would keep the whole batch.
        parts = [[np.array(column) for column in batch.columns] for batch in self.batches(names)]
        return [np.concatenate(columns) for columns in zip(*parts, strict=True)]

    @cached_property
    def mapped(self) -> pa.Table:
        """All of it, memory-mapped: for a look at some rows."""
        parts = [pa.ipc.open_file(pa.memory_map(str(path))) for path in self.paths]
        total = sum(part.num_record_batches for part in parts)
        ordered = [parts[i % len(parts)].get_batch(i // len(parts)) for i in range(total)]
        return pa.Table.from_batches(ordered, parts[0].schema)


def transform(
    table: pa.Table,
    step: str,
    settings: Settings,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Stored:
    """Run a step over a table; the result lies in scratch files.

    Args:
        table: The table.
        step: Where the function is: "prosa.data.steps:prepared".
        settings: Plain JSON values, passed to the step.
        workers: How many processes; by default as many as there are processors, if it pays.
        progress: Called with the share that is done, 0 to 1.
    """
    if workers is None:
        workers = min(os.cpu_count() or 1, 8) if _takes_long(table, step, settings) else 1
    folder = files.scratch()
    with files.full_disk_said(folder):
        if workers > 1:
            try:
                return _in_workers(table, step, settings, workers, folder, progress)
            except (OSError, subprocess.SubprocessError):
                pass
        return _in_process(table, step, settings, folder / "result.arrow", progress)


def _takes_long(table: pa.Table, step: str, settings: Settings) -> bool:
    """Whether workers pay, judged by a sample; by size alone where the rows are large.

    What is broken, or is stemmed, takes ten times as long as sound text.
    """
    sample = next(batches(table), None)
    if sample is None or table.nbytes < _SMALL:
        return False
    if sample.nbytes // sample.num_rows > _SAMPLE:
        return table.nbytes > _LARGE
    sample = sample.slice(0, max(1, sample.num_rows * _SAMPLE // sample.nbytes))
    for _again in range(2):  # the first time, things are imported
        start = time.process_time()
        _load(step)(sample, settings)
    seconds = time.process_time() - start
    return seconds * table.nbytes / sample.nbytes > _WORTH_WORKERS


def _write(path: Path, empty: pa.RecordBatch, parts: Iterable[pa.RecordBatch]) -> None:
    """Write batches to an Arrow IPC file; at least an empty one."""
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, empty.schema) as writer:
        for part in parts:
            writer.write_batch(part)
        if not writer.stats.num_record_batches:
            writer.write_batch(empty)


def mapped(path: Path) -> pa.Table:
    """An Arrow IPC file as a memory-mapped table."""
    with pa.memory_map(str(path)) as file:
        return pa.ipc.open_file(file).read_all()


def _load(step: str) -> Step:
    module, name = step.split(":")
    function: Step = getattr(importlib.import_module(module), name)
    return function


def _in_process(
    table: pa.Table, step: str, settings: Settings, path: Path, progress: Progress | None
) -> Stored:
    function = _load(step)

    def results() -> Iterator[pa.RecordBatch]:
        done = 0
        for batch in batches(table):
            yield function(batch, settings)
            done += batch.num_rows
            if progress:
                progress(done / table.num_rows)

    _write(path, function(_empty(table.schema), settings), results())
    return Stored([path])


def _in_workers(
    table: pa.Table,
    step: str,
    settings: Settings,
    workers: int,
    folder: Path,
    progress: Progress | None,
) -> Stored:
    """Deal the batches out in turn; the results are read back in the order of the rows."""
    paths = [folder / f"part-{number}.arrow" for number in range(workers)]
    processes = [_start(step, settings, path) for path in paths]
    done = [0] * workers

    def feed(number: int) -> None:
        stream = processes[number].stdin
        assert stream is not None
        with (
            stream,
            pa.ipc.new_stream(pa.PythonFile(cast("io.IOBase", stream)), table.schema) as writer,
        ):
            for batch in islice(batches(table), number, None, workers):
                writer.write_batch(batch)
                done[number] += batch.num_rows
                if progress and table.num_rows:
                    progress(sum(done) / table.num_rows)

    pool = ThreadPoolExecutor(workers)
    try:
        for fed in [pool.submit(feed, number) for number in range(workers)]:
            fed.result()
        for process in processes:
            if process.wait():
                raise subprocess.SubprocessError(process.returncode)
    finally:
        for process in processes:
            # Only after a failure, or Ctrl-C: the threads that feed end when their reader does.
            process.kill()
            process.wait()
        pool.shutdown()
    return Stored(paths)


def _start(step: str, settings: Settings, path: Path) -> "subprocess.Popen[bytes]":
    return child.start(
        "prosa.data.parallel",
        step,
        json.dumps(settings),
        str(path),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def _work(step: str, settings: str, path: str) -> None:
    """What a worker does: Arrow in by standard input, Arrow out to a file."""
    function, options = _load(step), json.loads(settings)
    with pa.ipc.open_stream(pa.PythonFile(cast("io.IOBase", sys.stdin.buffer))) as reader:
        empty = function(_empty(reader.schema), options)
        _write(Path(path), empty, (function(batch, options) for batch in reader))


if __name__ == "__main__":
    _work(*sys.argv[1:])
