"""Questions in, answers with their sources out, or an honest "I did not find this".

Of a pair the answer is what its author wrote; of running text the sentence that holds most of the
question. A reader (an exact span) or a writer (new text) may stand in for the sentence. What a
document says is data: it is quoted, and never acted upon.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

from prosa.errors import InputError
from prosa.i18n import _
from prosa.search.features import NAMES
from prosa.search.index import Hit, Index
from prosa.search.learn import calibration_of
from prosa.search.query import refers_back
from prosa.search.terms import WORD, fold, language_of

MAX_ERROR = 0.05
"""The share of wrong answers among those given that is accepted where nothing else is said."""

SOURCES = 3
"""Sources that an answer comes with at most."""

BESIDE = 0.1
"""The least chance of a passage that is cited beside the one that the answer was taken from."""

READ = 3
"""Passages that a reader looks at, or that a writer is given."""

REMEMBERED = 3
"""Earlier questions that a follow-up question may lean on."""

KNOWN = 0.99
"""The least confidence in the answer of a pair that was asked for word for word."""

_PAIR = NAMES.index("pair")


class SpanReader(Protocol):
    """Finds the words of a passage that answer a question."""

    def read(self, question: str, passages: Sequence[str]) -> "Span":
        """The best span in any of some passages."""


class TextWriter(Protocol):
    """Writes an answer from passages."""

    def write(self, question: str, passages: Sequence[str]) -> "Written | None":
        """An answer; None where the question alone is more than it can read."""


@dataclass(frozen=True)
class Span:
    """Words of one of the passages, "" where none answers.

    `chance`, 0 to 1, is that they answer rather than that nothing there does.
    """

    passage: int
    text: str
    chance: float


@dataclass(frozen=True)
class Written:
    """An answer in a model's own words, and how many of the passages it was given."""

    text: str
    passages: int


@dataclass(frozen=True)
class Citation:
    """Where an answer stands.

    `score` is the chance, 0 to 1, that it answers better than the other passages do; of a pair
    `text` is the answer, and `question` the question as its author put it.
    """

    source: str
    location: str
    text: str
    score: float
    question: str = ""


