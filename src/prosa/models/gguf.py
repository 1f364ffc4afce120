"""GGUF files, llama.cpp's form of a model: converted once to a folder, and kept.

transformers unpacks one whole in float32, which takes 4 bytes a parameter three times over at the
peak (270 million: 3.5 GB, 40 s), and its tokenizer takes 20 to 60 s. The folder in bfloat16 loads
in 5 s. It is named by the file's content, so another file of the same name is converted anew.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from prosa import files
from prosa.errors import InputError
from prosa.extras import quiet
from prosa.i18n import _
from prosa.models import folder as folders

MAGIC = b"GGUF"
_UNPACKED = 13
"""Bytes a parameter at the peak of unpacking: 3.5 GB for 268 million."""
_CHUNK = 1 << 22


def is_gguf(path: Path) -> bool:
    """Whether a file is one, by how it begins, or at least by its name."""
    if path.suffix.lower() == ".gguf":
        return True
    with path.open("rb") as file:
        return file.read(4) == MAGIC


def converted(path: Path, say: Callable[[str], None]) -> Path:
    """The folder of a GGUF file, which is made where it is not there yet.

    It lies beside the file, or under `PROSA_CACHE` or the person's cache where nothing can be
    written there.

    Raises:
        InputError: The file is no GGUF or cut off, or what it holds does not fit into the memory.
    """
    name = f"{path.stem}-{_hash(path)}"
    places = [path.absolute().parent / name, _cache() / name]
    for place in places:
        files.restore(place)
        if (place / folders.CONFIG).is_file():
            return place
    folders.check_memory(path, check(path), _UNPACKED)
    place = places[0] if os.access(places[0].parent, os.W_OK) else places[1]
    say(
        _("{file} is unpacked once, which takes a minute or more, and kept in {place}").format(
            file=path.name, place=place
        )
    )
    with files.replacing(place) as partial:
        _convert(path, partial)
    return place


def check(path: Path) -> int:
    """How many parameters a GGUF file holds; every part of it is looked for.

    Raises:
        InputError: It is no GGUF, or cut off.
    """
    from gguf import GGUFReader  # noqa: PLC0415  it is for these files alone

    size = path.stat().st_size
    with path.open("rb") as file:
        known = file.read(4) == MAGIC
    try:
        tensors = GGUFReader(str(path)).tensors if known else []
    except (ValueError, IndexError, KeyError, OSError, OverflowError) as error:
        raise _cut(path, folders.first_line(error)) from error
    if not known or not tensors:
        raise InputError(_("this is not a GGUF file, or there are no weights in it"), path=path)
    if max(tensor.data_offset + tensor.n_bytes for tensor in tensors) > size:
        raise _cut(path, files.human(size))
    return sum(int(tensor.n_elements) for tensor in tensors)


def _cut(path: Path, what: str) -> InputError:
    return InputError(
        _("this GGUF file is cut off or damaged ({what})").format(what=what),
        path=path,
        hint=_("Download it again, whole."),
    )


def _convert(path: Path, folder: Path) -> None:
    where = {"gguf_file": path.name, "local_files_only": True, "trust_remote_code": False}
    try:
        with quiet():
            model: Any = AutoModelForCausalLM.from_pretrained(
                str(path.parent), dtype=torch.float32, **where
            )
            tokenizer: Any = AutoTokenizer.from_pretrained(str(path.parent), **where)
    except (ValueError, KeyError, NotImplementedError, RuntimeError, TypeError) as error:
        raise InputError(
            _("transformers cannot unpack this GGUF file: {what}").format(
                what=folders.first_line(error)
            ),
            path=path,
            hint=_("With the package llama-cpp-python it can be talked to all the same."),
        ) from error
    # The weights are plain numbers now; a model that says it is packed would not be saved.
    model.hf_quantizer = None
    vars(model.config).pop("quantization_config", None)
    with quiet():
        model.to(torch.bfloat16).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    for weights in folder.glob("*.safetensors"):
        _align(weights)


def _align(path: Path) -> None:
    """Let the numbers in a file of weights begin at a multiple of 64 bytes: then none is copied.

    Matrix kernels want them so (see `load`); a model of 536 MB took 400 MB less to load.
    """
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    spaces = -(size + 8) % 64
    path.write_bytes((size + spaces).to_bytes(8, "little") + content[8 : 8 + size] + b" " * spaces)
    with path.open("ab") as file:
        file.write(memoryview(content)[8 + size :])


def _hash(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=6)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _cache() -> Path:
    if own := os.environ.get("PROSA_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "prosa"
