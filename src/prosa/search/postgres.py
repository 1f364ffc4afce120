"""An index in a PostgreSQL database, for a team: words in `tsvector`s, vectors in pgvector.

The address is `postgresql://user@host/database`; each index has a schema of its own, "prosa" unless
another is named: `postgresql://user@host/database#name`.

    settings    a row: what the index knows, and a stamp that changes with every commit
    documents   each document (JSON)
    passages    each passage (JSON), how many words it has, and its `stems` and `pieces`
    counts      how many passages hold each word
    vectors     of passages, where there is an encoder

The stems are our own, so that a folder and a database give the same answers. Who wants to search
the texts as PostgreSQL does can index `to_tsvector('portuguese', value->>'text')`.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import numpy as np
import numpy.typing as npt

from prosa.errors import InputError, ProsaError
from prosa.extras import need
from prosa.i18n import _
from prosa.search.features import B, K1, idf
from prosa.search.passages import Passage
from prosa.search.store import FORMAT, Entry, Row, Settings, Vectors, from_json, settings_of, to_json
from prosa.search.terms import Analyzer

_TOUCHED = 30_000
"""Passages that the first look at a question touches, about: its rarest words come first."""

_EXACT = 10_000
"""Vectors that are compared one by one; more of them get an index (HNSW)."""

_TABLES = """
CREATE SCHEMA IF NOT EXISTS {s};
CREATE TABLE {s}.settings (stamp bigint, format int, value json);
CREATE TABLE {s}.documents (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, passages int DEFAULT 0, value json);
CREATE TABLE {s}.passages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    document bigint REFERENCES {s}.documents ON DELETE CASCADE,
    length int, stems tsvector, pieces tsvector, value json
) WITH (toast_tuple_target = 128);
CREATE TABLE {s}.counts (field text, word text, passages int, PRIMARY KEY (field, word));
"""
# Texts lie apart from the rows (toast_tuple_target), so that those are looked through fast.

_INDEXES = """
CREATE INDEX passages_document ON {s}.passages (document);
CREATE INDEX passages_stems ON {s}.passages USING gin (stems);
CREATE INDEX passages_pieces ON {s}.passages USING gin (pieces);
"""

_FIND = """
WITH asked AS (
    SELECT * FROM unnest(%(fields)s::text[], %(words)s::text[], %(weights)s::float8[], %(rare)s::bool[])
        AS a (field, word, weight, rare)),
held AS (
    SELECT id, weight FROM asked JOIN {s}.passages ON stems @@ quote_literal(word)::tsquery
    WHERE rare AND field = 'stems'
    UNION ALL
    SELECT id, weight FROM asked JOIN {s}.passages ON pieces @@ quote_literal(word)::tsquery
    WHERE rare AND field = 'pieces'),
near AS (
    SELECT id, length, stems, pieces, %(k1)s * (1 - %(b)s + %(b)s * length / %(mean)s) AS norm
    FROM (SELECT id, sum(weight) AS score FROM held GROUP BY id) h JOIN {s}.passages USING (id)
    ORDER BY score / (1 + %(k1)s * (1 - %(b)s + %(b)s * length / %(mean)s)) DESC, id LIMIT %(near)s),
scored AS (
    SELECT id, weight * cardinality(positions) / (cardinality(positions) + norm) AS score
    FROM near, unnest(stems) JOIN asked ON word = lexeme AND field = 'stems'
    UNION ALL
    SELECT id, weight * cardinality(positions) / (cardinality(positions) + norm)
    FROM near, unnest(pieces) JOIN asked ON word = lexeme AND field = 'pieces')
