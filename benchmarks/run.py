"""Running prosa as a person would, and measuring the whole process."""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SKIPPED = "Not measured: {path} is not there.\n"


def prosa(*words: object, folder: Path | None = None) -> dict:
    """Run `prosa ... --json`; its result, with `wall` seconds and `rss` bytes of the process."""
    with tempfile.TemporaryDirectory() as temporary:
        start = time.perf_counter()
        command = [sys.executable, "-m", "prosa", *map(str, words), "--json"]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=folder or temporary, check=False
        )
        wall = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    return {**json.loads(done.stdout.splitlines()[-1]), "wall": wall}


def peak_of_children() -> int:
    """The most memory that any process run so far has held, in bytes."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def median_seconds(action: Callable[[], object], runs: int = 5) -> tuple[float, float, float]:
    """Minimum, median and maximum of several runs after one that is not counted."""
    action()
    times = []
    for _run in range(runs):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times), statistics.median(times), max(times)


def environment() -> dict[str, str]:
    """The environment of a measured process."""
    return {**os.environ, "PROSA_LANG": "en"}
