"""`prosa evaluate` and `prosa models`: what a finished run is worth."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from prosa import files, runs
from prosa.i18n import _
from prosa.verbs.holdout import held_out

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
    say: Callable[[str], None] = lambda _text: None,
) -> Evaluation:
    """Score a model on data.

    On the data that the model was trained on, the same cleaning and the same split are made again
    and the part that it has not learned from is scored, or the `split` that is named; on other
    data, all of it. `data` is whatever `prosa.read` takes, and `raw`, `kind` and `columns` its
    settings; `say` hears what there is to know of the model.

    Raises:
        InputError: The model or the data is at fault.
    """
    from prosa.data.read import read
    from prosa.models.pretrained import load
    from prosa.tasks.task import task_of

    folder = runs.resolve(str(model))
    manifest = runs.read_manifest(Path(folder))
    network, tokenizer = cast(Any, load(folder, say=say))
    records = read(data, kind=kind, columns=dict(columns) if columns else None, raw=raw)
    task = task_of(network, records.kind, records.source)
    chosen = held_out([manifest], records, split=split, raw=raw)
    notes = [*records.notes, *chosen.notes]
    if chosen.seen[0]:
        notes.append(_("The model has learned from this very text: the score says little"))
    stream = task.encode(chosen.table, records.kind, tokenizer, files.scratch())
    return Evaluation(task.measure(network, tokenizer, stream), chosen.part, tuple(notes))


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
