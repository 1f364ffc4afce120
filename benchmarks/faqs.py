"""FAQs with one wording a question, as most people have them.

A line of these files is an entry, with other ways to ask for it that are not in the index, or a
question without an answer. `benchmarks.calibration` learns from data/faq.
"""

import json
import tempfile
from pathlib import Path

HERE = Path(__file__).parent / "data"
FOLDERS = ("faq", "faq-test", "faq-new")
"""Learned from; looked at while prosa was made, but not learned from; neither."""


def read(path: Path):
    """The entries of a file and the questions without an answer."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    entries = [row for row in rows if "answer" in row]
    return entries, [row["unanswerable"] for row in rows if "unanswerable" in row]


def evaluate(path: Path, encoder: str | None = None, questions: list[dict] | None = None):
    """The evaluation of one FAQ, indexed with one wording an entry.

    Args:
        path: Its file.
        encoder: As that of `prosa.index`.
        questions: What to ask; by default the other wordings and what has no answer.
    """
    from prosa.verbs.answering import index

    entries, unanswerable = read(path)
    if questions is None:
        questions = [
            {"question": text, "answer": entry["answer"]}
            for entry in entries
            for text in entry["asked"]
        ] + [{"question": text, "answer": None} for text in unanswerable]
    records = [{name: entry[name] for name in ("question", "answer")} for entry in entries]
    with tempfile.TemporaryDirectory() as place:
        return index([records], f"{place}/i", encoder=encoder).evaluate(questions)


def tested(encoder: str | None):
    """The folder, the name and the evaluation of every FAQ."""
    for folder in FOLDERS:
        for path in sorted((HERE / folder).glob("*.jsonl")):
            yield folder, path.stem, evaluate(path, encoder)
