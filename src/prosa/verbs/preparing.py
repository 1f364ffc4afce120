"""`prosa inspect` and `prosa prepare`: what the data holds, and what cleaning makes of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prosa.data.kinds import TRAINABLE, Kind
from prosa.verbs.request import Request

if TYPE_CHECKING:
    from prosa.data.prepare import Prepared


@dataclass(frozen=True)
class Outlook:
    """What training would cost on this machine, roughly; a plan measures it exactly.

    Attributes:
        family: The family.
        parameters: Of the model that fits the time; 0 for a model that counts.
        minutes: How long it would take.
    """

    family: str
    parameters: int
    minutes: float


def look(data: Any, request: Request) -> "tuple[str, Prepared]":
    """Read and prepare data, and write nothing.

    Args:
        data: Whatever `prosa.read` takes.
        request: Of it: kind, columns, raw, clean, filter, validation, test and seed.

    Returns:
        What was read is called, and what was made of it.

    Raises:
        InputError: The data or a setting is at fault.
    """
    from prosa.data.filters import parse
    from prosa.data.prepare import PrepareOptions, prepare
    from prosa.data.read import read

    filters = parse(request.filter)
    records = read(
        data,
        kind=request.kind,
        columns=dict(request.columns) if request.columns else None,
        raw=request.raw,
    )
    options = PrepareOptions(
        clean=tuple(request.clean),
        validation=request.validation,
        test=request.test,
        columns=request.columns,
        filters=filters,
        raw=request.raw,
        seed=request.seed,
    )
    return records.source, prepare(records, options)


def write(prepared: "Prepared", output: str | Path, *, overwrite: bool = False) -> Path:
    """Write the prepared splits as parquet."""
    from prosa.data.prepare import save

    return save(prepared, output, overwrite=overwrite)


def outlook(prepared: "Prepared", minutes: float = 5.0) -> list[Outlook]:
    """What training each family would cost, from the size of the data and this machine's speed.

    Args:
        prepared: The prepared data.
        minutes: The time a person would wait.

    Returns:
        Nothing for a kind that no language model learns from.
    """
    if prepared.kind not in TRAINABLE:
        return []
    from prosa.training.size_ladder import guess

    size, turns = prepared.report.bytes, prepared.kind is not Kind.TEXT
    guesses = [guess(family, size, minutes, turns=turns) for family in ("lstm", "decoder")]
    counted = Outlook("ngram", 0, size / 2_000_000 / 60)
    return [counted, *(Outlook(g.family, g.parameters, g.seconds / 60) for g in guesses)]
