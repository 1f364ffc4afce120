"""Bytes into characters: compression, encodings, and what is not text at all.

A file is surveyed once from end to end before anything is read from it, so that a note or an error
speaks about the whole file: valid UTF-8, UTF-8 with a few broken bytes, UTF-16, or cp1252.
"""

import bz2
import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from prosa.errors import InputError
from prosa.i18n import _

_BLOCK = 1 << 20
_HEAD = 1 << 16
_MAGIC = {
    b"%PDF": "PDF",
    b"PK\x03\x04": "zip (docx, xlsx, odt, epub…)",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"\xd0\xcf\x11\xe0": "doc / xls",
    b"SQLite format 3": "SQLite",
    b"{\\rtf": "RTF",
    b"ARROW1": "Arrow",
    b"7z\xbc\xaf": "7z",
    b"Rar!": "rar",
    b"\x7fELF": "ELF",
    **{b"\x80" + bytes([n]): "pickle" for n in range(2, 6)},
}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile(rb"[\x01-\x06\x0e-\x1a\x1c-\x1f\x7f]")
_BROKEN = re.compile("[\udc80-\udcff]")
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
_LINES_NAMED = 5


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    """Read bytes that the encoding has no character for as cp1252, or else as latin-1."""
    assert isinstance(error, UnicodeDecodeError)
    bad = error.object[error.start : error.end]
    try:
        return bad.decode("cp1252"), error.end
    except UnicodeDecodeError:
        return bad.decode("latin-1"), error.end


codecs.register_error("prosa-cp1252", _as_cp1252)


@dataclass(frozen=True)
class TextFile:
    """A file that holds text, and how its bytes become characters.

    Attributes:
        name: What messages call it.
        encoding: A Python codec.
        characters: How many it has.
        lines: Lines from the first to the last that is not blank.
        blank_lines: Whether blank lines stand between others.
        notes: What there is to say about its encoding, already translated.
    """

    path: Path
    name: str
    encoding: str
    characters: int
    lines: int
    blank_lines: bool
    notes: tuple[str, ...]

    @contextmanager
    def open(self, newline: str | None = None) -> Iterator[TextIO]:
        """Open it for reading; `newline` is that of Python's `open`."""
        with open_bytes(self.path, self.name) as file:
            wide = self.encoding.startswith(("utf-16", "utf-32"))
            yield io.TextIOWrapper(
                file, self.encoding, "replace" if wide else "prosa-cp1252", newline
            )


