"""Word files (docx) into paragraphs with their headings; tables row by row."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prosa.data.repair import repair
from prosa.errors import InputError
from prosa.i18n import _
from prosa.search.passages import Block, Count, Headings, Place

_LARGEST = 500 << 20
_OLE = b"\xd0\xcf\x11\xe0"


def blocks(path: Path, name: str) -> Iterator[Block]:
    """The paragraphs of a Word file, numbered, under the headings above them.

    Raises:
        InputError: It is no Word file, is broken, or is protected by a password.
    """
    document = _opened(path, name)
    headings = Headings()
    for number, item in enumerate(document.iter_inner_content(), 1):
        if hasattr(item, "rows"):
            lines = (" | ".join(_cells(row)) for row in item.rows)
            text = repair("\n".join(filter(None, lines)), join_lines=False)[0]
        else:
            text = repair(item.text, join_lines=False)[0]
            if text and (level := _level(item)):
                headings.push(level, text)
                continue
        if text:
            yield Block(text, Place(Count.PARAGRAPH, number, str(headings)))


def _opened(path: Path, name: str) -> Any:
    import docx  # noqa: PLC0415  half a second, for docx only

    with path.open("rb") as file:
        if file.read(4) == _OLE:
            raise InputError(
                _("This Word file is protected by a password, or of the old format"),
                path=name,
                hint=_("Save it as docx without a password"),
            )
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(part.file_size for part in packed.infolist())
        document = docx.Document(str(path)) if size <= _LARGEST else None
    # python-docx lets whatever its parts raise through: zip, XML, key and value errors.
    except Exception as error:
        raise InputError(
            _("This Word file is broken, or is none"),
            path=name,
            hint=_("Open it in a word processor and save it again as docx"),
        ) from error
    if document is None:
        raise InputError(_("This Word file unpacks to more than 500 MB"), path=name)
    return document


def _level(paragraph: Any) -> int:
    """The level of a heading, whatever the language of Word that wrote it; 0 for other text."""
    style = paragraph.style
    name = (style.style_id or "") + " " + (style.name or "") if style is not None else ""
    folded = name.lower()
    if "title" in folded.split() or "título" in folded.split():
        return 1
    if folded.startswith(("heading", "ttulo", "título", "titulo")):
        digits = [int(sign) for sign in folded if sign.isdigit()]
        return min(digits[0], 6) if digits else 1
    return 0


def _cells(row: Any) -> list[str]:
    # A merged cell comes once for every column it spans.
    cells: list[str] = []
    for cell in row.cells:
        text = " ".join(cell.text.split())
        if text and (not cells or cells[-1] != text):
            cells.append(text)
    return cells
