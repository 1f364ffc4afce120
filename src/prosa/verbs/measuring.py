"""`prosa evaluate` and `prosa models`: what a finished run is worth."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from prosa import files, runs
from prosa.errors import InputError
from prosa.i18n import _

if TYPE_CHECKING:
    from prosa.measure.metrics import Metrics


@dataclass(frozen=True)
class Evaluation:
    """Figures, and which part of which data they were measured on."""

    metrics: "Metrics"
    split: str
    notes: tuple[str, ...]


def evaluate(
    model: str | Path,
    data: Any,
    *,
    split: str | None = None,
    raw: bool = False,
    kind: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> Evaluation:
    """Score a model on data.

    On the data that the model was trained on, the same cleaning and the same split are made again
    and the part that it has not learned from is scored, or the `split` that is named; on other
    data, all of it. `data` is whatever `prosa.read` takes, and `raw`, `kind` and `columns` its
    settings.

    Raises:
        InputError: The model or the data is at fault.
    """
    from prosa.data.filters import Filters, parse
    from prosa.data.prepare import PrepareOptions, prepare
    from prosa.data.read import read
    from prosa.models.pretrained import load
    from prosa.tasks.task import task_of

    folder = runs.resolve(str(model))
    manifest = runs.read_manifest(Path(folder))
    trained_on = manifest.data if manifest else {}
    network, tokenizer = cast(Any, load(folder))
    records = read(data, kind=kind, columns=dict(columns) if columns else None, raw=raw)
    task = task_of(network, records.kind, records.source)
    clean = tuple(trained_on.get("clean", ()))
    asked = {
        part: value if isinstance(value, float | int) else None
        for part, value in trained_on.get("split", {}).items()
    }
    try:
        filters = parse(trained_on.get("filter", ()))
    except InputError:  # the list of words has gone: this is not the data of the training, then
        filters = Filters()
    same = PrepareOptions(
        clean=clean,
        filters=filters,
        validation=asked.get("validation"),
        test=asked.get("test"),
        raw=raw,
        seed=trained_on.get("seed", 0),
    )
    prepared = prepare(records, same)
    known = runs.fingerprint(*prepared.splits.values()) == trained_on.get("fingerprint")
    if known or split:
        name = split or next(n for n in ("test", "validation", "train") if n in prepared.splits)
        table = prepared.splits.get(name)
        if table is None or not len(table):
            raise InputError(
                _("This data has no part '{name}'").format(name=name),
                expected=", ".join(prepared.splits),
            )
    else:
        whole = PrepareOptions(clean=clean, raw=raw, validation=0, test=0)
        name, table = "all", prepare(records, whole).splits["train"]
    notes = [*records.notes]
    if known and name == "train":
        notes.append(_("The model has learned from this very text: the score says little"))
    stream = task.encode(table, prepared.kind, tokenizer, files.scratch())
    return Evaluation(task.measure(network, tokenizer, stream), name, tuple(notes))


def list_models() -> list[dict[str, Any]]:
    """The runs on this disk, one dictionary each."""
    listed = []
    for folder in runs.listing():
        manifest = runs.read_manifest(folder)
        result = manifest.result if manifest else {}
        listed.append(
            {
                "name": folder.name,
                "family": manifest.family if manifest else None,
                "parameters": result.get("parameters"),
                "bits_per_byte": result.get("validation_bits_per_byte"),
                "data": manifest.data.get("source") if manifest else None,
                "disk_bytes": files.size(folder),
                "path": str(folder),
            }
        )
    return listed
