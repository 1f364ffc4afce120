"""`prosa embed`: vectors of texts, or of the words of a vocabulary, in a file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from prosa import files, runs
from prosa.errors import InputError
from prosa.i18n import _
from prosa.verbs.texts import texts_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_TEXTS = (".parquet", ".npy")


@dataclass(frozen=True)
class Embedded:
    """The file that was written, and how many vectors of how many numbers it holds."""

    output: str
    rows: int
    dimensions: int


def embed(
    model: str | Path,
    data: Any,
    output: str | Path,
    *,
    overwrite: bool = False,
    kind: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> Embedded:
    """Write a vector of every text: the mean of the model's last states (`generation/embed.py`).

    `.parquet` has the columns `text` and `vector`, `.npy` the vectors alone; both are written while
    the texts are read, so that these may be more than the memory holds.

    Args:
        model: A run, a Hugging Face folder or id; a sentence-transformers folder makes its vectors
            as it says.
        data: Whatever `prosa.read` takes; every record gives one vector.
        output: The file to be.
        overwrite: Replace it.
        kind: As for `prosa.read`.
        columns: As for `prosa.read`.

    Raises:
        InputError: The model has no states, or data or output is at fault.
    """
    form = Path(output).suffix.lower()
    if form not in _TEXTS:
        raise InputError(_("-o is {path}").format(path=output), expected=" ".join(_TEXTS))
    place = files.free_place(output, overwrite=overwrite)
    texts = texts_of(data, kind, columns)
    from prosa.generation.embed import vectors
    from prosa.models.pretrained import load

    network, tokenizer = load(runs.resolve(str(model)))
    made = ((some, vectors(network, tokenizer, some)) for some in texts.batches)
    first = next(made)
    width = first[1].shape[1]
    with files.replacing(place, overwrite=overwrite, file=True) as path:
        write = _parquet if form == ".parquet" else _npy
        write(path, chain([first], made), texts.rows, width)
    return Embedded(str(place), texts.rows, width)


def _parquet(
    path: Path, made: "Iterator[tuple[list[str], Floats]]", _rows: int, width: int
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    vector = pa.list_(pa.float32(), width)
    schema = pa.schema([("text", pa.string()), ("vector", vector)])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for texts, found in made:
            flat = pa.FixedSizeListArray.from_arrays(pa.array(found.ravel()), width)
            writer.write_batch(
                pa.RecordBatch.from_arrays([pa.array(texts, pa.string()), flat], schema=schema)
            )


def _npy(path: Path, made: "Iterator[tuple[list[str], Floats]]", rows: int, width: int) -> None:
    table = np.lib.format.open_memmap(path, "w+", np.float32, (rows, width))
    at = 0
    for texts, found in made:
        table[at : at + len(texts)] = found
        at += len(texts)
    table.flush()


def embed_words(model: str | Path, output: str | Path, *, overwrite: bool = False) -> Embedded:
    """Write the vectors of a model's words, for `--word-vectors` and for other programs.

    `.vec` is word2vec's text (fastText's too), `.bin` its binary, `.txt` GloVe's; with `.gz` behind
    it is packed.

    Raises:
        InputError: The model has no vectors of words, or the output is at fault.
    """
    from prosa.data.word_vectors import FORMATS, write_vectors

    packed = Path(output).suffix.lower() == ".gz"
    form = Path(str(output)[:-3] if packed else output).suffix.lower()
    if form not in FORMATS:
        raise InputError(
            _("-o is {path}").format(path=output),
            expected=_("{formats}, or one of them with .gz behind").format(
                formats=" ".join(FORMATS)
            ),
        )
    place = files.free_place(output, overwrite=overwrite)
    from prosa.models.pretrained import load
    from prosa.tokens.words import whole_words

    network, tokenizer = load(runs.resolve(str(model)))
    words = whole_words(tokenizer)
    table: Any = network.get_input_embeddings() if hasattr(network.config, "hidden_size") else None
    if table is None or not words:
        raise InputError(
            _("This model has no vectors of words"),
            path=model,
            expected=_("a network whose tokens are words or subwords"),
        )
    vectors = table.weight.detach().float().cpu().numpy()[list(words.values())]
    with files.replacing(place, overwrite=overwrite, file=True) as path:
        write_vectors(path, list(words), vectors, form, packed=packed)
    return Embedded(str(place), len(words), vectors.shape[1])
