"""Vectors of words in files: word2vec's text and binary, GloVe's, fastText's `.vec`; packed or not.

A file is read once, from its beginning to its end; only the words that are wanted are kept.
"""

import gzip
import io
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, cast

import numpy as np
from numpy.typing import NDArray

from prosa.data.decoding import open_bytes
from prosa.errors import InputError
from prosa.files import full_disk_said
from prosa.i18n import _

Floats = NDArray[np.float32]

_WIDEST = 65_536
_LONGEST = 4_096
"""Bytes of a word at most."""
_HEADER = re.compile(rb"\s*(\d+)[ \t]+(\d+)\s*")
# A word and the beginning of its first number, as text has them.
_TEXT = re.compile(rb"\s*\S+[ \t]+[-+]?(\d|nan|inf|\.\d)[\d.eE+\-naif \t]*([ \t\r\n]|$)")
_FASTTEXT = (793712314).to_bytes(4, "little")
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04")
_HEAD = 2_000


class Opened(NamedTuple):
    """A file of vectors, open at its first one.

    Attributes:
        file: What follows.
        width: Numbers of a vector.
        words: How many there are, where the file says so.
        binary: The numbers are raw.
    """

    file: io.BufferedReader
    width: int
    words: int | None
    binary: bool


def width_of(path: str | Path) -> int:
    """How many numbers a vector of a file has.

    Raises:
        InputError: It cannot be read, or holds no vectors of words.
    """
    with _opened(Path(path)) as opened:
        return opened.width


def read_vectors(path: str | Path, wanted: Collection[str]) -> dict[str, Floats]:
    """The vectors of those of the wanted words that a file has; of a word twice, the first.

    Raises:
        InputError: The file is damaged; the message says in which line.
    """
    path, found = Path(path), dict[str, Floats]()
    keys = {word.encode(): word for word in wanted}
    with _opened(path) as opened:
        rows = _raw(opened, path) if opened.binary else _lines(opened, path)
        number = 0
        for number, (word, written) in enumerate(rows, 1):
            if word not in keys or keys[word] in found:
                continue
            try:
                vector = _vector(written)
            except ValueError as error:
                _damaged(
                    path, opened, number, _("a number cannot be read: {why}").format(why=error)
                )
            if not np.isfinite(vector).all():
                _damaged(path, opened, number, _("a number is not finite"))
            found[keys[word]] = vector
        if opened.words is not None and number != opened.words:
            _damaged(
                path,
                opened,
                number,
                _("the file says that it has {expected} words, and has {n}").format(
                    expected=opened.words, n=number
                ),
            )
    return found


def _vector(written: list[bytes] | bytes) -> Floats:
    if isinstance(written, bytes):
        return np.frombuffer(written, "<f4").copy()
    return np.array(written).astype(np.float32)


def _lines(opened: Opened, path: Path) -> Iterator[tuple[bytes, list[bytes] | bytes]]:
    for number, line in enumerate(opened.file, 1):
        text = line.replace(b"\t", b" ").rstrip()
        if not text:
            continue
        # GloVe has words with a space in them: the numbers are counted from the end.
        word, *numbers = text.rsplit(b" ", opened.width)
        if len(numbers) != opened.width:
            _damaged(
                path,
                opened,
                number,
                _("there are {n} numbers, not {width}").format(n=len(numbers), width=opened.width),
            )
        yield word.strip(), numbers


def _raw(opened: Opened, path: Path) -> Iterator[tuple[bytes, list[bytes] | bytes]]:
    size, rest = 4 * opened.width, b""
    for number in range(1, (opened.words or 0) + 1):
        while (end := rest.find(b" ")) < 0 or len(rest) < end + 1 + size:
            more = opened.file.read(1 << 20)
            if not more or (end < 0 and len(rest) > _LONGEST):
                _damaged(path, opened, number, _("the file is cut off"))
            rest += more
        word, vector = rest[:end].lstrip(b"\n"), rest[end + 1 : end + 1 + size]
        rest = rest[end + 1 + size :]
        yield word, vector


@contextmanager
def _opened(path: Path) -> Iterator[Opened]:
    if not path.is_file():
        raise InputError(_("there is no such file of word vectors"), path=path)
    with open_bytes(path, str(path)) as packed:
        file: Any = io.BufferedReader(cast(Any, packed), 1 << 20)
        yield _begun(file, path)


def _begun(file: io.BufferedReader, path: Path) -> Opened:
    head = file.peek(_HEAD)[:_HEAD]
    if head.startswith((_FASTTEXT, *_PICKLES)):
        raise InputError(
            _("this is another program's own format, not a table of word vectors"),
            path=path,
            hint=_("Take the .vec of the same vectors, or save them in word2vec's format."),
        )
    first = head.partition(b"\n")[0]
    header = _HEADER.fullmatch(first)
    if header:
        words, width = int(header[1]), int(header[2])
        file.readline()
        after = head[len(first) + 1 :]
        if words and not 0 < width <= _WIDEST:
            _no_vectors(path)
        return Opened(file, width, words, bool(after) and not _TEXT.match(after))
    width = len(first.replace(b"\t", b" ").split()) - 1
    if not head or not _TEXT.match(head) or not 1 < width <= _WIDEST:
        _no_vectors(path)
    return Opened(file, width, None, binary=False)


def _no_vectors(path: Path) -> NoReturn:
    raise InputError(
        _("there are no word vectors in this file"),
        path=path,
        expected=_(
            "a word and its numbers a line (word2vec, GloVe, fastText's .vec), or word2vec's binary"
        ),
    )


def _damaged(path: Path, opened: Opened, number: int, what: str) -> NoReturn:
    line = None if opened.binary else number + (opened.words is not None)
    if opened.binary:
        what = _("word {number}: {what}").format(number=number, what=what)
    raise InputError(what, path=path, line=line, hint=_again())


def _again() -> str:
    return _("Copy or download the file again.")


FORMATS = (".vec", ".bin", ".txt")
"""word2vec's text, which is fastText's too; word2vec's binary; GloVe's, which has no header."""


def write_vectors(
    path: Path, words: Sequence[str], vectors: Floats, form: str, *, packed: bool = False
) -> None:
    """Write words and their vectors in one of `FORMATS`, `packed` by gzip.

    Raises:
        ProsaError: The disk is full.
    """
    with full_disk_said(path), (gzip.open if packed else open)(path, "wb") as file:
        if form != ".txt":
            file.write(f"{len(words)} {vectors.shape[1]}\n".encode())
        for word, vector in zip(words, vectors, strict=True):
            if form == ".bin":
                file.write(word.encode() + b" " + vector.astype("<f4").tobytes() + b"\n")
            else:
                numbers = " ".join(f"{number:.6g}" for number in vector.tolist())
                file.write(f"{word} {numbers}\n".encode())
