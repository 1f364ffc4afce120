"""PDF files into paragraphs with their pages, from the text layer; a scan is said to be one."""

import logging
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prosa.data.repair import repair
from prosa.errors import InputError
from prosa.i18n import _
from prosa.search.passages import Block, Count, Place

_HYPHEN = re.compile(r"(?<=[a-zà-ÿ])[-\u00ad]\n(?=[a-zà-ÿ])")
_NUMBER = re.compile(r"\d+")
_ENDED = re.compile(r"[.!?:…;][\"'”’»)\]]*$")
_ITEM = re.compile(r"\s*(?:[-–•*▪◦‣]|\d{1,3}[.)]|[a-z]\))\s")

_SCANNED = 16
"""Characters a page must hold for its text to count as a text layer."""

_EDGE = 2
"""Lines at the top and the bottom of a page that may be running heads."""


def blocks(path: Path, name: str) -> Iterator[Block]:
    """The paragraphs of a PDF file with their pages.

    Running heads, lines that stand at the edge of most pages, are left out, and words parted at a
    line's end are joined.

    Raises:
        InputError: It is broken, is protected by a password, or is a scan without a text layer.
    """
    pages = _pages(path, name)
    if sum(len(page) >= _SCANNED for page in pages) == 0:
        raise InputError(
            _("This PDF holds pictures of pages and no text: a scan without a text layer"),
            path=name,
            hint=_("Run text recognition on it first: ocrmypdf -l por FILE.pdf OUT.pdf"),
        )
    heads = _running(pages)
    for number, page in enumerate(pages, 1):
        lines = _without(page.split("\n"), heads)
        for paragraph in _paragraphs(lines):
            text = repair(_HYPHEN.sub("", paragraph), join_lines=False)[0]
            if text:
                yield Block(text, Place(Count.PAGE, number))


def _pages(path: Path, name: str) -> list[str]:
    import pypdf  # noqa: PLC0415  a third of a second, for PDF only
    from pypdf.errors import DependencyError  # noqa: PLC0415

    # It warns about every oddity of a file; a person can do nothing about them.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = pypdf.PdfReader(path)
        opened = not reader.is_encrypted or reader.decrypt("")
        pages = [_text(page) for page in reader.pages] if opened else None
    except DependencyError as error:
        raise _protected(name) from error
    # pypdf lets errors of every kind through where a file is broken.
    except Exception as error:
        raise InputError(
            _("This PDF is broken, or is none"),
            path=name,
            hint=_("Open it in a reader and print it to a new PDF"),
        ) from error
    if pages is None:
        raise _protected(name)
    return pages


def _text(page: Any) -> str:
    return "\n".join(line.strip() for line in page.extract_text().split("\n")).strip()


def _protected(name: str) -> InputError:
    return InputError(
        _("This PDF is encrypted and needs a password"),
        path=name,
        hint=_("Save a copy without a password: qpdf --decrypt --password=… FILE.pdf OUT.pdf"),
    )


def _running(pages: list[str]) -> set[str]:
    """The lines, numbers aside, that stand at the edge of most pages."""
    seen: Counter[str] = Counter()
    for page in pages:
        lines = page.split("\n")
        seen.update({_shape(line) for line in (*lines[:_EDGE], *lines[-_EDGE:]) if line})
    return {shape for shape, n in seen.items() if n >= max(3, 0.6 * len(pages))}


def _without(lines: list[str], heads: set[str]) -> list[str]:
    last = len(lines) - _EDGE
    return [
        line
        for place, line in enumerate(lines)
        if not ((place < _EDGE or place >= last) and _shape(line) in heads)
    ]


def _shape(line: str) -> str:
    return _NUMBER.sub("0", line.strip())


def _paragraphs(lines: list[str]) -> Iterator[str]:
    """Join wrapped lines: a blank line, or a short one that ends a sentence, ends a paragraph."""
    width = max(map(len, lines), default=0)
    wrapped: list[str] = []
    for line in lines:
        ends = wrapped and len(wrapped[-1]) < 0.75 * width and _ENDED.search(wrapped[-1])
        if wrapped and (not line or ends or _ITEM.match(line)):
            yield _joined(wrapped)
            wrapped = []
        if line:
            wrapped.append(line)
    if wrapped:
        yield _joined(wrapped)


def _joined(lines: list[str]) -> str:
    return _HYPHEN.sub("", "\n".join(lines)).replace("\n", " ")
