"""How soon the command answers."""

import subprocess
import sys
from pathlib import Path

from benchmarks.run import median_seconds


def report(_data: Path) -> str:
    """`prosa --help`, beside Python that does nothing."""

    def run(*words: str) -> None:
        subprocess.run([sys.executable, *words], capture_output=True, check=True)

    rows = [
        ("`prosa --help`", median_seconds(lambda: run("-m", "prosa", "--help"))),
        ("`python -c pass`", median_seconds(lambda: run("-c", "pass"))),
    ]
    table = "\n".join(f"| {n} | {a:.3f} | {m:.3f} | {b:.3f} |" for n, (a, m, b) in rows)
    return f"## Start\n\nSeconds, 5 runs.\n\n| | min | median | max |\n|---|---|---|---|\n{table}\n"