@dataclass(frozen=True)
class Answer:
    """What is said to a question: an answer and where it stands, or that there is none.

    `confidence` is the chance that the best answer found is right, given or not; where none is
    given (`abstained`), the citations are the nearest passages.
    """

    question: str
    answer: str
    abstained: bool
    confidence: float
    citations: tuple[Citation, ...] = ()

    @property
    def language(self) -> str | None:
        """The language of the answer where it is not that of the question: "english"..."""
        asked, given = language_of([self.question]), language_of([self.answer])
        return given if asked and not self.abstained and asked != given else None

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should know of it: how sure it is, and of another language."""
        # Nobody is surer than that; a measured 99.6 % would read as 100 %.
        share = f"{min(99.0, 100 * self.confidence):.0f} %"
        if self.abstained:
            text = _("The best I found has a confidence of {share}, too little to be given.")
            return (text.format(share=share),)
        sure = (
            (0.95, _("Confidence: {share}, very sure")),
            (0.8, _("Confidence: {share}, sure")),
            (0.5, _("Confidence: {share}, rather sure")),
            (0.0, _("Confidence: {share}, unsure: check the source")),
        )
        said = next(text for least, text in sure if self.confidence >= least).format(share=share)
        names = {"english": _("The answer is in English, as it stands in its source.")}
        names["portuguese"] = _("The answer is in Portuguese, as it stands in its source.")
        other = names.get(self.language or "")
        return (said, other) if other else (said,)

    def to_json(self) -> dict[str, Any]:
        """The documented keys of `prosa ask --json`."""
        value = asdict(self)
        for citation in value["citations"]:
            del citation["question"]
        return value


@dataclass(frozen=True)
class Candidate:
    """The best answer found, "" for none, before it is decided whether it is given.

    Of `hits` the first is the passage it was taken from; `used` counts those it was taken from.
    """

    question: str
    text: str
    confidence: float
    threshold: float
    pair: bool
    hits: list[Hit] = field(default_factory=list)
    used: int = 1

    @property
    def given(self) -> bool:
        """Whether it is sure enough to be given."""
        return bool(self.text) and self.confidence >= self.threshold


class Answerer:
    """Answers questions from an index.

    Of the answers given, `max_error` may be wrong; each comes with `sources` at most.

    Raises:
        InputError: `max_error` is no share, or `sources` is below 1.
    """

    def __init__(
        self,
        index: Index,
        max_error: float = MAX_ERROR,
        reader: SpanReader | None = None,
        writer: TextWriter | None = None,
        *,
        sources: int = SOURCES,
    ) -> None:
        if not 0 < max_error <= 1:
            raise InputError(
                _("{flag} is {value}").format(flag="--max-error", value=max_error),
                expected=_("a share above 0 and up to 1, such as 0.05"),
            )
        if sources < 1:
            raise InputError(
                _("{flag} is {value}").format(flag="-k", value=sources), expected=_("1 or more")
            )
        self.index = index
        self.max_error = max_error
        self._reader = reader
        self._writer = writer
        self._sources = sources

    def ask(self, question: str, history: Sequence[str] = ()) -> Answer:
        """Answer a question.

        The questions of `history`, the latest last, count only where this one refers back to them
        ("e quanto custa?").

        Raises:
            InputError: The question is empty.
        """
        return self._decide(self._candidate(question, history))

    def ask_many(self, questions: Sequence[str]) -> list[Answer]:
        """Answer many questions, each by itself."""
        return [self.ask(question) for question in questions]

    def candidates(self, questions: Sequence[str]) -> list[Candidate]:
        """The best answers found, given or not."""
        return [self._candidate(question) for question in questions]

    def _candidate(self, question: str, history: Sequence[str] = ()) -> Candidate:
        history = history[-REMEMBERED:] if refers_back(question) else ()
        ranking = self.index.find(question, history)
        hits = self.index.hits(ranking, max(self._sources, READ))
        if not hits:
            return Candidate(question, "", 0.0, 1.0, pair=False)
        pair = bool(ranking.features[0][_PAIR])
        calibration = calibration_of(self.index.store.settings, question, pair=pair)
        sure = calibration.confidence(ranking.scores, ranking.features)
        alone = ranking.query.own == len(ranking.query.words)
        known = _known(question, hits) if alone else None
        if known is not None:
            # Confidence was learned with the wording asked for held out: this it has never seen.
            pair, sure = True, max(sure, KNOWN)
            hits = [known, *(hit for hit in hits if hit is not known)]
        threshold = calibration.threshold(self.max_error)
        plain = Candidate(question, hits[0].text, sure, threshold, pair, hits)
        # A model need not be run for what will not be said.
        if self._writer is not None and sure >= threshold:
            return self._written(plain, self._writer)
        if pair:
            return plain
        if self._reader is not None:
            return self._read(plain, self._reader)
        quoted = self.index.quote(ranking.query, hits[0].row)
        return replace(plain, text=quoted)

    def _read(self, plain: Candidate, reader: SpanReader) -> Candidate:
        texts = [hit for hit in plain.hits[:READ] if not hit.passage.wordings]
        span = reader.read(plain.question, [hit.text for hit in texts])
        first = texts[span.passage]
        hits = [first, *(hit for hit in plain.hits if hit is not first)]
        # Right only where the passage is, and where the passage does answer.
        return replace(plain, text=span.text, confidence=plain.confidence * span.chance, hits=hits)

    def _written(self, plain: Candidate, writer: TextWriter) -> Candidate:
        # Of a pair a writer gets the question too.
        texts = ["\n".join((*hit.passage.wordings[:1], hit.text)) for hit in plain.hits[:READ]]
        written = writer.write(plain.question, texts)
        if written is None or not written.text:
            return plain
        return replace(plain, text=written.text, used=written.passages)

    def _decide(self, best: Candidate) -> Answer:
        confidence = round(best.confidence, 4)
        if not best.given:
            nearest = tuple(map(_cited, best.hits[: self._sources]))
            text = _("I did not find this in the documents")
            return Answer(best.question, text, True, confidence, nearest)
        used = [
            hit for n, hit in enumerate(best.hits) if n < max(1, best.used) or hit.score >= BESIDE
        ]
        cited = tuple(map(_cited, used[: max(self._sources, best.used)]))
        return Answer(best.question, best.text, False, confidence, cited)


class Conversation:
    """One conversation."""

    def __init__(self, answerer: Answerer) -> None:
        self._answerer = answerer
        self.history: list[dict[str, str]] = []
        self.last: Answer | None = None

    def reset(self) -> None:
        """Forget the conversation."""
        self.history.clear()
        self.last = None

    def ask(self, question: str) -> Answer:
        """Ask; the question and the answer join the history.

        Raises:
            InputError: The question is empty.
        """
        asked = [turn["content"] for turn in self.history if turn["role"] == "user"]
        self.last = self._answerer.ask(question, asked)
        self.history += [
            {"role": "user", "content": question},
            {"role": "assistant", "content": self.last.answer},
        ]
        return self.last

    def say(self, text: str) -> Iterator[str]:
        """The answer alone, as the conversation with a model gives it."""
        yield self.ask(text).answer


def _known(question: str, hits: list[Hit]) -> Hit | None:
    """The pair that has the question as one of its wordings, but for accents and signs."""
    asked = WORD.findall(fold(question))
    for hit in hits:
        if any(WORD.findall(fold(wording)) == asked for wording in hit.passage.wordings):
            return hit
    return None


def _cited(hit: Hit) -> Citation:
    question = hit.passage.wordings[0] if hit.passage.wordings else ""
    return Citation(hit.source, hit.location, hit.text, hit.score, question)
