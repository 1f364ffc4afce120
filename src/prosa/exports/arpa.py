r"""N-gram models as ARPA files, which KenLM, SRILM, Kaldi and Moses read.

Words in such a file are parted by spaces, so a token is written as a *symbol*: a space, any other
white space, a character that cannot be printed and the backslash become `\xhh`, `\uhhhh` or
`\Uhhhhhhhh` as in Python. The tokens that start and end a text and the unknown one are `<s>`,
`</s>` and `<unk>`, whatever the tokenizer calls them. To score a text in KenLM, join the symbols of
its tokens by spaces:

    " ".join(symbol(token) for token in tokenizer.tokenize(text))

Words without white space, as "whitespace" and "word" tokenizers have them, stay as they are.
"""

import gzip
import io
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from prosa.errors import InputError
from prosa.files import replacing
from prosa.i18n import _

_LINES = 200_000


def export(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    path: str | Path,
    *,
    overwrite: bool = False,
) -> None:
    """Write an n-gram model as an ARPA file; gzipped where the name ends in ".gz".

    Numbers are float32 with as many digits as tell them apart, as lmplz writes them. Padding, which
    is never predicted, is left out.

    Raises:
        InputError: The model is not an n-gram, or the file cannot be written.
        ProsaError: The disk is full.
    """
    kind = model.config.model_type
    if kind != "prosa_ngram":
        raise InputError(
            _("an ARPA file holds n-grams, and this model ({kind}) has none").format(kind=kind),
            hint=_("Train a model with --family ngram."),
        )
    symbols = _symbols(model, tokenizer)
    with replacing(path, overwrite=overwrite, file=True) as temporary, ExitStack() as stack:
        file: Any = stack.enter_context(temporary.open("wb"))
        if Path(path).suffix == ".gz":
            file = stack.enter_context(gzip.GzipFile("", "wb", 6, file, mtime=0))
        _write(model, symbols, stack.enter_context(io.TextIOWrapper(file, encoding="utf-8")))


def symbol(token: str) -> str:
    r"""How a token is written in an ARPA file: "a b" becomes "a\x20b"."""
    if token and token.isprintable() and not {" ", "\\"} & set(token):
        return token
    return "".join(map(_escaped, token)) or "\\"


def _escaped(character: str) -> str:
    if character == "\\" or (character.isprintable() and not character.isspace()):
        return character.replace("\\", "\\\\")
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _symbols(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """The symbol of each id."""
    config = model.config
    ids = range(config.vocab_size)
    tokens = tokenizer.convert_ids_to_tokens(list(ids))
    # An id beyond the tokenizer has no token; it is never met, but holds a share of probability.
    symbols = [f"\\#{i}" if token is None else symbol(token) for i, token in enumerate(tokens)]
    eos = config.eos_token_id
    fixed = {
        config.bos_token_id: "<s>",
        eos[0] if isinstance(eos, list) else eos: "</s>",
        tokenizer.unk_token_id: "<unk>",
    }
    for i in ids:
        if i in fixed:
            symbols[i] = fixed[i]
        elif symbols[i] in fixed.values():
            symbols[i] = f"\\x3c{symbols[i][1:]}"
    return symbols


def _write(model: Any, symbols: list[str], out: TextIO) -> None:
    unwritten = [i for i in model.tables.never if i != model.config.bos_token_id]
    entries = [count for count in model.config.entries if count]
    out.write("\\data\\\n")
    for n, count in enumerate(entries, start=1):
        out.write(f"ngram {n}={count - len(unwritten) if n == 1 else count}\n")
    names = np.array(symbols, dtype=object)
    parents: list[NDArray[Any]] = []
    words: list[NDArray[Any]] = []
    for n, level in zip(range(1, len(entries) + 1), model.ngrams(), strict=False):
        parents.append(level.parents.astype(np.int32))
        words.append(level.words.astype(np.int32))
        out.write(f"\n\\{n}-grams:\n")
        for start in range(0, entries[n - 1], _LINES):
            part = slice(start, start + _LINES)
            kept = ~np.isin(level.words[part], unwritten) if n == 1 else slice(None)
            columns = [_numbers(level.probabilities[part][kept])]
            columns.append(_spelled(parents, words, names, part)[kept])
            if n < len(entries):
                columns.append(_numbers(level.backoffs[part][kept]))
            out.write("\n".join(map("\t".join, zip(*columns, strict=True))))
            out.write("\n")
    out.write("\n\\end\\\n")


def _spelled(
    parents: list[NDArray[Any]], words: list[NDArray[Any]], names: NDArray[Any], part: slice
) -> NDArray[Any]:
    """The words of some n-grams of the last order given, found by going from parent to parent."""
    at: Any = part
    columns = []
    for parent, word in zip(reversed(parents), reversed(words), strict=True):
        columns.append(names[word[at]])
        at = parent[at]
    lines = map(" ".join, zip(*reversed(columns), strict=True))
    return np.fromiter(lines, dtype=object, count=len(columns[0]))


def _numbers(p: NDArray[np.float32]) -> NDArray[Any]:
    """Decimal logarithms as text; 0 for probability 0, which only the start of a text has."""
    different, where = np.unique(p, return_inverse=True)
    # In float32, as lmplz takes them: a rounded double differs in the last digit of one in 15.
    texts = np.log10(np.where(different > 0, different, np.float32(1))).astype("U16").tolist()
    return np.array([text.removesuffix(".0") for text in texts], dtype=object)[where]
