"""How good the answers are: `perguntas`, FAQs with one wording a question, and across languages.

Nothing is tuned on what is measured, but for the five FAQs of data/faq, as their table says. Where
an encoder is installed there is a table without it and one with it.
"""

import csv
import json
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.run import SKIPPED

DATA = Path(__file__).parent / "data"
HEAD = (
    "| | questions | right answer first | AUROC | wrong among given | answerable answered |\n"
    "|---|---|---|---|---|---|\n"
)


@dataclass(frozen=True)
class Mean:
    """The means of the shares of some evaluations, and how many questions they are made of."""

    questions: int
    accuracy: float | None
    auroc: float | None
    wrong: float | None
    coverage: float | None

    @classmethod
    def of(cls, evaluations) -> "Mean":
        """Each evaluation counts the same; one without a share is left out of that mean."""

        def mean(name):
            shares = [getattr(one, name) for one in evaluations]
            shares = [share for share in shares if share is not None]
            return statistics.mean(shares) if shares else None

        questions = sum(one.questions for one in evaluations)
        return cls(questions, *map(mean, ("accuracy", "auroc", "wrong", "coverage")))


def row(name: str, evaluation) -> str:
    """A line of the table."""

    def share(value):
        return "–" if value is None else f"{100 * value:.1f} %"

    auroc = "–" if evaluation.auroc is None else f"{evaluation.auroc:.3f}"
    return (
        f"| {name} | {evaluation.questions} | {share(evaluation.accuracy)} | {auroc} "
        f"| {share(evaluation.wrong)} | {share(evaluation.coverage)} |\n"
    )


def _by_encoder(rows) -> str:
    """The table that `rows(encoder)` makes without an encoder, and with one where there is one."""
    from prosa.search.encoder import find

    without = f"By words alone:\n\n{HEAD}{rows('none')}"
    encoder = find("auto")
    if encoder is None:
        return f"No encoder is installed. {without}"
    return f"{without}\nWith the encoder {encoder.name}:\n\n{HEAD}{rows('auto')}"


def perguntas(_data: Path) -> str:
    """The bundled sample: wordings kept out of the index, and questions it holds no answer to."""
    from prosa.verbs.answering import index

    def rows(encoder):
        with tempfile.TemporaryDirectory() as place:
            documents = index("perguntas", f"{place}/i", encoder=encoder)
            holdout, own = documents.evaluate("perguntas"), documents.evaluate()
        return row("held-out wordings and unanswerable questions", holdout) + row(
            "its own wordings held out (`prosa evaluate INDEX`)", own
        )

    told = "### perguntas\n\nThe setting is the default, `--max-error 0.05`.\n\n"
    return told + _by_encoder(rows)


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _mental_health_csv(data: Path) -> Path:
    return data / "mental-health-faq" / "Mental_Health_FAQ.csv"


def _mental_health_questions(data: Path, name: str) -> list[dict]:
    """The questions of one of our files, each with the answer of the row of its id (null: none)."""
    from prosa.data.repair import repair

    with _mental_health_csv(data).open(encoding="utf-8", newline="") as file:
        texts = {line["Question_ID"]: repair(line["Answers"])[0] for line in csv.DictReader(file)}
    return [
        {"question": line["question"], "answer": line["id"] and texts[line["id"]]}
        for line in _lines(DATA / name)
    ]


def _english_answers(data: Path, encoder: str | None) -> str:
    """The Mental Health FAQ, asked in its own language and in Portuguese."""
    from prosa.verbs.answering import index

    source = _mental_health_csv(data)
    if not source.exists():
        return ""
    with tempfile.TemporaryDirectory() as place:
        documents = index(source, f"{place}/i", encoder=encoder)
        return "".join(
            row(
                f"Mental Health FAQ, in English, asked in {language}",
                documents.evaluate(_mental_health_questions(data, name)),
            )
            for language, name in (
                ("English", "mental-health.jsonl"),
                ("Portuguese", "mental-health-pt.jsonl"),
            )
        )


def _portuguese_answers(encoder: str | None) -> str:
    """The FAQ of a city hall, asked in its own language and in English."""
    from benchmarks.faqs import evaluate, read

    path = DATA / "faq-test" / "prefeitura.jsonl"
    answers = {entry["question"]: entry["answer"] for entry in read(path)[0]}
    english = [
        {"question": line["question"], "answer": line["answer_of"] and answers[line["answer_of"]]}
        for line in _lines(DATA / "prefeitura-en.jsonl")
    ]
    title = "prefeitura, in Portuguese, asked in"
    return row(f"{title} Portuguese", evaluate(path, encoder)) + row(
        f"{title} English", evaluate(path, encoder, english)
    )


def across(data: Path) -> str:
    """Answers in one language, questions in another."""
    text = _by_encoder(
        lambda encoder: _english_answers(data, encoder) + _portuguese_answers(encoder)
    )
    source = _mental_health_csv(data)
    if not source.exists():
        text += "\n" + SKIPPED.format(path=source.relative_to(data))
    return f"### Across languages\n\n{text}"


def _faq_rows(encoder: str | None) -> str:
    from benchmarks.faqs import tested

    evaluations = list(tested(encoder))
    rows = [row(f"{name} ({folder})", evaluation) for folder, name, evaluation in evaluations]
    for title, folders in (
        ("faq-test", ("faq-test",)),
        ("faq and faq-test", ("faq", "faq-test")),
        ("faq-new", ("faq-new",)),
    ):
        some = [evaluation for folder, _name, evaluation in evaluations if folder in folders]
        rows.append(row(f"mean of the {len(some)} of {title}", Mean.of(some)))
    return "".join(rows)


def faqs(_data: Path) -> str:
    """FAQs indexed with one wording a question, asked with others."""
    return (
        "### FAQs with one wording a question\n\n"
        "Weights and calibration were learned from the five of `faq`, so those are not unseen. "
        "Nothing was learned from the three of `faq-test`. Nothing was learned from those of "
        "`faq-new` either, and nobody chose anything by them; they are harder: 74 to 81 % of their "
        "wordings share no word of four letters or more with the entry's question (31 to 63 % in "
        "the others), and what has no answer is always on the subject. A mean is that of the "
        "FAQs' shares."
        f"\n\n{_by_encoder(_faq_rows)}"
    )
