"""What is wrong with a model's folder, found before transformers reads it.

Its own errors speak of something else. Nothing is executed here, and no pickle is opened.
"""

import json
import math
from pathlib import Path
from typing import Any, NoReturn

import psutil
from safetensors import SafetensorError, safe_open

from prosa.errors import InputError
from prosa.files import human
from prosa.i18n import _, number

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_LONG = 4_000_000
"""Bytes of JSON that are left to the tokenizers library, whose message is less clear: 33 MB, those
of 262 thousand tokens, take 1.5 s and much memory to look at."""
# A pickle of protocol 2 to 5, and the zip archive around the pickle that torch.save writes.
_PICKLED = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04")


def check(folder: Path) -> tuple[dict[str, Any], int]:
    """Look at every file of a model folder.

    Returns:
        What config.json says, and how many parameters the weights have.

    Raises:
        InputError: A file is missing, damaged or a pickle.
    """
    config = read_json(folder / CONFIG)
    for name in ("generation_config.json", "tokenizer_config.json", "tokenizer.json"):
        if (folder / name).exists() and (folder / name).stat().st_size < _LONG:
            read_json(folder / name)
    if "model_type" not in config:
        raise InputError(
            _("it does not say what kind of model this is"),
            path=folder / CONFIG,
            expected='"model_type"',
        )
    parameters = sum(map(check_weights, _weight_files(folder)))
    if not any((folder / name).is_file() for name in TOKENIZERS):
        raise incomplete(folder / "tokenizer.json", _("the tokenizer is missing"))
    return config, parameters


def read_json(path: Path) -> dict[str, Any]:
    """An object of JSON from a file of a model.

    Raises:
        InputError: The file is missing or damaged.
    """
    if not path.is_file():
        raise incomplete(path, _("the file is missing, so this is not a whole model"))
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        what = _("the file is damaged: {what}").format(what=error.msg)
        raise incomplete(path, what, line=error.lineno, column=error.colno) from error
    except UnicodeDecodeError as error:
        raise incomplete(path, _("the file is damaged: it is not UTF-8")) from error
    if not isinstance(content, dict):
        raise incomplete(path, _("the file is damaged"), expected="{...}")
    return content


def _weight_files(folder: Path) -> list[Path]:
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / INDEX).is_file():
        names = read_json(folder / INDEX).get("weight_map", {}).values()
        shards = [folder / name for name in sorted(set(names))]
        for shard in shards:
            if not shard.is_file():
                raise incomplete(shard, _("a part of the weights is missing"))
        return shards
    for path in sorted(folder.iterdir()):
        if path.suffix in _PICKLES and path.name != "training_args.bin":
            refuse_pickle(path)
    raise incomplete(folder / WEIGHTS, _("the weights are missing"))


def check_weights(path: Path) -> int:
    """Open a file of weights; return how many numbers are in it.

    Raises:
        InputError: It is damaged, empty or a pickle.
    """
    with path.open("rb") as file:
        start = file.read(9)
    if start.startswith(_PICKLED):
        refuse_pickle(path)
    try:
        with safe_open(path, framework="pt") as weights:
            shapes = [weights.get_slice(name).get_shape() for name in weights.keys()]  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        what = _("the weights are damaged or cut off ({what})").format(what=error)
        raise incomplete(path, what) from error
    if not shapes:
        raise incomplete(path, _("there are no weights in it"))
    return sum(map(math.prod, shapes))


def check_memory(path: Path, parameters: int, each: int) -> None:
    """Refuse what will not fit into the memory, before it is tried.

    Args:
        path: What is to be loaded.
        parameters: Its numbers.
        each: Bytes of each in memory.

    Raises:
        InputError: With the sum.
    """
    needed, free = parameters * each, int(psutil.virtual_memory().available)
    if needed > free:
        raise InputError(
            _(
                "this model does not fit into the memory: {parameters} parameters of {each} bytes "
                "are {needed}, and {free} are free"
            ).format(
                parameters=number(parameters, 0), each=each, needed=human(needed), free=human(free)
            ),
            path=path,
            hint=_("Close other programs, or take a smaller model, or its GGUF file in 4 bits."),
        )


def refuse_file(path: Path) -> NoReturn:
    """Say what a file that stands for a model is instead."""
    with path.open("rb") as file:
        if path.suffix in _PICKLES or file.read(4).startswith(_PICKLED):
            refuse_pickle(path)
    raise InputError(
        _("this is a file, not a model"),
        path=path,
        expected=_("the folder of a model, or a .gguf file"),
    )


def refuse_pickle(path: Path) -> NoReturn:
    """Say why pickled weights are not opened."""
    raise InputError(
        _("these weights are pickled, and a pickle can run any program when it is opened"),
        path=path,
        expected=WEIGHTS,
        hint=_("Ask who made the model for safetensors, or convert it on a machine you can lose."),
    )


def misfit(folder: Path, what: str, cause: Exception | None = None) -> NoReturn:
    """Say that weights and configuration do not belong together."""
    raise InputError(
        _("the weights do not fit the configuration: {what}").format(what=what),
        path=folder / WEIGHTS,
        hint=_(
            "{config} and the weights come from different models; copy the whole folder again."
        ).format(config=CONFIG),
    ) from cause


def incomplete(path: Path, what: str, **where: Any) -> InputError:
    """The error for a folder in which something is wrong or missing."""
    hint = _("Copy the whole folder again, or train the model again.")
    return InputError(what, path=path, hint=hint, **where)


def first_line(error: BaseException) -> str:
    """The first line of a message: the rest of a library's advice is about itself."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
