"""Dense vectors, for who wants them: any sentence-transformers model, from a folder or a hub."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from prosa.errors import InputError
from prosa.extras import need
from prosa.i18n import _

_BATCH = 32


class Encoder:
    """A sentence-transformers model.

    Args:
        name: A folder with a model, or its id on a hub.

    Raises:
        InputError: The package is not installed, or there is no such model.
    """

    def __init__(self, name: str) -> None:
        package = need("sentence_transformers", "embed")
        try:
            self._model: Any = package.SentenceTransformer(name)
        except (OSError, ValueError) as error:
            raise InputError(
                _("There is no encoder '{name}': {reason}").format(
                    name=name, reason=str(error).split("\n", 1)[0]
                ),
                expected=_("a folder with a sentence-transformers model, or its id on a hub"),
            ) from error
        self.name = name
        self.dimensions = int(self._model.get_sentence_embedding_dimension())

    def encode_passages(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """The vectors of passages, each of length 1, float32 [texts, dimensions]."""
        return self._encode("encode_document", texts)

    def encode_queries(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """The vectors of questions, each of length 1, float32 [texts, dimensions]."""
        return self._encode("encode_query", texts)

    def _encode(self, way: str, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        # Models that were trained with prompts for either side have them behind these two names.
        encode = getattr(self._model, way, self._model.encode)
        found = encode(
            list(texts),
            batch_size=_BATCH,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return np.asarray(found, np.float32)
