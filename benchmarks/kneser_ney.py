"""The n-gram tables alone, without the command line, against the values of KenLM's lmplz.

Run it by `python -m benchmarks.kneser_ney --data DIR`; it is not part of `make bench`.

DIR holds train.txt.gz and test.txt, a sentence a line, words parted by spaces; the reference values
are lmplz's and query's on Machado de Assis, 900,003 words (Kneser-Ney, no pruning). Seconds are the
best of three runs, reading the files and starting the process excluded.
"""

import argparse
import gzip
import math
import os
import platform
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch

from prosa.models.ngram import NGramConfig, NGramForCausalLM

# Order: perplexity with and without unknown words.
REFERENCE = {
    2: (210.92901704341955, 199.41790951590048),
    3: (184.31498599894957, 174.03940945015654),
    4: (180.1242842641447, 170.07273686649532),
    5: (178.90235478291777, 168.92138831627923),
    6: (178.73464748155905, 168.76408177845764),
}
DISCOUNTS = (
    (0.402856, 1.36308, 1.98877),
    (0.746156, 1.13508, 1.49899),
    (0.87192, 1.22351, 1.42444),
    (0.94723, 1.38132, 1.52974),
    (0.936244, 1.81662, 1.57792),
)
LIMITS = {"count": 2.5, "score": 0.5}
RUNS = 3


def sentences(path: Path) -> Iterator[list[str]]:
    with (
        gzip.open(path, "rt", encoding="utf-8")
        if path.suffix == ".gz"
        else path.open(encoding="utf-8") as file
    ):
        yield from map(str.split, file)


def encode(rows: list[list[str]], ids: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Ids of all sentences, each between the start and the end, and their borders."""
    encoded = [[2, *(ids.get(word, 1) for word in row), 3] for row in rows]
    lengths = [len(row) for row in encoded]
    tokens = np.fromiter(chain.from_iterable(encoded), np.uint32, sum(lengths))
    return tokens, np.cumsum([0, *lengths])


def best(run: Callable[[], Any]) -> tuple[float, Any]:
    seconds, found = [], None
    for _ in range(RUNS):
        start = time.perf_counter()
        found = run()
        seconds.append(time.perf_counter() - start)
    return min(seconds), found


def perplexity(log_p: np.ndarray) -> float:
    return math.exp(-log_p.mean(dtype=np.float64))


def measure(
    order: int,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    words: int,
) -> tuple[str, NGramForCausalLM]:
    config = NGramConfig(order=order, vocab_size=words)
    counting, model = best(lambda: NGramForCausalLM.count(*train, config))
    scoring, log_p = best(lambda: model.score_stream(*test))
    known = model.score_stream(*test, include_unknown=False)
    found = perplexity(log_p), perplexity(known)
    cells = [str(order), f"{sum(model.config.entries):,}", f"{counting:.2f}", f"{scoring:.2f}"]
    for value, reference in zip(found, REFERENCE.get(order, (math.nan, math.nan)), strict=True):
        cells += [f"{value:.5f}", f"{reference:.5f}"]
    return f"| {' | '.join(cells)} |", model


def table(data: Path, orders: list[int]) -> Iterator[str]:
    rows = list(sentences(data / "train.txt.gz"))
    held_out = list(sentences(data / "test.txt"))
    ids = {word: i for i, word in enumerate(dict.fromkeys(chain.from_iterable(rows)), start=4)}
    train, test = encode(rows, ids), encode(held_out, ids)
    predicted = len(test[0]) - len(held_out)
    yield (
        f"{len(train[0]) - len(rows):,} words counted, {predicted:,} scored "
        f"({platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads). "
        f"Wanted at order 5: at most {LIMITS['count']} s and {LIMITS['score']} s; lmplz counts and "
        "estimates in 1.2 s."
    )
    yield ""
    yield "| order | n-grams | count, s | score, s | perplexity | lmplz | without unknown | lmplz |"
    yield "|---|---|---|---|---|---|---|---|"
    for order in orders:
        line, model = measure(order, train, test, len(ids) + 4)
        yield line
        if order == len(DISCOUNTS):
            found = model.tables.discounts.data
    if len(DISCOUNTS) in orders:
        far = (found - torch.tensor(DISCOUNTS)).abs().max().item()
        yield ""
        yield f"Discounts at order 5: at most {far:.1e} from those that lmplz prints."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="train.txt.gz and test.txt")
    parser.add_argument("--orders", type=int, nargs="+", default=list(REFERENCE))
    arguments = parser.parse_args()
    for line in table(arguments.data, arguments.orders):
        print(line, flush=True)


if __name__ == "__main__":
    main()
