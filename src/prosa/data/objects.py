"""Objects from Python as sources: frames, tables, lists, data sets, those of the hub by their id.

None of the libraries is imported here: who holds an object of one has imported it.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from prosa.data import names
from prosa.data.kinds import ROWS, Batches, Source, from_arrow, from_rows, values
from prosa.errors import InputError
from prosa.i18n import _

ACCEPTED = (
    "pandas.DataFrame, polars.DataFrame, pyarrow.Table, datasets.Dataset, a list of dict or str"
)

_HUB_ID = re.compile(
    r"(?P<path>[A-Za-z0-9][\w.-]*/[\w.-]+)(?:/(?P<config>[\w.-]+))?(?::(?P<split>[\w.-]+))?"
)
_PATIENCE = 5.0


def open_object(value: Any) -> list[tuple[Source, str | None]]:
    """Open a table, a data set, a dictionary of either's columns or parts, or a list.

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
        value = value.collect() if hasattr(value, "collect") else value
        value = value if hasattr(value, "columns") else value.to_frame()
        return [(_arrow(value.to_arrow(), "<polars.DataFrame>"), None)]
    if isinstance(value, pa.RecordBatch):
        value = pa.Table.from_batches([value])
    if isinstance(value, pa.Table):
        return [(_arrow(value, "<pyarrow.Table>"), None)]
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


def from_iterable(begin: Callable[[], Iterable[Mapping[str, Any] | str]], name: str) -> Source:
    """A source from a function that begins a new iterable of rows; a string is a text."""

    def batches() -> Batches:
        rows = iter(begin())
        while part := list(islice(rows, ROWS)):
            yield from_rows([{"text": row} if isinstance(row, str) else row for row in part])

    return Source(name, batches)


def _arrow(table: pa.Table, name: str) -> Source:
    return Source(name, lambda: (from_arrow(part) for part in table.to_batches(ROWS)))


def _pandas(frame: Any) -> Source:
    frame = frame if hasattr(frame, "columns") else frame.to_frame()

    def batches(wanted: Collection[str] | None = None) -> Batches:
        kept = frame[[c for c in frame.columns if wanted is None or str(c) in wanted]]
        for start in range(0, len(frame), ROWS):
            part = kept.iloc[start : start + ROWS]
            yield {
                str(name): [
                    _plain(value) if present else None
                    for value, present in zip(column.tolist(), column.notna().tolist(), strict=True)
                ]
                for name, column in part.items()
            }

    return Source("<pandas.DataFrame>", batches, by_column=True)


def _plain(value: Any) -> Any:
    """NumPy arrays inside cells as lists."""
    return value.tolist() if hasattr(value, "tolist") else value


def _columns(value: Mapping[str, Any]) -> Source:
    columns = {str(name): column for name, column in value.items()}
    lists = all(isinstance(column, Sequence) for column in columns.values())
    if not lists or len(set(map(len, columns.values()))) != 1:
        raise InputError(
            _("A dictionary holds data where its values are equally long lists"), expected=ACCEPTED
        )

    def batches() -> Batches:
        for start in range(0, max(map(len, columns.values())), ROWS):
            yield {name: list(column[start : start + ROWS]) for name, column in columns.items()}

    return Source("<dict>", batches)


def _rows(rows: Sequence[Any]) -> Source:
    for number, row in enumerate(rows):
        if not isinstance(row, str | Mapping):
            message = _("Item {number} of the list is of type '{type}'")
            raise InputError(
                message.format(number=number, type=type(row).__name__),
                path="<list>",
                expected=_("dictionaries or strings"),
            )
    return from_iterable(lambda: rows, "<list>")


def _data_sets(value: Any) -> list[tuple[Source, str | None]]:
    if not isinstance(value, Mapping):
        return [(_data_set(value, f"<{type(value).__name__}>"), None)]
    known = all(names.plain(name) in names.SPLITS for name in value)
    return [
        (_data_set(part, f"<{name}>"), names.SPLITS[names.plain(name)] if known else None)
        for name, part in value.items()
    ]


def _data_set(value: Any, name: str) -> Source:
    labels = {
        column: feature.names
        for column, feature in (value.features or {}).items()
        if hasattr(feature, "int2str")
    }

    def batches(wanted: Collection[str] | None = None) -> Batches:
        columns = [c for c in value.column_names or () if wanted is None or c in wanted]
        part = value.select_columns(columns) if columns else value
        for rows in part.with_format("arrow").iter(ROWS):
            for arrow in rows.to_batches():
                batch = from_arrow(arrow)
                for column in labels.keys() & batch.keys():
                    classes = dict(enumerate(labels[column]))  # -1 stands for none
                    batch[column] = [classes.get(number) for number in values(batch[column])]
                yield batch

    return Source(name, batches, by_column=True)


def is_hub_id(text: str) -> bool:
    """Whether a text has the form of an id: org/name, org/name/config, org/name:split."""
    return _HUB_ID.fullmatch(text) is not None


def load_from_hub(identity: str) -> Any:
    """Load a data set of the hub, as a `datasets.Dataset` or a `DatasetDict` of all its splits.

    Without a network the cache is asked at once: `datasets` itself would repeat every request for
    25 s (measured) before it gives up.

    Raises:
        InputError: The hub cannot be reached and the data set is not in the cache, there is no such
            data set, or a configuration or a split has to be chosen.
    """
    import datasets  # noqa: PLC0415  two seconds, and only this needs it

    parts = _HUB_ID.fullmatch(identity)
    assert parts is not None
    offline = datasets.config.HF_HUB_OFFLINE
    datasets.config.HF_HUB_OFFLINE = offline or not _reachable(datasets.config.HF_ENDPOINT)
    try:
        return datasets.load_dataset(parts["path"], parts["config"], split=parts["split"])
    except ConnectionError as error:
        raise InputError(
            _(
                "There is no file or folder '{name}', and the Hugging Face hub cannot be reached"
            ).format(name=identity),
            hint=_("Check the name; for a data set of the hub, connect to the network once"),
        ) from error
    except datasets.exceptions.DatasetNotFoundError as error:
        raise InputError(
            _(
                "There is no file or folder '{name}', and no such data set on the Hugging Face hub"
            ).format(name=identity),
            hint=_("Check the name; a private or gated data set needs: hf auth login"),
        ) from error
    except (ValueError, OSError, RuntimeError) as error:
        raise InputError(
            _("The data set cannot be loaded from the hub: {reason}").format(reason=error),
            path=identity,
            hint=_("Choose a configuration or a split with org/name/configuration:split"),
        ) from error
    finally:
        datasets.config.HF_HUB_OFFLINE = offline


def _reachable(endpoint: str) -> bool:
    import socket  # noqa: PLC0415  these two take 0.1 s
    from urllib.request import getproxies  # noqa: PLC0415

    address = urlsplit(endpoint)
    if getproxies() or not address.hostname:
        return True
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        socket.create_connection((address.hostname, port), _PATIENCE).close()
    except OSError:
        return False
    return True
