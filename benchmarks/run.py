"""Running prosa as a person would, and measuring the whole process."""

import json
import os
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
    command = [sys.executable, "-m", "prosa", *map(str, words), "--json"]
    with tempfile.TemporaryDirectory() as temporary:
        told, faults = Path(temporary, "out"), Path(temporary, "err")
        with told.open("w") as out, faults.open("w") as err:
            start = time.perf_counter()
            run = subprocess.Popen(command, stdout=out, stderr=err, cwd=folder or temporary)
            # Its own peak: that of all children so far would be another part's.
            _pid, status, used = os.wait4(run.pid, 0)
            wall = time.perf_counter() - start
        if os.waitstatus_to_exitcode(status):
            raise SystemExit(f"{' '.join(command)}\n{faults.read_text()[-2000:]}")
        result = json.loads(told.read_text().splitlines()[-1])
    return {**result, "wall": wall, "rss": used.ru_maxrss * 1024}


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
