"""Finding the right paragraph of a reading test, and speed; `answers` has how good answers are.

Nothing is tuned on what is measured: the weights for running text are learned anew for every
article, from the other articles.
"""

import json
import math
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from benchmarks import answers
from benchmarks.run import SKIPPED, environment, prosa

PARTS = ("perguntas", "squad-pt", "across", "faqs", "speed", "large")


def report(data: Path) -> str:
    """All parts, each in a process of its own."""
    told = ["## Answers from documents\n"]
    for part in PARTS:
        command = [sys.executable, "-m", "benchmarks.retrieval", part, str(data)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment()
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
        told.append(done.stdout)
    return "\n".join(told)


class BM25:
    """Plain BM25 over Snowball stems, accents kept, k1 1.2 and b 0.75: what others start from."""

    def __init__(self, texts, k1=1.2, b=0.75):
        import Stemmer

        self._stem = Stemmer.Stemmer("portuguese").stemWords
        found = [self._words(text) for text in texts]
        average = sum(map(len, found)) / len(found)
        holders = Counter(word for words in found for word in set(words))
        self._postings = defaultdict(list)
        for place, words in enumerate(found):
            for word, n in Counter(words).items():
                idf = math.log(1 + (len(found) - holders[word] + 0.5) / (holders[word] + 0.5))
                weight = n * (k1 + 1) / (n + k1 * (1 - b + b * len(words) / average))
                self._postings[word].append((place, idf * weight))

    def _words(self, text):
        import re

        return self._stem(re.findall(r"\w+", text.lower()))

    def first(self, question, count=10):
        scores = defaultdict(float)
        for word in self._words(question):
            for place, weight in self._postings.get(word, ()):
                scores[place] += weight
        return sorted(scores, key=lambda place: (-scores[place], place))[:count]


def squad(path: Path):
    """(article, question, place of its paragraph) and the paragraphs."""
    from prosa.data.repair import repair

    articles = json.loads(path.read_text("utf-8"))["data"]
    contexts, questions = [], []
    for number, article in enumerate(articles):
        for paragraph in article["paragraphs"]:
            for qa in paragraph["qas"]:
                asked = repair(qa["question"])[0]
                questions.append((number, asked, len(contexts)))
            contexts.append(repair(paragraph["context"])[0])
    return contexts, questions


def squad_pt(data: Path) -> str:
    """The right paragraph of 506, by words and with an encoder."""
    from prosa.search.build import build
    from prosa.search.encoder import find

    path = data / "squad-pt" / "sample-v1.1-pt.json"
    if not path.exists():
        return "### squad-pt\n\n" + SKIPPED.format(path=path)
    contexts, questions = squad(path)
    plain = BM25(contexts)
    found = {
        "BM25 with Snowball stems, k1 1.2, b 0.75": [
            plain.first(question) for _article, question, _place in questions
        ]
    }
    for encoder in ("none", "auto") if find("auto") else ("none",):
        with tempfile.TemporaryDirectory() as place:
            made = build(path, f"{place}/i", encoder=encoder)
            places = {one: number for number, one in enumerate(made.store.ids())}
            assert len(places) == len(contexts), "a paragraph is a passage"
            found["prosa, by words" if encoder == "none" else "prosa, with the encoder"] = [
                [places[one] for one in made.find(question).ids]
                for _article, question, _place in questions
            ]
    rows = [f"### squad-pt: the right paragraph\n\n{len(questions):,} questions, {len(contexts)} "]
    rows += ["paragraphs, 10 articles.\n\n| | first | in the first ten |\n|---|---|---|\n"]
    for name, some in found.items():
        pairs = [
            (right, ids) for (_article, _text, right), ids in zip(questions, some, strict=True)
        ]
        first, ten = (
            sum(right in ids[:count] for right, ids in pairs) / len(pairs) for count in (1, 10)
        )
        rows.append(f"| {name} | {100 * first:.1f} % | {100 * ten:.1f} % |\n")
    return "".join(rows)


def _made(passages: int, seed: int = 0):
    """Paragraphs of made words in Zipf's proportions, each with a few names of its own."""
    chance = random.Random(seed)
    syllables = [c + v for c in "bcdfglmnprstv" for v in "aeiou"]
    words = ["".join(chance.choices(syllables, k=chance.randint(2, 4))) for _n in range(30_000)]
    weights = [1 / (n + 2) for n in range(len(words))]
    total = []
    for weight in weights:
        total.append(weight + (total[-1] if total else 0))
    for _n in range(passages):
        some = chance.choices(words, cum_weights=total, k=60)
        yield " ".join(some).capitalize() + "."


REAL = "docs_dynamics365_ptbr.parquet"
"""Documents of the corpus whose indexing is timed: a manual in Portuguese."""


def _real(data: Path, place: str) -> str:
    """Indexing real text by the command, from its start to its end."""
    import pyarrow.parquet as pq

    source = data / "corpus-pt" / REAL
    if not source.exists():
        return SKIPPED.format(path=source)
    file = Path(place, "manual.txt")
    texts = pq.read_table(source, columns=["text"])["text"].to_pylist()
    file.write_text("\n\n".join(texts), "utf-8")
    size = file.stat().st_size / 1e6
    rates = [
        size / prosa("index", file, "-o", f"{place}/real{turn}", "--encoder", "none")["wall"]
        for turn in range(3)
    ]
    return (
        f"| `prosa index`, {size:.0f} MB of real text, the whole command, median of 3 "
        f"| {statistics.median(rates):.1f} MB/s |\n"
    )


def speed(data: Path) -> str:
    """1,200 passages: a batch, one question in a warm process, the whole command, indexing."""
    from prosa.verbs.answering import index, open_documents

    texts = list(_made(1200))
    chance = random.Random(1)
    questions = [
        "Qual é " + " ".join(chance.sample(chance.choice(texts).lower()[:-1].split(), 6)) + "?"
        for _n in range(1000)
    ]
    with tempfile.TemporaryDirectory() as place:
        file = Path(place, "t.txt")
        file.write_text("\n\n".join(texts), "utf-8")
        index(file, f"{place}/i", encoder="none")
        documents = open_documents(f"{place}/i")
        documents.ask_many(questions[:20])
        start = time.perf_counter()
        documents.ask_many(questions)
        batch = len(questions) / (time.perf_counter() - start)
        single = []
        for question in questions[:200]:
            start = time.perf_counter()
            documents.ask(question)
            single.append(1000 * (time.perf_counter() - start))
        command = [sys.executable, "-m", "prosa", "ask", f"{place}/i", questions[0]]
        start = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        whole = time.perf_counter() - start
        many = Path(place, "m.txt")
        many.write_text("\n\n".join(_made(40_000)), "utf-8")
        size = many.stat().st_size / 1e6
        start = time.perf_counter()
        index(many, f"{place}/m", encoder="none")
        rate = size / (time.perf_counter() - start)
        real = _real(data, place)
    return (
        f"### Speed\n\nMade text; {len(documents):,} passages unless said otherwise.\n\n"
        "| | |\n|---|---|\n"
        f"| batch | {batch:.0f} questions a second |\n"
        f"| one question after start | {statistics.median(single):.1f} ms (median), "
        f"{sorted(single)[int(0.95 * len(single))]:.1f} ms (95 of 100 are faster) |\n"
        f"| `prosa ask`, the whole command | {whole:.2f} s |\n"
        f"| indexing {size:.0f} MB of made text | {rate:.1f} MB/s |\n" + real
    )


def large(_data: Path) -> str:
    """100,000 passages: built in one process, asked in another, whose peak memory is taken."""
    import resource

    from prosa.verbs.answering import index, open_documents

    chance = random.Random(2)
    asked = []
    with tempfile.TemporaryDirectory() as place:
        file = Path(place, "t.txt")
        with file.open("w", encoding="utf-8") as out:
            for number, text in enumerate(_made(100_000)):
                out.write(text + "\n\n")  # over 300 characters: a passage by itself
                if number % 1000 == 0:
                    asked.append("Qual é " + " ".join(chance.sample(text.lower()[:-1].split(), 6)))
        start = time.perf_counter()
        index(file, f"{place}/i", encoder="none")
        seconds = time.perf_counter() - start
        built = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        documents = open_documents(f"{place}/i")
        count = len(documents)
        times = []
        for question in asked:
            start = time.perf_counter()
            documents.ask(question)
            times.append(1000 * (time.perf_counter() - start))
        # ru_maxrss of a child begins at its parent's; VmHWM is its own.
        code = (
            "import pathlib, re, sys; from prosa.verbs.answering import open_documents;"
            "found = open_documents(sys.argv[1]);"
            "[found.ask(one) for one in sys.argv[2:]];"
            "told = pathlib.Path('/proc/self/status').read_text();"
            "print(re.search(r'VmHWM:\\s+(\\d+)', told)[1])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, f"{place}/i", *asked[:30]],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    peak = int(done.stdout) / 1e3
    middle, most = statistics.median(times), max(times)
    return (
        f"### A large index\n\n{count:,} passages of made text.\n\n| | |\n|---|---|\n"
        f"| a question | {middle:.0f} ms (median), {most:.0f} ms (slowest) |\n"
        f"| peak memory of asking | {peak:.0f} MB |\n"
        f"| building | {seconds:.0f} s, peak {built:.0f} MB |\n"
    )


if __name__ == "__main__":
    found = {
        "perguntas": answers.perguntas,
        "squad-pt": squad_pt,
        "across": answers.across,
        "faqs": answers.faqs,
        "speed": speed,
        "large": large,
    }
    print(found[sys.argv[1]](Path(sys.argv[2])))
