"""Everything a person can say about a training run, and what cleaning makes of the data then."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prosa.data.kinds import Kind
from prosa.errors import InputError
from prosa.i18n import _

if TYPE_CHECKING:
    from prosa.data.prepare import Prepared
    from prosa.training.size_ladder import Guess


@dataclass(frozen=True)
class Request:
    """A training run as asked for; the fields are the flags' names; None: the plan decides.

    `from_model` is the flag --from, `lora` is --lora or --full, `columns` is --column: {"text":
    "headline"}.
    """

    family: str | None = None
    from_model: str | None = None
    lora: bool | None = None
    four_bit: bool = False
    minutes: float | None = None
    epochs: float | None = None
    steps: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    seed: int = 0
    context: int | None = None
    layers: int | None = None
    hidden_size: int | None = None
    heads: int | None = None
    embedding_size: int | None = None
    dropout: float | None = None
    order: int | None = None
    cell: str | None = None
    attention: str | None = None
    word_vectors: str | None = None
    tokenizer: str | None = None
    vocabulary: int | None = None
    clean: tuple[str, ...] = ()
    filter: tuple[str, ...] = ()
    validation: float | str | None = None
    test: float | str | None = None
    raw: bool = False
    kind: str | None = None
    columns: Mapping[str, str] | None = None
    output: str | None = None
    overwrite: bool = False
    resume: bool = False


_ALIASES = {"from": "from_model", "column": "columns"}


def read_config(path: str) -> dict[str, Any]:
    """Read a flat YAML file whose keys are the flags' names.

    Returns:
        Values by the names of `Request`'s fields.

    Raises:
        InputError: Not YAML, not flat, or a key that is no flag.
    """
    import yaml

    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            _("This file cannot be read: {why}").format(why=error.strerror), path=path
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        raise InputError(
            _("This is not YAML"),
            path=path,
            line=mark.line + 1 if mark else None,
            column=mark.column + 1 if mark else None,
            expected=_("lines such as 'hidden-size: 128'"),
        ) from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise InputError(
            _("This is not a list of settings"),
            path=path,
            expected=_("lines such as 'hidden-size: 128'"),
        )
    known = {field.name for field in fields(Request)}
    settings = {}
    for key, value in values.items():
        name = str(key).lstrip("-").replace("-", "_")
        name = _ALIASES.get(name, name)
        if name not in known:
            flags = ", ".join(sorted(n.replace("_", "-") for n in known))
            raise InputError(
                _("There is no setting '{key}'").format(key=key), path=path, expected=flags
            )
        if name in ("clean", "filter"):
            parts = value if isinstance(value, list) else str(value or "").split(",")
            settings[name] = tuple(str(part).strip() for part in parts if str(part).strip())
        else:
            settings[name] = value
    return settings


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
    from prosa.models.registry import REGISTRY, family
    from prosa.tasks.task import task
    from prosa.training.size_ladder import guess

    size, turns = prepared.report.bytes, prepared.kind is not Kind.TEXT
    guesses = []
    for known in map(family, REGISTRY):
        able = [found for found in map(task, known.tasks) if prepared.kind in found.kinds]
        if able:
            guesses.append(guess(known, able[0].auto, size, minutes, turns=turns))
    return guesses
