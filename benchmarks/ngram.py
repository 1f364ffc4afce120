"""The n-gram against KenLM's values, orders 2 to 6."""

import re
import tempfile
from pathlib import Path

from benchmarks.run import SKIPPED, prosa


def report(data: Path) -> str:
    """Perplexity, training and scoring seconds for each order."""
    folder = data / "kneser-ney"
    if not folder.exists():
        return "## n-gram\n\n" + SKIPPED.format(path=folder)
    text = (folder / "README.md").read_text(encoding="utf-8")
    reference = {
        int(order): float(value)
        for order, value in re.findall(r"^\| (\d) \| ([\d.]+) \|", text, re.MULTILINE)
    }
    rows = []
    for order, expected in reference.items():
        with tempfile.TemporaryDirectory() as place:
            train = ["train", folder / "train.txt.gz", "--family", "ngram", "--order", order]
            made = [prosa(*train, *RAW, "-o", f"{place}/m{n}") for n in range(RUNS)]
            scored = [
                prosa("evaluate", f"{place}/m0", folder / "test.txt", "--raw") for _n in range(RUNS)
            ]
        seconds = sorted(run["seconds"] for run in made)[RUNS // 2]
        scoring = sorted(run["seconds"] for run in scored)[RUNS // 2]
        perplexity = scored[0]["perplexity"]
        rows.append(
            f"| {order} | {perplexity:.4f} | {expected:.4f} | {seconds:.2f} | {scoring:.3f} |"
        )
    return (
        "## n-gram: interpolated modified Kneser-Ney\n\n"
        "900 thousand words to train, 80 thousand to score; seconds of counting and of scoring "
        f"alone, median of {RUNS}. The reference is KenLM's `lmplz` and `query`.\n\n"
        "| order | perplexity | reference | training s | scoring s |\n|---|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )


RUNS = 1
"""Ten processes of some 12 s each even so; raise it for a median."""
RAW = ["--raw", "--tokenizer", "whitespace"]
