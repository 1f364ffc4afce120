"""`steps.prepared` on tables that are larger than memory, batch by batch, on all processors.

Small tables are done in the process. For large ones, workers are processes of their own that read
Arrow from their standard input: nothing is pickled, nothing is forked, and the script that called
us needs no `__main__` guard. If workers cannot be had, the process does it alone.
"""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import cast

import pyarrow as pa

from prosa import child, files
from prosa.data.facts import Stored
from prosa.data.steps import Settings, prepared

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


def transform(table: pa.Table, settings: Settings, *, progress: Progress | None = None) -> Stored:
    """Do `steps.prepared` on a table; the result lies in scratch files.

    Args:
        table: The table.
        settings: Those of `steps.prepared`.
        progress: Called with the share that is done, 0 to 1.
    """
    workers = min(os.cpu_count() or 1, 8) if _takes_long(table, settings) else 1
    rows: list[int] = []

    def counted(parts: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in parts:
            yield batch
            rows.append(batch.num_rows)
            if progress:
                progress(sum(rows) / table.num_rows)

    folder = files.scratch()
    with files.full_disk_said(folder):
        if workers > 1:
            # The batches are dealt out in turn, and read back in the order of the rows.
            dealt = [counted(islice(batches(table), n, None, workers)) for n in range(workers)]
            paths = [folder / f"part-{number}.arrow" for number in range(workers)]
            try:
                _in_workers(table.schema, settings, dealt, paths)
            except (OSError, subprocess.SubprocessError):
                rows.clear()
            else:
                return Stored(paths)
        path = folder / "result.arrow"
        _run(settings, table.schema, counted(batches(table)), path)
        return Stored([path])


def _takes_long(table: pa.Table, settings: Settings) -> bool:
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
        prepared(sample, settings)
    seconds = time.process_time() - start
    return seconds * table.nbytes / sample.nbytes > _WORTH_WORKERS


def _run(
    settings: Settings, schema: pa.Schema, parts: Iterable[pa.RecordBatch], path: Path
) -> None:
    """Write what comes of some batches to an Arrow file; at least an empty one."""
    nothing = pa.RecordBatch.from_arrays([pa.array([], f.type) for f in schema], schema=schema)
    empty = prepared(nothing, settings)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, empty.schema) as writer:
        for part in parts:
            writer.write_batch(prepared(part, settings))
        if not writer.stats.num_record_batches:
            writer.write_batch(empty)


def _in_workers(
    schema: pa.Schema,
    settings: Settings,
    dealt: list[Iterator[pa.RecordBatch]],
    paths: list[Path],
) -> None:
    """Give each worker its batches; it writes what comes of them to its path."""
    processes = [
        child.start(
            "prosa.data.parallel",
            json.dumps(settings),
            str(path),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for path in paths
    ]

    def feed(process: "subprocess.Popen[bytes]", parts: Iterator[pa.RecordBatch]) -> None:
        assert process.stdin is not None
        sink = pa.PythonFile(cast("io.IOBase", process.stdin))
        with process.stdin, pa.ipc.new_stream(sink, schema) as writer:
            for batch in parts:
                writer.write_batch(batch)

    pool = ThreadPoolExecutor(len(paths))
    try:
        for fed in [pool.submit(feed, *pair) for pair in zip(processes, dealt, strict=True)]:
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


def _work(settings: str, path: str) -> None:
    """What a worker does: Arrow in by standard input, Arrow out to a file."""
    with pa.ipc.open_stream(pa.PythonFile(cast("io.IOBase", sys.stdin.buffer))) as reader:
        _run(json.loads(settings), reader.schema, reader, Path(path))


if __name__ == "__main__":
    _work(*sys.argv[1:])
