"""Which part of a data set models are measured on: where there is one, that which none has seen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prosa import runs
from prosa.errors import InputError
from prosa.i18n import _

if TYPE_CHECKING:
    import pyarrow as pa

    from prosa.data.kinds import Records
    from prosa.data.prepare import Prepared, PrepareOptions


@dataclass(frozen=True)
class HeldOut:
    """Records to measure models on.

    Attributes:
        table: The records.
        part: "train", "validation" or "test" of the data as a model was trained on it; else "all".
        seen: Of each model, how many of the records it has been trained on; 0 too where it has been
            trained on other data.
        notes: Doubts about that, in sentences, translated.
    """

    table: "pa.Table"
    part: str
    seen: tuple[int, ...]
    notes: tuple[str, ...]


def held_out(
    manifests: Sequence[runs.Manifest | None],
    data: "Records | Prepared",
    *,
    split: str | None = None,
    raw: bool = False,
) -> HeldOut:
    """Find the part of data that models are measured on.

    Where one of them was trained on this data, it is cleaned and split again as it was then (equal
    fingerprints prove it), and the part that was kept for the end is taken: the test split, or else
    the validation split. Where none was, all of the data.

    Args:
        manifests: Those of the models; None where prosa did not train one.
        data: What was read; or what was made of it, which is then taken as it is.
        split: The part to take instead.
        raw: Take the records as they stand.

    Raises:
        InputError: There is no such part.
    """
    from prosa.data.prepare import Prepared, PrepareOptions, prepare

    trained_on = [manifest.data if manifest else {} for manifest in manifests]
    asked = [_as_trained(origin, raw=raw) for origin in trained_on]
    if isinstance(data, Prepared):
        made, same = [data], [0] * len(asked)
    else:
        options = [o for i, o in enumerate(asked) if o not in asked[:i]]
        made = [prepare(data, option) for option in options]
        same = [options.index(o) for o in asked]
    prints = [runs.fingerprint(*prepared.splits.values()) for prepared in made]
    own = [
        made[i] if prints[i] == origin.get("fingerprint") else None
        for i, origin in zip(same, trained_on, strict=True)
    ]
    known = [prepared for prepared in own if prepared]
    if known or split or isinstance(data, Prepared):
        chosen, part = _part(known or made, split)
        table = chosen.splits[part]
    else:
        clean = asked[0].clean if all(o.clean == asked[0].clean for o in asked) else ()
        whole = PrepareOptions(clean=clean, raw=raw, validation=0, test=0)
        table, part = prepare(data, whole).splits["train"], "all"
        chosen = None
    seen = [_seen(table, part, chosen, prepared) for prepared in own]
    return HeldOut(table, part, tuple(seen), tuple(_doubts(manifests, own, data)))


def _doubts(
    manifests: Sequence[runs.Manifest | None],
    own: "Sequence[Prepared | None]",
    data: "Records | Prepared",
) -> Iterator[str]:
    source = getattr(data, "source", None)
    for manifest, prepared in zip(manifests, own, strict=True):
        if manifest and not prepared and source and manifest.data.get("source") == source:
            yield _(
                "{model} was trained on {source}, but on other texts of it or cleaned otherwise: "
                "it may have learned from some of these"
            ).format(model=manifest.name, source=source)


def _as_trained(trained_on: Mapping[str, Any], *, raw: bool) -> "PrepareOptions":
    """How the data of a training run was prepared."""
    from prosa.data.filters import Filters, parse
    from prosa.data.prepare import PrepareOptions

    asked = {
        part: value if isinstance(value, float | int) or Path(value or "").is_file() else None
        for part, value in trained_on.get("split", {}).items()
    }
    try:
        filters = parse(trained_on.get("filter", ()))
    except InputError:  # the list of words has gone: this is not the data of the training, then
        filters = Filters()
    return PrepareOptions(
        clean=tuple(trained_on.get("clean", ())),
        filters=filters,
        validation=asked.get("validation"),
        test=asked.get("test"),
        raw=raw,
        seed=trained_on.get("seed", 0),
    )


def _part(known: "Sequence[Prepared]", split: str | None) -> "tuple[Prepared, str]":
    """The part to take, of the first that has it."""
    for name in [split] if split else ("test", "validation", "train"):
        for prepared in known:
            if len(prepared.splits.get(name, ())):
                return prepared, name
    raise InputError(
        _("This data has no part '{name}'").format(name=split), expected=", ".join(known[0].splits)
    )


def _seen(table: "pa.Table", part: str, chosen: "Prepared | None", own: "Prepared | None") -> int:
    """How many records of a table a model was trained on, whose data was prepared as `own`."""
    if own is None:
        return 0
    if own is chosen:
        return len(table) if part == "train" else 0
    keys = [repr(row) for row in table.to_pylist()]
    wanted, found = set(keys), set[str]()
    for batch in own.splits["train"].to_batches(max_chunksize=1_000):
        found |= wanted.intersection(map(repr, batch.to_pylist()))
    return sum(key in found for key in keys)
