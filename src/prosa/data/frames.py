"""Objects from Python as sources: frames, tables, data sets, lists.

None of the libraries is imported here: who holds an object of one has imported it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import pyarrow as pa

from prosa.data import names
from prosa.data.chunks import ROWS, Chunks, Source, from_arrow, from_rows
from prosa.errors import InputError
from prosa.i18n import _

ACCEPTED = (
    "pandas.DataFrame, polars.DataFrame, pyarrow.Table, datasets.Dataset, a list of dict or str"
)


def open_object(value: Any) -> list[tuple[Source, str | None]]:
    """Open an object that holds data.

    Args:
        value: A pandas, polars or pyarrow table, a data set of `datasets` (or a dictionary of
            them), a list of dictionaries, or a list of strings.

    Returns:
        Its sources, each with the split that it is, if it is one.

    Raises:
        InputError: It is nothing of the kind.
    """
    library = type(value).__module__.split(".")[0]
    if library == "datasets":
        return _data_sets(value)
    if library == "pandas":
        return [(_pandas(value), None)]
    if library == "polars":
        frame = value.collect() if hasattr(value, "collect") else value
        frame = (
            frame if hasattr(frame, "to_arrow") and hasattr(frame, "columns") else frame.to_frame()
        )
        return [(_arrow(frame.to_arrow(), _called("polars.DataFrame")), None)]
    if isinstance(value, pa.Table | pa.RecordBatch):
        return [(_arrow(value, _called("pyarrow.Table")), None)]
    if isinstance(value, Mapping) and value:
        return [(_columns(value), None)]
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [(_rows(value), None)]
    raise InputError(
        _("An object of type '{type}' holds no data that is known").format(
            type=type(value).__name__
        ),
        expected=ACCEPTED,
    )


def _called(what: str) -> str:
    return f"<{what}>"


def _arrow(table: pa.Table | pa.RecordBatch, name: str) -> Source:
    def chunks(wanted: Collection[str] | None) -> Chunks:
        some = [n for n in table.schema.names if wanted is None or n in wanted]
        yield from from_arrow(table.select(some))

    return Source(name, chunks)


def _pandas(frame: Any) -> Source:
    frame = frame.to_frame() if not hasattr(frame, "columns") else frame

    def chunks(wanted: Collection[str] | None) -> Chunks:
        some = [c for c in frame.columns if wanted is None or str(c) in wanted]
        for start in range(0, len(frame), ROWS):
            part = frame[some].iloc[start : start + ROWS]
            present = part.notna()
            yield {
                str(c): [
                    _value(v) if there else None
                    for v, there in zip(part[c].tolist(), present[c].tolist(), strict=True)
                ]
                for c in some
            }

    return Source(_called("pandas.DataFrame"), chunks)


def _value(value: Any) -> Any:
    """NumPy arrays inside cells as lists."""
    return value.tolist() if hasattr(value, "tolist") else value


def _columns(value: Mapping[str, Any]) -> Source:
    def chunks(_wanted: Collection[str] | None) -> Chunks:
        yield {str(name): list(column) for name, column in value.items()}

    lengths = {len(column) for column in value.values() if isinstance(column, Sequence)}
    if len(lengths) != 1 or not all(isinstance(column, Sequence) for column in value.values()):
        raise InputError(
            _("A dictionary holds data where its values are equally long lists"), expected=ACCEPTED
        )
    return Source(_called("dict"), chunks)


def _rows(rows: Sequence[Any]) -> Source:
    name = _called("list")
    for number, row in enumerate(rows):
        if not isinstance(row, str | Mapping):
            raise InputError(
                _("Item {number} of the list is of type '{type}'").format(
                    number=number, type=type(row).__name__
                ),
                path=name,
                expected=_("dictionaries or strings"),
            )

    def chunks(_wanted: Collection[str] | None) -> Chunks:
        for start in range(0, len(rows), ROWS):
            part = rows[start : start + ROWS]
            yield from_rows([{"text": row} if isinstance(row, str) else row for row in part])

    return Source(name, chunks)


def from_iterable(make: Any, name: str) -> Source:
    """A source from a function that begins a new iterator of rows."""

    def chunks(_wanted: Collection[str] | None) -> Chunks:
        rows: Iterator[Mapping[str, Any]] = iter(make())
        while part := list(islice(rows, ROWS)):
            yield from_rows(part)

    return Source(name, chunks)


def nothing(_wanted: Collection[str] | None) -> Chunks:
    """The chunks of a source that holds none."""
    yield from ()


def _data_sets(value: Any) -> list[tuple[Source, str | None]]:
    if not isinstance(value, Mapping):
        return [(_data_set(value, _called(type(value).__name__)), None)]
    known = all(names.plain(name) in names.SPLITS for name in value)
    return [
        (_data_set(one, f"<{name}>"), names.SPLITS[names.plain(name)] if known else None)
        for name, one in value.items()
    ]


def _data_set(value: Any, name: str) -> Source:
    labels = {
        column: feature.names
        for column, feature in (value.features or {}).items()
        if hasattr(feature, "int2str")
    }

    def chunks(wanted: Collection[str] | None) -> Chunks:
        some = [c for c in value.column_names or () if wanted is None or c in wanted]
        part = value.select_columns(some) if some else value
        for batch in part.with_format("arrow").iter(ROWS):
            for chunk in from_arrow(batch):
                for column in labels.keys() & chunk.keys():
                    chunk[column] = _named(chunk[column], labels[column])
                yield chunk

    return Source(name, chunks)


def _named(column: Any, labels: list[str]) -> list[str | None]:
    """Class numbers as the classes' names; -1 stands for none."""
    return [labels[v] if v is not None and v >= 0 else None for v in column.to_pylist()]
