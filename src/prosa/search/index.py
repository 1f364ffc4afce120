"""An index that is open: candidates for a question, ranked."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from prosa.errors import InputError
from prosa.i18n import _
from prosa.search import stores
from prosa.search.changes import IndexReport
from prosa.search.encoder import Encoder
from prosa.search.encoder import find as find_encoder
from prosa.search.features import NAMES, Floats, Lexicon, best_sentence, features
from prosa.search.passages import Passage
from prosa.search.query import Query, parse, searched
from prosa.search.rank import chances, scores
from prosa.search.store import Row, Store
from prosa.search.terms import Analyzer

CANDIDATES = 30
"""Passages found by their words that are ranked, and as many more by their meaning as `NEAR`."""

NEAR = 15

_WORDS = [NAMES.index("words"), NAMES.index("unit")]

LONGEST_QUOTE = 600
"""Characters that a quotation grows to at most; one sentence may be longer."""

SHORT_QUOTE = 40
"""A sentence of fewer characters says little by itself: the next one joins it."""


@dataclass(frozen=True)
class Hit:
    """A passage that was found.

    Attributes:
        source: Its document, as the person named it.
        location: Where in it the passage begins, in the person's language.
        text: The passage; of a pair the answer.
        score: The chance, from 0 to 1, that it answers the question better than the other
            passages; that any of them does is not said.
        row: The passage as the store keeps it.
    """

    source: str
    location: str
    text: str
    score: float
    row: Row

    @property
    def passage(self) -> Passage:
        """The passage itself."""
        return self.row.passage


@dataclass(frozen=True)
class Ranking:
    """The C candidates for a question, the best first: passages, features, scores."""

    query: Query
    rows: list[Row]
    features: Floats
    scores: npt.NDArray[np.float64]

    @property
    def ids(self) -> list[int]:
        """The ids of the candidates."""
        return [row.id for row in self.rows]


class Index:
    """Documents that can be searched; `report` is None where it was only opened."""

    def __init__(
        self, store: Store, encoder: Encoder | None = None, report: IndexReport | None = None
    ) -> None:
        self.store = store
        self.report = report
        self._encoder = encoder

    def __len__(self) -> int:
        return self.store.passages

    @property
    def place(self) -> str:
        """The folder, or the address of the database."""
        return self.store.place

    @property
    def encoder(self) -> Encoder | None:
        """What made its vectors; None where it has none, or not all of them yet."""
        if self.store.settings.background is None:
            return None
        if self._encoder is None:
            self._encoder = find_encoder(self.store.settings.encoder)
        return self._encoder

    @cached_property
    def lexicon(self) -> Lexicon:
        """The words of what was looked at."""
        return Lexicon(Analyzer(self.store.settings.language))

    def search(self, question: str, k: int = 10, *, history: Sequence[str] = ()) -> list[Hit]:
        """Find passages for a question.

        Raises:
            InputError: The question is empty.
        """
        return self.hits(self.find(question, history), k)

    def find(
        self,
        question: str,
        history: Sequence[str] = (),
        *,
        without: tuple[int, int] | None = None,
        gone: Sequence[int] = (),
    ) -> Ranking:
        """Rank the passages that may answer a question, after `history`, the latest last.

        One wording, or some passages, may be taken as if they were not there: what is held out.

        Args:
            question: The question.
            history: Earlier questions.
            without: The id of a passage and the number of its wording.
            gone: The ids of passages.

        Raises:
            InputError: The question is empty.
        """
        if not question.strip():
            raise InputError(
                _("The question is empty"), expected=_("a question, such as: O que é um token?")
            )
        analyzer = self.lexicon.analyzer
        query = parse(question, history, analyzer)
        stems, pieces = searched(query, analyzer)
        words = {"stems": stems, "pieces": pieces}
        ids = self.store.find(words, CANDIDATES + len(gone)) if query.words else []
        vector, encoder = None, self.encoder
        if encoder is not None:
            vector = encoder.encode_queries([query.text])[0]
            ids += self.store.nearest(vector, NEAR + len(gone))
        rows = self.store.rows([one for one in dict.fromkeys(ids) if one not in gone])
        if not rows:
            return Ranking(query, [], np.empty((0, len(NAMES))), np.empty(0))
        vectors = likeness = None
        if vector is not None:
            vectors = self.store.vectors([row.id for row in rows])
            mean, spread = self.store.settings.background or (0.0, 1.0)
            likeness = (vectors.values @ vector - mean) / spread
        table = features(
            query, rows, self.lexicon, self.store,
            likeness=likeness, vectors=vectors, without=without,
        )  # fmt: skip
        if vector is None:  # a piece of a word alone says nothing
            shares = np.flatnonzero((table[:, _WORDS] > 0).any(1))
            rows, table = [rows[place] for place in shares], table[shares]
        scored = scores(table)
        order = np.argsort(-scored, kind="stable")
        return Ranking(query, [rows[place] for place in order], table[order], scored[order])

    def hits(self, ranking: Ranking, k: int = 10) -> list[Hit]:
        """The best candidates for a question."""
        likely = np.round(chances(ranking.scores)[:k], 4).tolist()
        return [
            Hit(row.source, str(row.passage.place), row.passage.text, chance, row)
            for row, chance in zip(ranking.rows[:k], likely, strict=True)
        ]

    def quote(self, query: Query, row: Row) -> str:
        """Quote the sentences of a passage that answer a question best, as they stand there.

        The sentence that holds most of the question, and the next where it only leads to that one:
        a question, a line that ends in a colon, a few words.
        """
        text, spans = row.passage.text, self.lexicon.text(row).spans
        if not spans:
            return text
        best = best_sentence(query, row, self.lexicon, self.store)
        start, end = spans[best]
        for _start, further in spans[best + 1 :]:
            quoted = text[start:end].rstrip()
            leads_on = len(quoted) < SHORT_QUOTE or quoted.endswith((":", "?"))
            if further - start > LONGEST_QUOTE or not leads_on:
                break
            end = further
        return text[start:end]


def open_index(place: str | Path) -> Index:
    """Open an index.

    Raises:
        InputError: There is no index, it may not be read, another version of prosa made it, or its
            encoder is not installed.
        ProsaError: It is damaged, or the database does not answer.
    """
    return Index(stores.opened(place))
