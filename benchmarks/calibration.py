"""Learns how sure an answer is where an index has no questions of its own: `calibrate.SHIPPED`.

`python -m benchmarks.calibration DATA` asks the five FAQs of data/faq, and every third question of
squad-pt, with the answer there and with it gone, and prints the calibrations of pairs and of
running text, with vectors and without, and of pairs that are asked for in another language. Nothing
is learned from data/faq-test and data/faq-new.
"""

import json
import random
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.faqs import HERE, read
from prosa.search import calibrate
from prosa.search.build import build
from prosa.search.learn import subject

SMALL = 15
"""Entries of the small FAQ that is made of each one besides."""

GONE = 4
"""Every so many questions are asked with their subject gone too: a third then has no answer."""


def faq_cases(entries, unanswerable, encoder):
    """What is found for a question and the id of its answer, None where it has none.

    Every entry is asked for, at times with its subject gone too, and what has no answer.
    """
    records = [{name: entry[name] for name in ("question", "answer")} for entry in entries]
    with tempfile.TemporaryDirectory() as place:
        made = build([records], f"{place}/i", encoder=encoder)
        rows = {row.passage.wordings[0]: row for row in made.store.rows(made.store.ids())}
        for number, entry in enumerate(entries):
            row = rows[entry["question"]]
            for turn, text in enumerate(entry["asked"]):
                yield made.find(text), row.id
                if (number + turn) % GONE == 0:
                    yield made.find(text, gone=subject(made, row, len(rows))), None
        for text in unanswerable:
            yield made.find(text), None


def language_cases(encoder):
    """The cases of two FAQs that are asked in the other language."""
    for path in sorted((HERE / "cross").glob("*.jsonl")):
        entries, _unanswerable = read(HERE / "faq" / f"{path.stem.rpartition('-')[0]}.jsonl")
        asked, rest = {}, []
        for line in path.read_text("utf-8").splitlines():
            row = json.loads(line)
            if row["answer_of"] is None:
                rest.append(row["question"])
            else:
                asked.setdefault(row["answer_of"], []).append(row["question"])
        entries = [{**entry, "asked": asked[entry["question"]]} for entry in entries]
        yield from faq_cases(entries, rest, encoder)


def all_faq_cases(encoder):
    """The cases of the FAQs, and of a small part of each."""
    chance = random.Random(0)
    for path in sorted((HERE / "faq").glob("*.jsonl")):
        entries, unanswerable = read(path)
        yield from faq_cases(entries, unanswerable, encoder)
        some = chance.sample(entries, SMALL)
        others = [text for entry in entries if entry not in some for text in entry["asked"]]
        yield from faq_cases(some, chance.sample(others, min(20, len(others))), encoder)


def text_cases(data, encoder):
    """Questions on paragraphs: all there, the right one gone, or its whole article gone."""
    from benchmarks.retrieval import squad

    path = data / "squad-pt" / "sample-v1.1-pt.json"
    contexts, questions = squad(path)
    articles = {}
    for article, _question, place in questions:
        articles.setdefault(article, set()).add(place)
    with tempfile.TemporaryDirectory() as place:
        made = build(path, f"{place}/i", encoder=encoder)
        ids = made.store.ids()
        assert len(ids) == len(contexts), "a paragraph is a passage"
        for number, (article, question, right) in enumerate(questions[::3]):
            yield made.find(question), ids[right]
            some = articles[article] if number % 2 else [right]
            yield made.find(question, gone=[ids[one] for one in some]), None


def fitted(cases):
    """A calibration."""
    some = [(found, answer) for found, answer in cases if found.rows]
    rows = np.stack([calibrate.evidence(found.scores, found.features) for found, _answer in some])
    right = np.asarray([found.ids[0] == answer for found, answer in some])
    return calibrate.fit(rows, right)


def main(data: Path) -> None:
    """Print what `calibrate.SHIPPED` holds."""
    for encoder in ("none", "auto"):
        for pair, cases in ((True, all_faq_cases(encoder)), (False, text_cases(data, encoder))):
            print((pair, encoder != "none"), fitted(cases), flush=True)
    print("another language", fitted(language_cases("auto")))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
