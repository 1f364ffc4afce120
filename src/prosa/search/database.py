"""A PostgreSQL database: its address, its connection, and what is said when it does not answer."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prosa.errors import InputError, ProsaError
from prosa.extras import need
from prosa.i18n import _

# The planner cannot know how rare a word is and would rather read all texts than use an index;
# compiling a query (jit) takes longer than any of ours; pgvector looks at 40 neighbours otherwise.
_SETTINGS = """
SET enable_seqscan = off; SET enable_indexscan = off; SET jit = off; SET hnsw.ef_search = 200
"""

_PASSWORD = re.compile(r"^(\w+://[^:@/]*):(.*)@")


class Database:
    """A schema of a database, read without transactions: `postgresql://user@host/database#schema`.

    Raises:
        InputError: The address is wrong, no server answers, or it lets nobody in.
    """

    def __init__(self, address: str) -> None:
        self._psycopg: Any = need("psycopg", "postgres")
        self.errors = self._psycopg.errors
        self.place = _shown(address)
        self._address, mark, schema = address.rpartition("#")
        if not mark or not schema.isidentifier():
            self._address, schema = address, "prosa"
        self.schema = schema
        try:
            self._connection = self.connect()
        except self._psycopg.Error as error:
            raise InputError(
                _("This database cannot be opened: {reason}").format(
                    reason=_without_password(_reason(error), address)
                ),
                path=self.place,
                expected="postgresql://USER@HOST:PORT/DATABASE",
                hint=_("A password is read from PGPASSWORD or ~/.pgpass"),
            ) from error

    def __del__(self) -> None:
        if connection := self.__dict__.get("_connection"):
            connection.close()

    def connect(self) -> Any:
        """Another connection."""
        connection = self._psycopg.connect(self._address, autocommit=True)
        connection.execute(_SETTINGS)
        return connection

    def sql(self, query: str) -> Any:
        """A query, with the name of the schema for {s}."""
        return self._psycopg.sql.SQL(query).format(s=self._psycopg.sql.Identifier(self.schema))

    def ask(self, query: str, values: Any = None, *, binary: bool = False) -> list[Any]:
        """The rows that a query gives; where the connection was lost, it is asked once more."""
        with self.said():
            try:
                result = self._connection.execute(self.sql(query), values, binary=binary)
            except self._psycopg.OperationalError:
                if not self._connection.closed:
                    raise
                self._connection = self.connect()
                result = self._connection.execute(self.sql(query), values, binary=binary)
            return list(result)

    def is_index(self) -> bool:
        """Whether the schema holds an index.

        Raises:
            InputError: It holds something else.
        """
        query = "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(%s))"
        there = {name for (name,) in self.ask(query, [self.schema])}
        if there and not {"settings", "documents", "passages", "counts"} <= there:
            raise InputError(
                _("There is something here already, and it stays as it is"),
                path=self.place,
                hint=_("Name another schema: {place}").format(
                    place=f"{_shown(self._address)}#NAME"
                ),
            )
        return bool(there)

    def no_index(self) -> InputError:
        """Says that there is no index."""
        return InputError(
            _("There is no index here"),
            path=self.place,
            hint=_("Make one: prosa index DOCUMENTS -o {folder}").format(folder=self.place),
        )

    @contextmanager
    def said(self) -> Iterator[None]:
        """Say in a person's words what a server complains of.

        Raises:
            InputError: The index is gone, or may not be used.
            ProsaError: Anything else.
        """
        try:
            yield
        except self.errors.UndefinedTable as error:
            raise self.no_index() from error
        except self.errors.InsufficientPrivilege as error:
            raise InputError(
                _("The database refuses this: {reason}").format(reason=_reason(error)),
                path=self.place,
                hint=_("Ask its administrator for permission"),
            ) from error
        except (self._psycopg.OperationalError, self._psycopg.InterfaceError) as error:
            lost = error.sqlstate is None or error.sqlstate.startswith(("08", "57P"))
            what = (
                _("The database '{place}' does not answer: {reason}")
                if lost
                else _("The database '{place}' cannot go on: {reason}")
            )
            raise ProsaError(
                what.format(place=self.place, reason=_reason(error)),
                hint=_(
                    "Look after its server, then run the same again: what was committed is there"
                ),
            ) from error


def _shown(address: str) -> str:
    """An address without its password."""
    return re.sub(r"(password=)[^&#]*", r"\1", _PASSWORD.sub(r"\1@", address))


def _without_password(reason: str, address: str) -> str:
    """What is said of an address, without any part of its password: "pa/ss" is taken for a port."""
    if found := _PASSWORD.match(address):
        for part in filter(None, re.split(r"\W", found[2])):
            reason = reason.replace(part, "…")
    return reason


def _reason(error: Exception) -> str:
    """What a server said, in one line."""
    return " ".join(str(error).split())
