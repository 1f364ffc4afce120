"""How good the answers of an index are: right, given, wrong, and whether the confidence is true.

With a person's own questions, or with the index's wordings held out: then each is judged by an
index that has learned from the wordings of other answers alone.
"""

import time
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from prosa.answering.answerer import Answerer, Candidate
from prosa.answering.questions import Question
from prosa.errors import InputError
from prosa.i18n import _
from prosa.search import learn
from prosa.search.calibrate import Bin, auroc, bins
from prosa.search.terms import WORD


@dataclass(frozen=True)
class Judged:
    """One question, "" where wordings were held out; `right` also where it was not given."""

    question: str
    answerable: bool
    right: bool
    given: bool
    confidence: float


@dataclass(frozen=True)
class Evaluation:
    """How good the answers are; the names are the documented keys of `prosa evaluate --json`.

    Attributes:
        questions: How many were asked.
        answerable: How many of them have an answer.
        held_out: Whether they are the index's own wordings, held out.
        accuracy: The share of the answerable whose best answer is right, given or not; None where
            none is answerable.
        coverage: The share of the answerable that are given an answer.
        given: How many answers were given, to questions of either kind.
        wrong: The share of wrong ones among them; None where none was given.
        auroc: How well confidence parts answerable questions from others, 0.5 to 1; None where a
            kind is missing.
        max_error: The share of wrong answers that was accepted.
        threshold: The confidence from which on an answer was given: the mean, where several were
            at work.
        bins: Answers of like confidence: from, to, how many, their mean confidence, share right.
        seconds: How long answering took.
        judged: The questions one by one.
    """

    questions: int
    answerable: int
    held_out: bool
    accuracy: float | None
    coverage: float | None
    given: int
    wrong: float | None
    auroc: float | None
    max_error: float
    threshold: float
    bins: list[Bin]
    seconds: float
    judged: list[Judged]

    def to_json(self) -> dict[str, Any]:
        """The documented keys."""
        value = asdict(self)
        del value["judged"]
        return value


def evaluate(answerer: Answerer, questions: Sequence[Question]) -> Evaluation:
    """Measure on questions whose answers are known.

    An answer is right if it equals one that is expected, but for accents and signs; out of running
    text also if it holds it, or if the passage it is taken from does. Where only a source is
    expected, the answer must come from there.

    Raises:
        InputError: There are none.
    """
    if not questions:
        raise InputError(_("There is no question to measure with"))
    start = time.perf_counter()
    candidates = answerer.candidates([one.question for one in questions])
    seconds = time.perf_counter() - start
    judged = [
        Judged(one.question, one.answerable, _right(one, best), best.given, best.confidence)
        for one, best in zip(questions, candidates, strict=True)
    ]
    thresholds = [best.threshold for best in candidates if best.hits]
    return _evaluation(judged, answerer.max_error, thresholds, seconds, held_out=False)


def held_out(answerer: Answerer) -> Evaluation:
    """Measure with the wordings that the index holds.

    Raises:
        InputError: It holds too few answers with several wordings.
    """
    start = time.perf_counter()
    index = answerer.index
    trials = learn.rehearse(index)
    if not trials:
        raise InputError(
            _("This index holds too few questions with several wordings to measure itself"),
            path=index.place,
            hint=_("Give questions of your own: prosa evaluate INDEX QUESTIONS.jsonl"),
        )
    limits = [one.calibration.threshold(answerer.max_error) for one in trials]
    seconds = time.perf_counter() - start
    judged = [
        Judged("", one.answerable, one.right, one.confidence >= limit, one.confidence)
        for one, limit in zip(trials, limits, strict=True)
    ]
    return _evaluation(judged, answerer.max_error, limits, seconds, held_out=True)


def _evaluation(
    judged: list[Judged],
    max_error: float,
    thresholds: Sequence[float],
    seconds: float,
    *,
    held_out: bool,
) -> Evaluation:
    answerable = [one for one in judged if one.answerable]
    given = [one for one in judged if one.given]
    sure = [one.confidence for one in judged]
    parted = auroc(sure, [one.answerable for one in judged])
    return Evaluation(
        questions=len(judged),
        answerable=len(answerable),
        held_out=held_out,
        accuracy=_share(sum(one.right for one in answerable), len(answerable)),
        coverage=_share(sum(one.given for one in answerable), len(answerable)),
        given=len(given),
        wrong=_share(sum(not one.right for one in given), len(given)),
        auroc=round(parted, 4) if parted == parted else None,  # noqa: PLR0124  NaN is none
        max_error=max_error,
        threshold=round(sum(thresholds) / len(thresholds), 4) if thresholds else 1.0,
        bins=bins(sure, [one.right for one in judged]),
        seconds=round(seconds, 3),
        judged=judged,
    )


def _right(asked: Question, best: Candidate) -> bool:
    if not asked.answerable or not best.hits:
        return False
    source = best.hits[0].source
    if asked.source and not (source == asked.source or source.endswith("/" + asked.source)):
        return False
    if not asked.answers:
        return True
    expected = [one for one in map(normal, asked.answers) if one]
    said = normal(best.text)
    if said in expected:
        return True
    if best.pair:
        return normal(best.hits[0].text) in expected
    texts = (f" {said} ", f" {normal(best.hits[0].text)} ")
    return any(f" {one} " in text for one in expected for text in texts)


def normal(text: str) -> str:
    """The words of a text, lower-case; accents are kept, signs and spaces are not."""
    return " ".join(WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
