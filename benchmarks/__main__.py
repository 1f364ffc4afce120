"""`make bench`: speed, memory and quality beside peers, written to benchmarks/RESULTS.md.

The data is not part of the project: --data names a folder that holds it (see `FILES`); what is not
there is skipped and said. Every measurement runs in a process of its own, one at a time.
"""

import argparse
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import data, decoder, headlines, labels, ngram, retrieval, seq2seq, start

HERE = Path(__file__).parent
PARTS = {
    "start": start,
    "ngram": ngram,
    "headlines": headlines,
    "decoder": decoder,
    "seq2seq": seq2seq,
    "labels": labels,
    "data": data,
    "retrieval": retrieval,
}


def main() -> None:
    """Run all parts, or those named."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="default: all")
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared" / "data")
    parser.add_argument("--output", type=Path, default=HERE / "RESULTS.md")
    arguments = parser.parse_args()
    sections = [_head()]
    for name in arguments.parts or PARTS:
        print(f"{name} …", file=sys.stderr, flush=True)
        sections.append(PARTS[name].report(arguments.data))
        arguments.output.write_text("\n".join(sections), encoding="utf-8")
    print(arguments.output.read_text(encoding="utf-8"))


def _head() -> str:
    import torch
    import transformers

    from prosa.training import machine

    found = machine.measure()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return (
        "# Results\n\n"
        f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}, commit {commit}.\n\n"
        f"| | |\n|---|---|\n"
        f"| processor | {found.name}, {os.cpu_count()} cores |\n"
        f"| matrix products, float32 | {found.float32_flops / 1e9:.0f} GFLOP/s |\n"
        f"| matrix products, bfloat16 | {found.bfloat16_flops / 1e9:.1f} GFLOP/s |\n"
        f"| Python, torch, transformers | {platform.python_version()}, {torch.__version__}, "
        f"{transformers.__version__} |\n"
    )


if __name__ == "__main__":
    main()
