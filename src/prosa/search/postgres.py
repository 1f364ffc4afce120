"""An index in a PostgreSQL database, for a team: words in a `tsvector`, vectors in pgvector.

The address is `postgresql://user@host/database`; an index has a schema of its own, "prosa" unless
another is named: `postgresql://user@host/database#name`.

    settings    one row: what the index knows, and a stamp that changes with every commit
    documents   the documents (JSON)
    passages    the passages (JSON), their words (stems, and character pieces after a "~")
    counts      how many passages hold each word
    vectors     where there is an encoder

The words are those of `Analyzer`, so that a folder and a database give the same answers. Who wants
to search the texts in PostgreSQL's own way can index `to_tsvector('portuguese', value->>'text')`.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from prosa.errors import InputError, ProsaError
from prosa.i18n import _
from prosa.search.database import Database
from prosa.search.features import K1, B, idf
from prosa.search.passages import Passage
from prosa.search.store import (
    FORMAT,
    Entry,
    Row,
    Settings,
    Vectors,
    from_json,
    settings_of,
    to_json,
)
from prosa.search.terms import Analyzer

_TOUCHED = 30_000
"""Passages that the first look at a question touches, about: its rarest words come first."""

_EXACT = 10_000
"""Vectors that are compared one by one; more of them get an index (HNSW)."""

_LONGEST_INDEXED = 2000
"""Dimensions of a vector that pgvector can index."""

_MARKS = {"stems": "", "pieces": "~"}

# What is long lies apart from the rows (toast_tuple_target), so that these are looked through fast.
_TABLES = """
CREATE SCHEMA IF NOT EXISTS {s};
CREATE TABLE {s}.settings (stamp bigint, format int, value json);
CREATE TABLE {s}.documents (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, passages int DEFAULT 0, value json
);
CREATE TABLE {s}.passages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    document bigint REFERENCES {s}.documents ON DELETE CASCADE,
    length int, words tsvector, value json
) WITH (toast_tuple_target = 128);
CREATE TABLE {s}.counts (word text PRIMARY KEY, passages int);
"""

_INDEXES = """
CREATE INDEX passages_document ON {s}.passages (document);
CREATE INDEX passages_words ON {s}.passages USING gin (words);
"""

_VECTORS = """
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE {s}.vectors (
    passage bigint REFERENCES {s}.passages ON DELETE CASCADE,
    unit int, value vector, PRIMARY KEY (passage, unit)
);
"""

# BM25 in two looks: which passages hold the question's rare words, each counted once, and of the
# best of those how often they hold any of its words. Only the second reads what they hold.
_FIND = """
WITH asked AS (
    SELECT * FROM unnest(%(words)s::text[], %(weights)s::float8[], %(rare)s::bool[])
    AS one (word, weight, rare)
), hits AS (
    SELECT id, sum(weight) AS most, %(k1)s * (1 - %(b)s + %(b)s * min(length) / %(mean)s) AS norm
    FROM asked JOIN {s}.passages ON words @@ quote_literal(word)::tsquery WHERE rare GROUP BY id
), near AS (SELECT id, norm FROM hits ORDER BY most / (1 + norm) DESC, id LIMIT %(near)s)
SELECT id FROM near JOIN {s}.passages USING (id), unnest(words) JOIN asked ON word = lexeme
GROUP BY id
ORDER BY sum(weight * cardinality(positions) / (cardinality(positions) + norm)) DESC, id
LIMIT %(limit)s
"""


class Postgres:
    """A store in a database; with `new` there may be none yet, and it begins with the first commit.

    Raises:
        InputError: There is no index, the database lets nobody in, or another version of prosa made
            the index.
    """

    def __init__(self, address: str, *, new: bool = False) -> None:
        self.database = Database(address)
        self.place = self.database.place
        self.settings = Settings()
        self.passages = 0
        self.stamp = 0
        self._ask = self.database.ask
        self._mean = 1.0
        self._counts: dict[str, int] = {}
        if not new or self.database.is_index():
            self.reload()

    def reload(self) -> None:
        """See what was committed since."""
        if not self.database.is_index():
            raise self.database.no_index()
        self.stamp, made, value = self._ask("SELECT stamp, format, value FROM {s}.settings")[0]
        if made != FORMAT:
            newer = _("A newer version of prosa made this index")
            raise InputError(
                newer if made > FORMAT else _("An older version of prosa made this index"),
                path=self.place,
                hint=_(
                    "Index again: remove the schema {schema} from the database, then run "
                    "prosa index DOCUMENTS -o {place}"
                ).format(schema=self.database.schema, place=self.place),
            )
        self.settings = settings_of(value)
        query = "SELECT count(*), coalesce(avg(length), 1)::float8 FROM {s}.passages"
        self.passages, self._mean = self._ask(query)[0]
        self._counts = {}

    def entries(self) -> list[Entry]:
        """Its documents, in the order they came."""
        if not self.stamp:
            return []
        rows = self._ask("SELECT number, passages, value FROM {s}.documents ORDER BY number")
        return [Entry(**value, number=number, passages=count) for number, count, value in rows]

    def find(self, words: Mapping[str, Mapping[str, float]], limit: int) -> list[int]:
        """The ids of the passages that hold most of some words by BM25, the best first."""
        self._keep_up()
        asked = []
        for field, weights in words.items():
            counts = self.holding(field, list(weights))
            rarity = idf(counts, self.passages).tolist()
            for word, count, rare in zip(weights, counts, rarity, strict=True):
                if count:
                    asked.append((count, _MARKS[field] + word, weights[word] * rare))
        if not asked:
            return []
        counted, names, weighed = map(list, zip(*sorted(asked), strict=True))
        rare = np.cumsum(counted) <= max(_TOUCHED, counted[0])
        values = {"words": names, "weights": weighed, "rare": rare.tolist()}
        numbers = {"k1": K1, "b": B, "mean": self._mean, "near": 2 * limit, "limit": limit}
        return [one for (one,) in self._ask(_FIND, values | numbers)]

    def _keep_up(self) -> None:
        """See what other runs have committed since the last question."""
        stamp, encoder = self._ask("SELECT stamp, value->>'encoder' FROM {s}.settings")[0]
        if stamp == self.stamp:
            return
        if self.settings.encoder not in ("", encoder):
            raise ProsaError(
                _("The index '{path}' was given another encoder").format(path=self.place),
                hint=_("Open it again"),
            )
        self.reload()

    def nearest(self, vector: npt.NDArray[np.float32], limit: int) -> list[int]:
        """The ids of the passages that have a vector nearest to one."""
        # Of a fixed size, as in their index. A passage may have several among the nearest.
        query = "SELECT passage FROM {s}.vectors ORDER BY value::vector(:) <#> %s LIMIT %s"
        query = query.replace(":)", f"{len(vector)})")
        rows = self._ask(query, [_text(vector), 4 * limit])
        return list(dict.fromkeys(one for (one,) in rows))[:limit]

    def holding(self, field: str, words: Sequence[str]) -> list[int]:
        """How many passages hold each of some words."""
        marked = [_MARKS[field] + word for word in words]
        new = [word for word in marked if word not in self._counts]
        if new:
            query = "SELECT word, passages FROM {s}.counts WHERE word = ANY(%s)"
            self._counts |= dict.fromkeys(new, 0) | dict(self._ask(query, [new]))
        return [self._counts[word] for word in marked]

    def rows(self, ids: Sequence[int]) -> list[Row]:
        """The passages of some ids; those that are gone are left out."""
        query = (
            "SELECT id, d.value, p.value FROM {s}.passages p JOIN {s}.documents d"
            " ON number = document WHERE id = ANY(%s)"
        )
        found = {
            one: Row(one, document["name"], from_json(value))
            for one, document, value in self._ask(query, [list(ids)])
        }
        return [found[one] for one in ids if one in found]

    def vectors(self, ids: Sequence[int]) -> Vectors:
        """All vectors of some passages."""
        query = "SELECT passage, unit, value FROM {s}.vectors WHERE passage = ANY(%s) ORDER BY 1, 2"
        rows = self._ask(query, [[int(one) for one in ids]], binary=True)
        # As pgvector sends them: two numbers of 2 bytes, then float32.
        values = np.frombuffer(b"".join(value[4:] for _id, _unit, value in rows), ">f4")
        return Vectors(
            np.asarray([one for one, _unit, _value in rows], np.uint32),
            np.asarray([unit for _id, unit, _value in rows], np.uint16),
            values.astype(np.float32).reshape(len(rows), len(values) // max(1, len(rows))),
        )

    def ids(self) -> list[int]:
        """The ids of all passages, in the order they came."""
        return [one for (one,) in self._ask("SELECT id FROM {s}.passages ORDER BY id")]

    def without_vectors(self) -> list[int]:
        """The ids of the passages that have none."""
        query = "SELECT id FROM {s}.passages EXCEPT SELECT passage FROM {s}.vectors ORDER BY 1"
        return [one for (one,) in self._ask(query)]

    @contextmanager
    def writing(self) -> Iterator["_Writer"]:
        """Hold the index for writing; a run that fails, or is killed, leaves the last commit."""
        database = self.database
        with database.said():
            connection = database.connect()
            try:
                lock = "SELECT pg_try_advisory_lock(hashtext('prosa'), hashtext(%s))"
                if not connection.execute(lock, [database.schema]).fetchone()[0]:
                    raise ProsaError(
                        _("Another run is working on the index '{folder}'").format(
                            folder=self.place
                        ),
                        hint=_("Wait until it is done"),
                    )
                connection.autocommit = False
                if database.is_index():
                    self.reload()
                else:
                    connection.execute(database.sql(_TABLES))
                yield _Writer(self, connection)
            finally:
                connection.close()  # what was not committed is gone


class _Writer:
    """Changes an index in a database by a connection of its own, which holds the lock."""

    def __init__(self, store: Postgres, connection: Any) -> None:
        self._store = store
        self._errors = store.database.errors
        self._connection = connection
        self._changes: Counter[str] = Counter()

    def add(self, entry: Entry, passages: Iterable[Passage], analyzer: Analyzer) -> int:
        """Add a document; where its passages raise, nothing of it stays. Returns their count."""
        document = {name: getattr(entry, name) for name in ("key", "name", "root", "digest")}
        holding: Counter[str] = Counter()
        total = 0
        try:
            with self._connection.transaction():
                query = "INSERT INTO {s}.documents (value) VALUES (%s) RETURNING number"
                number = self._run(query, [json.dumps(document)]).fetchone()[0]
                with self._copy("{s}.passages (document, length, words, value)") as copy:
                    for passage in passages:
                        length, counts = _counted(passage, analyzer)
                        # No letter or digit folds to a quote or a backslash.
                        words = " ".join([f"'{word}':{_places(n)}" for word, n in counts.items()])
                        copy.write_row((number, length, words, json.dumps(to_json(passage))))
                        holding.update(counts.keys())
                        total += 1
                query = "UPDATE {s}.documents SET passages = %s WHERE number = %s"
                self._run(query, [total, number])
        except self._errors.ProgramLimitExceeded as error:
            raise InputError(
                _("A passage of this document is too long for PostgreSQL: {reason}").format(
                    reason=error
                )
            ) from error
        self._changes.update(holding)
        return total

    def remove(self, entries: Iterable[Entry]) -> None:
        """Take documents out, with all that belongs to them."""
        numbers = [entry.number for entry in entries]
        query = (
            "SELECT lexeme, -count(*) FROM {s}.passages, unnest(words)"
            " WHERE document = ANY(%s) GROUP BY lexeme"
        )
        self._changes.update(dict(self._run(query, [numbers])))
        self._run("DELETE FROM {s}.documents WHERE number = ANY(%s)", [numbers])

    def commit(self, settings: Settings) -> None:
        """Make the new state the current one, for good."""
        store = self._store
        if not store.stamp:
            self._run(_INDEXES)
        if settings.encoder != store.settings.encoder:
            self._run("DROP TABLE IF EXISTS {s}.vectors")
            if settings.encoder not in ("", "none"):
                self._make_room()
        self._count()
        self._run("DELETE FROM {s}.settings")
        query = "INSERT INTO {s}.settings VALUES (%s, %s, %s)"
        self._run(query, [store.stamp + 1, FORMAT, json.dumps(asdict(settings))])
        self._connection.commit()
        store.reload()

    def add_vectors(self, vectors: Vectors) -> None:
        """Add all vectors of some passages; these are seen, and last, at once."""
        every = zip(vectors.ids.tolist(), vectors.units.tolist(), vectors.values, strict=True)
        with self._copy("{s}.vectors (passage, unit, value)") as copy:
            for one, unit, value in every:
                copy.write_row((one, unit, _text(value)))
        size = vectors.values.shape[1]
        count = self._run("SELECT count(*) FROM {s}.vectors").fetchone()[0]
        if count > _EXACT and size <= _LONGEST_INDEXED:
            self._run(
                "CREATE INDEX IF NOT EXISTS vectors_near ON {s}.vectors"
                f" USING hnsw ((value::vector({size})) vector_ip_ops)"
            )
        self._connection.commit()

    def _make_room(self) -> None:
        """Make room for the vectors of an encoder."""
        errors = self._errors
        try:
            self._run(_VECTORS)
        except (errors.FeatureNotSupported, errors.UndefinedFile) as error:
            raise InputError(
                _("This PostgreSQL server has no vectors: the extension pgvector is missing"),
                path=self._store.place,
                hint=_("Install it there, or index by words alone: --encoder none"),
            ) from error

    def _count(self) -> None:
        """Bring the counts of words up to date, and their index."""
        self._run("CREATE TEMP TABLE changed (word text, n int) ON COMMIT DROP")
        with self._copy("changed") as copy:
            for word, n in self._changes.items():
                copy.write_row((word, n))
        self._changes.clear()
        self._run(
            "INSERT INTO {s}.counts SELECT word, n FROM changed WHERE n != 0"
            " ON CONFLICT (word) DO UPDATE SET passages = counts.passages + excluded.passages"
        )
        self._run("DELETE FROM {s}.counts WHERE passages <= 0")
        # What was added waits in a list that every search would read.
        self._run("SELECT gin_clean_pending_list('{s}.passages_words')")

    def _run(self, query: str, values: Any = None) -> Any:
        return self._connection.execute(self._store.database.sql(query), values)

    @contextmanager
    def _copy(self, table: str) -> Iterator[Any]:
        query = self._store.database.sql(f"COPY {table} FROM STDIN")
        with self._connection.cursor() as cursor, cursor.copy(query) as copy:
            yield copy


def _counted(passage: Passage, analyzer: Analyzer) -> tuple[int, Counter[str]]:
    """How many words a passage has; how often it holds each stem and each piece, as it is kept."""
    stems, pieces = (part.split() for part in analyzer.searchable(passage.searched_text))
    counts = Counter(stems)
    counts.update([_MARKS["pieces"] + piece for piece in pieces])
    return len(stems), counts


@cache
def _places(count: int) -> str:
    """As many places in a text, which PostgreSQL counts: it keeps 255 of them."""
    return ",".join(map(str, range(1, min(count, 255) + 1)))


def _text(vector: npt.NDArray[Any]) -> str:
    return json.dumps(vector.tolist())
