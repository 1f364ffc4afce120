"""`prosa inspect` and `prosa prepare`: what the data holds, and what cleaning makes of it."""

from typing import TYPE_CHECKING, Any

from prosa.data.kinds import TRAINABLE, Kind
from prosa.verbs.request import Request

if TYPE_CHECKING:
    from prosa.data.prepare import Prepared
    from prosa.training.size_ladder import Guess


def look(data: Any, request: Request) -> "tuple[str, Prepared]":
    """Read and prepare data as a request says, and write nothing.

    Returns:
        What the data is called, and what was made of it.

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


def outlook(prepared: "Prepared", minutes: float = 5.0) -> "list[Guess]":
    """What training would cost here, family by family, where a person would wait so long.

    It is reckoned from the size of the data and the speed of this machine; a plan measures it. A
    kind of data that no language model learns from gives nothing.
    """
    if prepared.kind not in TRAINABLE:
        return []
    from prosa.training.size_ladder import Guess, guess

    size, turns = prepared.report.bytes, prepared.kind is not Kind.TEXT
    guesses = [guess(family, size, minutes, turns=turns) for family in ("lstm", "decoder")]
    return [Guess("ngram", 0, size / 2_000_000), *guesses]
