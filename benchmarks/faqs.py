"""FAQs with one wording a question, as most people have them: learned from, and measured on others.

`python -m benchmarks.faqs` learns from data/faq and prints the pair weights and the calibration of
`prosa.search.defaults`. `python -m benchmarks retrieval` asks these and those of data/faq-test and
data/faq-new, from which nothing was learned. A line of these files is an entry, with other ways to
ask for it that are not in the index, or a question without an answer.
"""

import json
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from prosa.search import calibrate, rank
from prosa.search.features import PAIR
from prosa.search.index import build
from prosa.search.learn import HeldOut, subject
from prosa.search.rank import RANKER
from prosa.search.search import Ranking, Searcher
from prosa.search.terms import Analyzer

HERE = Path(__file__).parent / "data"
FOLDERS = ("faq", "faq-test", "faq-new")
"""Learned from; looked at while prosa was made, but not learned from; neither."""
BEGINNING = {name: 5.0 if name == "wording" else 0.0 for name in PAIR}
"""What the weights of pairs are pulled to."""
SMALL = 15
"""Entries of the small FAQ that is made of each one besides."""


@dataclass(frozen=True)
class Case:
    """A question's searcher, what it found, and the passage that answers it (-1: none)."""

    searcher: Searcher
    found: Ranking
    answer: int


def read(path: Path):
    """The entries of a file and the questions without an answer."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    entries = [row for row in rows if "answer" in row]
    return entries, [row["unanswerable"] for row in rows if "unanswerable" in row]


def cases(entries, unanswerable):
    """Ask for every entry, half the times with its subject gone too, and for what has no answer."""
    records = [{name: entry[name] for name in ("question", "answer")} for entry in entries]
    with tempfile.TemporaryDirectory() as place:
        made = build([records], f"{place}/i")
        searcher = Searcher(made.arrays, Analyzer(made.manifest.language), RANKER)
        titles = [list(texts) for texts in made.texts.wordings()]
        number = {texts[0]: n for n, texts in enumerate(titles)}
        for entry in entries:
            answer = number[entry["question"]]
            for turn, text in enumerate(entry["asked"]):
                yield Case(searcher, searcher.find(text), answer)
                if (answer + turn) % 2:
                    gone = subject(searcher, HeldOut(text, -1, answer), titles)
                    yield Case(searcher, searcher.find(text, without_passages=gone), -1)
        for text in unanswerable:
            yield Case(searcher, searcher.find(text), -1)


def all_cases(paths):
    """The cases of some FAQs, and of a small part of each."""
    chance = random.Random(0)
    for path in paths:
        entries, unanswerable = read(path)
        yield from cases(entries, unanswerable)
        some = chance.sample(entries, SMALL)
        others = [text for entry in entries if entry not in some for text in entry["asked"]]
        yield from cases(some, chance.sample(others, min(20, len(others))))


def learned(paths):
    """The ranker and the calibration that some FAQs teach."""
    asked = [case for case in all_cases(paths) if len(case.found.passages)]
    groups = [
        (case.found.features, int(np.flatnonzero(case.found.passages == case.answer)[0]))
        for case in asked
        if case.answer in case.found.passages
    ]
    start = rank.Ranker.of({**RANKER.by_name(), **BEGINNING})
    ranker = rank.fit(groups, start, free=PAIR)
    ranked = []
    for case in asked:
        case.searcher.ranker = ranker
        ranked.append((case.answer, case.searcher.ranked(case.found)))
    rows = np.stack([calibrate.evidence(found) for _answer, found in ranked])
    right = np.asarray([found.passages[0] == answer for answer, found in ranked])
    return ranker, calibrate.fit(rows, right)


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


def main() -> None:
    """Print what `prosa.search.defaults` holds."""
    ranker, calibration = learned(sorted((HERE / "faq").glob("*.jsonl")))
    told = ranker.by_name()
    print({name: round(told.get(name, 0.0), 1) for name in PAIR})
    print(calibration)


if __name__ == "__main__":
    main()