SELECT id FROM scored GROUP BY id ORDER BY sum(score) DESC, id LIMIT %(limit)s
"""


class Postgres:
    """A store in a database; with `new` there may be none yet, and it begins with the first commit.

    Raises:
        InputError: There is no index, the database lets nobody in, or another version of prosa made
            the index.
        ProsaError: The server does not answer any more.
    """

    def __init__(self, address: str, *, new: bool = False) -> None:
        self.psycopg = need("psycopg", "postgres")
        self._address, _hash, schema = address.partition("#")
        self.schema = schema or "prosa"
        self.place = _shown(address)
        self.settings = Settings()
        self.passages = 0
        self._connection: Any = self.connect()
        self._stamp = 0
        self._counts: dict[tuple[str, str], int] = {}
        if not new or self.exists():
            self.reload()

    def connect(self) -> Any:
        try:
            connection = self.psycopg.connect(self._address, autocommit=True)
        except self.psycopg.Error as error:
            raise InputError(
                _("This database cannot be opened: {reason}").format(reason=_reason(error)),
                path=self.place,
                hint=_("The address is postgresql://USER@HOST/DATABASE, the password PGPASSWORD"),
            ) from error
        connection.execute("SET enable_seqscan = off")
        return connection

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        if connection := self.__dict__.pop("_connection", None):
            connection.close()

    def sql(self, query: str) -> Any:
        sql = self.psycopg.sql
        return sql.SQL(query).format(s=sql.Identifier(self.schema))

    def ask(self, query: str, *values: Any, binary: bool = False) -> list[Any]:
        """The rows that a query gives; a connection that was lost is made anew, once."""
        return self._connection.execute(self.sql(query), *values, binary=binary).fetchall()

    def exists(self) -> bool:
        query = "SELECT FROM pg_tables WHERE schemaname = %s AND tablename = 'settings'"
        return bool(self.ask(query, [self.schema]))

    def reload(self) -> None:
        """See what was committed since."""
        if not self.exists():
            raise InputError("no index", path=self.place)
        self._stamp, made, value = self.ask("SELECT stamp, format, value FROM {s}.settings")[0]
        self.settings = settings_of(value)
        query = "SELECT count(*), coalesce(avg(length), 1)::float8 FROM {s}.passages"
        self.passages, self._mean = self.ask(query)[0]
        self._counts = {}

    def entries(self) -> list[Entry]:
        """Its documents, in the order they came."""
        if not self._stamp:
            return []
        rows = self.ask("SELECT number, passages, value FROM {s}.documents ORDER BY number")
        return [Entry(number, passages=count, **value) for number, count, value in rows]

    def find(self, words: Mapping[str, Mapping[str, float]], limit: int) -> list[int]:
        """The ids of the passages that hold most of some words, about by BM25, the best first."""
        asked = []
        for field, weights in words.items():
            counts = self.holding(field, list(weights))
            rarity = idf(counts, self.passages)
            for (word, weight), count, rare in zip(weights.items(), counts, rarity, strict=True):
                if count:
                    asked.append((count, field, word, weight * rare))
        asked.sort()
        if not asked:
            return []
        touched = np.cumsum([one[0] for one in asked])
        first = (touched <= _TOUCHED).tolist()
        first[0] = True
        values = {
            "fields": [one[1] for one in asked],
            "words": [one[2] for one in asked],
            "weights": [float(one[3]) for one in asked],
            "rare": first, "near": 4 * limit,
            "k1": K1, "b": B, "mean": self._mean, "limit": limit,
        }
        return [one for (one,) in self.ask(_FIND, values)]

    def nearest(self, vector: npt.NDArray[np.float32], limit: int) -> list[int]:
        """The ids of the passages that have a vector nearest to one."""
        query = f"SELECT passage FROM {{s}}.vectors ORDER BY value::vector({len(vector)}) <#> %s LIMIT %s"
        rows = self.ask(query, [_text(vector), 4 * limit])
        return list(dict.fromkeys(one for (one,) in rows))[:limit]

    def holding(self, field: str, words: Sequence[str]) -> list[int]:
        """How many passages hold each of some words."""
        known = self._counts
        new = [word for word in words if (field, word) not in known]
        if new:
            known.update({(field, word): 0 for word in new})
            query = "SELECT word, passages FROM {s}.counts WHERE field = %s AND word = ANY(%s)"
            known.update({(field, word): n for word, n in self.ask(query, [field, new])})
        return [known[field, word] for word in words]

    def rows(self, ids: Sequence[int]) -> list[Row]:
        """The passages of some ids; those that are gone are left out."""
        query = (
            "SELECT p.id, d.value, p.value FROM {s}.passages p JOIN {s}.documents d"
            " ON d.number = p.document WHERE p.id = ANY(%s)"
        )
        rows = {
            one: Row(one, document["name"], from_json(value))
            for one, document, value in self.ask(query, [list(ids)])
        }
        return [rows[one] for one in ids if one in rows]

    def vectors(self, ids: Sequence[int]) -> Vectors:
        """All vectors of some passages."""
        query = "SELECT passage, unit, value FROM {s}.vectors WHERE passage = ANY(%s) ORDER BY 1, 2"
        rows = self.ask(query, [[int(one) for one in ids]], binary=True)
        values = np.frombuffer(b"".join(value[4:] for _id, _unit, value in rows), ">f4")
        return Vectors(
            np.asarray([row[0] for row in rows], np.uint32),
            np.asarray([row[1] for row in rows], np.uint16),
            values.reshape(len(rows), -1).astype(np.float16),
        )

    def ids(self) -> list[int]:
        """The ids of all passages, in the order they came."""
        return [one for (one,) in self.ask("SELECT id FROM {s}.passages ORDER BY id")]

    def without_vectors(self) -> list[int]:
        """The ids of the passages that have none."""
        query = "SELECT id FROM {s}.passages EXCEPT SELECT passage FROM {s}.vectors ORDER BY 1"
        return [one for (one,) in self.ask(query)]

    @contextmanager
    def writing(self) -> Iterator["_Writer"]:
        """Hold the index for writing; a run that fails, or is killed, leaves the last commit."""
        connection = self.connect()
        try:
            query = "SELECT pg_try_advisory_lock(hashtext('prosa'), hashtext(%s))"
            if not connection.execute(query, [self.schema]).fetchone()[0]:
                raise ProsaError(
                    _("Another run is working on the index '{folder}'").format(folder=self.place),
                    hint=_("Wait until it is done"),
                )
            connection.autocommit = False
            if self.exists():
                self.reload()
            else:
                connection.execute(self.sql(_TABLES))
            yield _Writer(self, connection)
        finally:
            connection.close()


class _Writer:
    """Changes an index in a database by a connection of its own, which holds the lock."""

    def __init__(self, store: Postgres, connection: Any) -> None:
        self._store = store
        self._connection = connection
        self._changes: Counter[tuple[str, str]] = Counter()

    def _run(self, query: str, *values: Any) -> Any:
        return self._connection.execute(self._store.sql(query), *values)

    def add(self, entry: Entry, passages: Iterable[Passage], analyzer: Analyzer) -> int:
        """Add a document; where its passages raise, nothing of it stays. Returns their count."""
        value = {key: one for key, one in asdict(entry).items() if key not in ("number", "passages")}
        holding: Counter[tuple[str, str]] = Counter()
        total = 0
        with self._connection.transaction():
            query = "INSERT INTO {s}.documents (value) VALUES (%s) RETURNING number"
            number = self._run(query, [json.dumps(value)]).fetchone()[0]
            copy_in = self._store.sql(
                "COPY {s}.passages (document, length, stems, pieces, value) FROM STDIN"
            )
            with self._connection.cursor() as cursor, cursor.copy(copy_in) as copy:
                for passage in passages:
                    words = "\n".join((passage.place.heading, passage.full_text))
                    stems = analyzer.stems(words).split()
                    pieces = analyzer.pieces(words).split()
                    holding.update(("stems", word) for word in set(stems))
                    holding.update(("pieces", word) for word in set(pieces))
                    copy.write_row(
                        (number, len(stems), _tsvector(stems), _tsvector(pieces),
                         json.dumps(to_json(passage)))
                    )
                    total += 1
            query = "UPDATE {s}.documents SET passages = %s WHERE number = %s"
            self._run(query, [total, number])
        self._changes.update(holding)
        return total

    def remove(self, entries: Iterable[Entry]) -> None:
        """Take documents out, with all that belongs to them."""
        numbers = [entry.number for entry in entries]
        for field in ("stems", "pieces"):
            query = (
                f"SELECT lexeme, count(*) FROM {{s}}.passages, unnest({field})"
                " WHERE document = ANY(%s) GROUP BY 1"
            )
            for word, count in self._run(query, [numbers]):
                self._changes[field, word] -= count
        self._run("DELETE FROM {s}.documents WHERE number = ANY(%s)", [numbers])

    def commit(self, settings: Settings) -> None:
        """Make the new state the current one, for good."""
        store = self._store
        self._count()
        if not store._stamp:
            self._run(_INDEXES)
            self._run("CREATE TABLE {s}.vectors (passage bigint REFERENCES {s}.passages ON DELETE CASCADE, unit int, value vector, PRIMARY KEY (passage, unit))") if settings.encoder else 0
        self._run("DELETE FROM {s}.settings")
        self._run(
            "INSERT INTO {s}.settings VALUES (%s, %s, %s)",
            [store._stamp + 1, FORMAT, json.dumps(asdict(settings))],
        )
        self._connection.commit()
        store.reload()

    def _count(self) -> None:
        if not self._changes:
            return
        self._run("CREATE TEMP TABLE changes (field text, word text, n int) ON COMMIT DROP")
        with self._connection.cursor() as cursor, cursor.copy("COPY changes FROM STDIN") as copy:
            for (field, word), n in self._changes.items():
                copy.write_row((field, word, n))
        self._run(
            "INSERT INTO {s}.counts SELECT * FROM changes WHERE n != 0 ON CONFLICT (field, word)"
            " DO UPDATE SET passages = counts.passages + excluded.passages"
        )
        self._run("DELETE FROM {s}.counts WHERE passages <= 0")
        self._changes.clear()

    def add_vectors(self, vectors: Vectors) -> None:
        """Add all vectors of some passages; these are seen, and last, at once."""
        query = self._store.sql("COPY {s}.vectors (passage, unit, value) FROM STDIN")
        with self._connection.cursor() as cursor, cursor.copy(query) as copy:
            for one, unit, value in zip(vectors.ids, vectors.units, vectors.values, strict=True):
                copy.write_row((int(one), int(unit), _text(value)))
        self._connection.commit()


def _shown(address: str) -> str:
    """An address without its password."""
    parts = urlsplit(address)
    user, at, host = parts.netloc.rpartition("@")
    query = urlencode([one for one in parse_qsl(parts.query) if "password" not in one[0]], safe="/")
    return parts._replace(netloc=user.partition(":")[0] + at + host, query=query).geturl()


def _reason(error: Exception) -> str:
    """What a server said, its last line."""
    return str(error).strip().rpartition("\n")[2].strip()


def _text(vector: npt.NDArray[Any]) -> str:
    return json.dumps(vector.tolist())


def _tsvector(words: Sequence[str]) -> str:
    """Words with their positions, as PostgreSQL reads them."""
    positions: dict[str, list[str]] = {}
    for place, word in enumerate(words, 1):
        positions.setdefault(word, []).append(str(place))
    return " ".join(f"{_quoted(word)}:{','.join(places)}" for word, places in positions.items())


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