@contextmanager
def open_bytes(path: Path, name: str) -> Iterator[BinaryIO]:
    """Open a file and unpack it on the way, whatever its name says (gzip, bzip2, Zstandard).

    Raises:
        InputError: It cannot be opened, or its packing is broken.
    """
    try:
        with path.open("rb") as raw:
            magic = raw.read(4)
            raw.seek(0)
            yield cast(BinaryIO, _unpacked(raw, magic))
    except (EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise unreadable(name, error) from error
        raise torn(name, _("This compressed file is broken or cut short")) from error


def survey(path: Path, name: str) -> TextFile:
    """Go through a file once and find out how to read it.

    Raises:
        InputError: It is empty, it is not text, or it cannot be opened or unpacked.
    """
    with open_bytes(path, name) as file:
        head = file.read(_HEAD)
        encoding = next((codec for bom, codec in _BOMS if head.startswith(bom)), "utf-8-sig")
        utf8 = encoding == "utf-8-sig"
        if utf8:
            _refuse_binary(head, name)
        decoder = codecs.getincrementaldecoder("utf-8" if utf8 else encoding)("strict")
        seen = _Survey()
        wide = 0  # bytes of characters beyond the first of each
        block = head
        while block:
            more = file.read(_BLOCK)
            try:
                text = decoder.decode(block, final=not more)
            except UnicodeDecodeError:
                decoder.errors = "surrogateescape" if utf8 else "replace"
                text = decoder.decode(block, final=not more)
            wide += len(block) - len(text)
            seen.add(text, broken=decoder.errors == "surrogateescape")
            block = more
    if not seen.lines:
        raise EmptyFileError(name)
    note = ""
    if not utf8:
        note = _("{name}: read as {encoding}").format(name=name, encoding=encoding.upper())
    elif wide < 4 * seen.broken:
        encoding = "cp1252"
        note = _("{name}: read as {encoding}").format(name=name, encoding="cp1252 (latin-1)")
    elif seen.broken:
        lines = ", ".join(map(str, seen.broken_lines[:_LINES_NAMED]))
        note = _(
            "{name}: {count} bytes are not valid UTF-8 (first on line {lines}); "
            "those were read as cp1252, nothing is left out"
        ).format(name=name, count=seen.broken, lines=lines)
    notes = (note,) if note else ()
    return TextFile(path, name, encoding, seen.characters, seen.lines, seen.blank_lines, notes)


class _Survey:
    """What the blocks of a text show, one after the other; see `TextFile`."""

    def __init__(self) -> None:
        self.characters = self.lines = self.broken = 0
        self.blank_lines = False
        self.broken_lines: list[int] = []
        self._newlines = io.IncrementalNewlineDecoder(None, translate=True)
        self._line = 1
        self._blank_end = ""

    def add(self, block: str, *, broken: bool) -> None:
        """Look at the next block, which may have bytes that belong to no character."""
        text = self._newlines.decode(block)
        if broken and (places := _BROKEN.findall(text)):
            self.broken += len(places)
            if len(self.broken_lines) < _LINES_NAMED:
                lines = enumerate(text.split("\n"), self._line)
                numbers = [number for number, line in lines if _BROKEN.search(line)]
                self.broken_lines += [n for n in numbers if n not in self.broken_lines]
        self._line += text.count("\n")
        self.characters += len(text)
        text = self._blank_end + text
        shown = text.rstrip()
        after = text.count("\n", len(shown))
        if not self.lines:
            shown = shown.lstrip("\ufeff").lstrip()
            self.lines = bool(shown)
        self.lines += shown.count("\n")
        self.blank_lines = self.blank_lines or _BLANK_LINE.search(shown) is not None
        self._blank_end = "\n" * min(2, after) if self.lines else ""


class EmptyFileError(InputError):
    """A file holds nothing, or nothing but white space."""

    def __init__(self, name: str) -> None:
        super().__init__(
            _("This file is empty"),
            path=name,
            expected=_("text, or rows of data"),
            hint=_("Check that it was saved, and that this is the right file"),
        )


def unreadable(name: str, error: OSError) -> InputError:
    """The error for a file that the system does not let us read."""
    return InputError(
        _("This file cannot be read: {reason}").format(reason=error.strerror or error),
        path=name,
        hint=_("Check its permissions"),
    )


def _unpacked(raw: BinaryIO, magic: bytes) -> BinaryIO | gzip.GzipFile | bz2.BZ2File:
    if magic.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=raw)
    if magic.startswith(b"BZh"):
        return bz2.BZ2File(raw)
    if magic == b"\x28\xb5\x2f\xfd":
        import pyarrow as pa  # noqa: PLC0415  only Zstandard needs it here

        return cast(BinaryIO, pa.CompressedInputStream(cast(io.IOBase, raw), "zstd"))
    return raw


def _refuse_binary(head: bytes, name: str) -> None:
    known = next((what for magic, what in _MAGIC.items() if head.startswith(magic)), None)
    if known:
        what = _("This is not text but a {format} file").format(format=known)
    elif b"\0" in head or len(_CONTROL.findall(head)) > len(head) / 100:
        what = _("This is not text but binary data")
    else:
        return
    raise InputError(
        what,
        path=name,
        expected="txt, md, csv, tsv, json, jsonl, yaml, parquet",
        hint=_("Save its content in one of those formats (text as UTF-8) and give that file"),
    )


def torn(name: str, message: str) -> InputError:
    """The error for a file of which something is missing."""
    return InputError(message, path=name, hint=_("Copy or download it again"))
