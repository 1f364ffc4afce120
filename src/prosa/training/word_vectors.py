"""A fresh model begins with vectors that its words have elsewhere."""

from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from prosa.data.word_vectors import read_vectors, width_of
from prosa.errors import InputError
from prosa.i18n import _, number
from prosa.models import registry
from prosa.models.family import Family
from prosa.tokens.words import whole_words
from prosa.training.events import Listener, Note


def width_for(family: Family, path: str, asked: int | None, *, new: bool) -> int:
    """The width of a file's vectors, which is to be that of a new model's embeddings.

    Raises:
        InputError: The model is not new, has no such embeddings, or was asked for with others.
    """
    if not new:
        raise InputError(
            _("--word-vectors is for a new model, and --from goes on with one that has vectors"),
            hint=_("Leave one of the two away"),
        )
    if family.sizes[0].embedding_size is None:
        able = [name for name in registry.REGISTRY if registry.family(name).sizes[0].embedding_size]
        raise InputError(
            _("{flag} means nothing to the family {family}").format(
                flag="--word-vectors", family=family.name
            ),
            expected=", ".join(able),
        )
    width = width_of(path)
    if asked not in (None, width):
        raise InputError(
            _("--embedding-size is {asked}, but the vectors of this file have {width}").format(
                asked=asked, width=width
            ),
            path=path,
            hint=_("Leave --embedding-size away"),
        )
    return width


def start_from_vectors(
    model: PreTrainedModel, tokenizer: Any, path: str | Path, listen: Listener
) -> None:
    """Give the words of a vocabulary the vectors of a file.

    A word that is there in lower case only takes that vector. All are scaled to the spread with
    which the others begin, as the layers above are made for that. How many were found is said.

    Raises:
        InputError: The file is damaged, or has none of the words.
    """
    words = whole_words(tokenizer)
    known = read_vectors(path, {*words, *(word.lower() for word in words)})
    spelled = {word: word if word in known else word.lower() for word in words}
    rows = {
        number: known[spelled[word]] for word, number in words.items() if spelled[word] in known
    }
    if not rows:
        raise InputError(
            _("None of the {n} words of the vocabulary is in this file").format(n=len(words)),
            path=path,
            hint=_("Take vectors of the data's language, and words as tokens: --tokenizer word"),
        )
    table: Any = model.get_input_embeddings()
    vectors = torch.stack([torch.from_numpy(vector) for vector in rows.values()])
    with torch.no_grad():
        spread = table.weight.std() / vectors.std().clamp(min=1e-8)
        table.weight[list(rows)] = (vectors * spread).to(table.weight)
    text = _("{found} of the {words} words of the vocabulary begin with their vectors")
    listen(Note(text.format(found=number(len(rows), 0), words=number(len(words), 0))))
