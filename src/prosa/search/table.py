"""The LanceDB table of passages: all text that is shown, and vectors where an encoder made them.

Lance writes a new version for every change and keeps the old ones, so the version that the manifest
names stays whole whatever happens while a new one is made. Rows are asked for by their place.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import pyarrow as pa

from prosa.errors import ProsaError
from prosa.i18n import _
from prosa.search.passages import Passage
from prosa.search.texts import SCHEMA, passage_of

NAME = "passages"

_DELETED_AT_ONCE = 1000
_LONG_AGO = timedelta(days=36500)
_JUST_NOW = timedelta(milliseconds=2)


def schema(dimensions: int = 0) -> pa.Schema:
    """The columns of the table.

    Args:
        dimensions: The length of its vectors, 0 without.
    """
    if not dimensions:
        return SCHEMA
    return SCHEMA.append(pa.field("vector", pa.list_(pa.float32(), dimensions)))


class Table:
    """The passages of an index.

    Args:
        uri: The folder of the index, or its address on object storage (s3://, gs://, az://).
        version: Read this version; without it the newest, for writing.
    """

    def __init__(self, uri: str | Path, version: int | None = None) -> None:
        import lancedb  # noqa: PLC0415  it starts threads; who only builds arrays needs none

        try:
            self._table = lancedb.connect(str(uri)).open_table(NAME)
            if version is not None:
                self._table.checkout(version)
        except (ValueError, RuntimeError, OSError) as error:
            raise _damaged(uri) from error
        self.uri = uri

    @staticmethod
    def create(folder: Path, dimensions: int = 0) -> "Table":
        """Make an empty table in a folder that has none."""
        import lancedb  # noqa: PLC0415

        lancedb.connect(str(folder)).create_table(NAME, schema=schema(dimensions))
        return Table(folder)

    @property
    def version(self) -> int:
        """The version that is read, or that was written last."""
        return int(self._table.version)

    def restore(self, version: int) -> None:
        """Make an old version the newest again; what came after it is let go."""
        if self.version != version:
            self._table.checkout(version)
            self._table.restore()

    def add(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Append rows."""
        self._table.add(pa.RecordBatchReader.from_batches(self.schema, batches))

    @property
    def schema(self) -> pa.Schema:
        """Its columns."""
        return self._table.schema

    def remove(self, documents: Sequence[int]) -> None:
        """Take out all passages of some documents, by number."""
        for start in range(0, len(documents), _DELETED_AT_ONCE):
            some = documents[start : start + _DELETED_AT_ONCE]
            self._table.delete(f"document IN ({', '.join(map(str, some))})")

    def compact(self) -> None:
        """Merge small files; nothing that another version needs is removed."""
        self._table.optimize(cleanup_older_than=_LONG_AGO)

    def prune(self) -> None:
        """Remove every version but the newest."""
        self._table.optimize(cleanup_older_than=_JUST_NOW, delete_unverified=True)

    def take(self, places: Sequence[int]) -> list[tuple[int, Passage]]:
        """The passages at some places, in that order, each with its document's number."""
        if not places:
            return []
        wanted = sorted(set(places))
        try:
            found = self._table.take_offsets(wanted).select(_SHOWN).to_arrow()
        except (ValueError, RuntimeError, OSError) as error:
            raise ProsaError(
                _("The passages of the index '{uri}' cannot be read any more").format(uri=self.uri),
                hint=_("Another run has changed it in the meantime: open it again"),
            ) from error
        rows = sorted(found.to_pylist(), key=lambda row: row["_rowoffset"])
        by_place = {row["_rowoffset"]: (row["document"], passage_of(row)) for row in rows}
        return [by_place[place] for place in places]

    def __len__(self) -> int:
        return int(self._table.count_rows())


_SHOWN = [*SCHEMA.names, "_rowoffset"]


def _damaged(uri: str | Path) -> ProsaError:
    return ProsaError(
        _("The table of passages in '{uri}' is damaged or missing").format(uri=uri),
        hint=_("Remove the index and build it again"),
    )
