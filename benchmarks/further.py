"""`perguntas` taught from a decoder of `historias`, and from noise, at equal time.

`python -m benchmarks.further --minutes 3`: a decoder learns the stories once a seed; then both ways
get as many minutes for the questions. Held-out answers are scored, in bits per byte and nats.
"""

import argparse
import statistics
import tempfile
from pathlib import Path


def report(_data: Path, minutes: float = 3.0, seeds: int = 3) -> str:
    """The table of all seeds."""
    from prosa.verbs.measuring import evaluate
    from prosa.verbs.training import train

    rows, gains = [], []
    for seed in range(seeds):
        folder = Path(tempfile.mkdtemp())
        stories = train("historias", minutes=minutes, seed=seed, output=str(folder / "stories"))
        same = {"minutes": minutes, "seed": seed}
        noise = train("perguntas", output=str(folder / "noise"), **same)
        further = train(
            "perguntas", from_model=str(stories.path), output=str(folder / "further"), **same
        )
        bits = [evaluate(run.path, "perguntas").metrics.values for run in (noise, further)]
        gains.append(bits[0]["bits_per_byte"] - bits[1]["bits_per_byte"])
        cells = [f"{b['bits_per_byte']:.3f} ({b['loss']:.2f})" for b in bits]
        rows.append(f"| {seed} | {cells[0]} | {cells[1]} |")
    table = "\n".join(rows)
    return (
        f"## Stories first, then questions\n\n{minutes:g} minutes each; held-out answers, bits per "
        "byte (nats a token of its own tokenizer).\n\n| seed | from noise | from stories |\n"
        f"|---|---|---|\n{table}\n\nMean gain: {statistics.mean(gains):+.3f} bits per byte.\n"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    print(report(Path(), given.minutes, given.seeds))
