"""HTML into paragraphs with their lines and headings. Scripts, styles and navigation are left out.

What stands in the page is text to find and to cite: nothing of it is run, fetched or rendered.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import lxml.html
from lxml import etree

from prosa.data.decoding import survey
from prosa.data.repair import repair
from prosa.errors import InputError
from prosa.i18n import _
from prosa.search.passages import Block, Count, Headings, Place

_LARGEST = 200 << 20
_LEFT_OUT = {
    *("script", "style", "noscript", "template", "svg", "math", "nav", "head", "iframe", "object"),
    *("canvas", "dialog", "button", "select", "datalist", "textarea"),
}
_INLINE = {
    *("a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "del", "dfn", "em", "font", "i"),
    *("ins", "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup"),
    *("time", "tt", "u", "var", "wbr"),
}
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_SPACE = re.compile(r"\s+")
_CELL = {"td", "th"}


def blocks(path: Path, name: str) -> Iterator[Block]:
    """The paragraphs of a page under the headings above them.

    Raises:
        InputError: It holds no page, or is too large to be one.
    """
    file = survey(path, name)
    with file.open() as text:
        page = text.read(_LARGEST + 1)
    if len(page) > _LARGEST:
        raise InputError(
            _("This page is too large"), path=name, hint=_("Save its text as txt instead")
        )
    parser = lxml.html.HTMLParser(encoding="utf-8", huge_tree=True, no_network=True)
    try:
        root = lxml.html.document_fromstring(page.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise InputError(_("There is no text in this page"), path=name) from error
    title = _SPACE.sub(" ", root.findtext(".//title") or "").strip()
    yield from _Walk(title).walk(root)


class _Walk:
    """One way through a page, that collects text until a block ends."""

    def __init__(self, title: str) -> None:
        self.title = repair(title)[0]
        self.headings = Headings()
        self.parts: list[str] = []
        self.line = 0

    def walk(self, root: etree._Element) -> Iterator[Block]:
        skipped: etree._Element | None = None
        for event, element in etree.iterwalk(root, events=("start", "end", "comment", "pi")):
            tag = element.tag if isinstance(element.tag, str) else ""
            if skipped is not None:
                if element is skipped and event == "end":
                    skipped = None
                    self._add(element.tail, element)
                continue
            if not tag:
                if event in ("comment", "pi"):
                    self._add(element.tail, element)
                continue
            if event == "start":
                if tag in _LEFT_OUT:
                    skipped = element
                    continue
                if tag not in _INLINE and tag not in _CELL and tag != "br":
                    yield from self._flush()
                self._add(element.text, element)
                continue
            yield from self._ended(tag)
            self._add(element.tail, element)
        yield from self._flush()

    def _ended(self, tag: str) -> Iterator[Block]:
        if tag in _HEADINGS:
            title = self._text()
            self.parts = []
            if title:
                self.headings.push(_HEADINGS[tag], title)
        elif tag == "br":
            self.parts.append("\n")
        elif tag in _CELL:
            self.parts.append(" | ")
        elif tag not in _INLINE:
            yield from self._flush()

    def _add(self, text: str | None, element: etree._Element) -> None:
        if text and text.strip() and not self.parts:
            self.line = element.sourceline or 0
        if text:
            self.parts.append(_SPACE.sub(" ", text))

    def _text(self) -> str:
        lines = (line.strip(" |") for line in "".join(self.parts).split("\n"))
        return repair("\n".join(filter(None, lines)))[0]

    def _flush(self) -> Iterator[Block]:
        if text := self._text():
            yield Block(text, Place(Count.LINE, self.line, str(self.headings) or self.title))
        self.parts = []
