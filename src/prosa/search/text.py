"""Plain text and Markdown into paragraphs with their lines and headings.

Files flow line by line, so their size does not matter; a line or a paragraph without end is parted.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

from prosa.data.repair import repair
from prosa.data.text import numbered_lines
from prosa.search.passages import Block, Count, Headings, Place

_LONGEST_PARAGRAPH = 1 << 14

# What a line may repeat without end is taken at once ("++", "*+"): no pattern goes back over it, so
# that the time grows with the length of a line.
_HEADING = re.compile(r"[ ]{0,3}(#{1,6})\s++")
_UNDERLINE = re.compile(r"[ ]{0,3}(=+|-{3,})\s*$")
_FENCE = re.compile(r"[ ]{0,3}(```+|~~~+)")
_RULE = r":?-{3,}+:?\s*+"
_TABLE_RULE = re.compile(rf"\s*+\|?\s*+{_RULE}(?:\|\s*+{_RULE})*+\|?\s*+$")
_IMAGE_TARGET = re.compile(r"\([^)]*+\)")
_LINK_TARGET = re.compile(r"\((?:[^()]++|\([^()]*+\))*+\)|\[[^\]]*+\]")
_MARK = re.compile(r"[*~]|(?<!\w)_")
_MARKS = ("***", "**", "*", "~~", "__", "_")
_CLOSING = {mark: re.compile(rf"(?<=\S)(?={re.escape(mark)}(?!\w))") for mark in _MARKS}
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_TAG_OR_COMMENT = re.compile(rf"{_TAG.pattern}|<!--.*?-->")

Lines = Iterator[tuple[int, str]]
"""Numbered lines without their ends; blank ones are empty."""


def plain(path: Path, name: str) -> Iterator[Block]:
    """The paragraphs of a text file: what blank lines part."""
    yield from _paragraphs(numbered_lines(path, name))


def markdown(path: Path, name: str) -> Iterator[Block]:
    """The paragraphs of a Markdown file, under the headings above them; marks taken off.

    Front matter is left out; code and tables stay as text.
    """
    yield from _sections(_without_front_matter(numbered_lines(path, name)))


def _paragraphs(lines: Lines, heading: str = "") -> Iterator[Block]:
    waiting: list[str] = []
    first = size = last = 0
    for number, line in lines:
        if waiting and (not line or size > _LONGEST_PARAGRAPH):
            yield _block(waiting, first, last, heading)
            waiting, size = [], 0
        if line:
            if not waiting:
                first = number
            waiting.append(line)
            size += len(line)
            last = number
    if waiting:
        yield _block(waiting, first, last, heading)


def _block(lines: list[str], first: int, last: int, heading: str) -> Block:
    text, _done = repair("\n".join(lines))
    return Block(text, Place(Count.LINE, first, heading), lines=last - first + 1)


def _sections(lines: Lines) -> Iterator[Block]:
    """Paragraph by paragraph, each under the headings above it."""
    headings = Headings()
    waiting: list[tuple[int, str]] = []
    fence = ""

    def flush() -> Iterator[Block]:
        yield from _paragraphs(iter(waiting), str(headings))
        waiting.clear()

    for number, line in lines:
        if mark := _FENCE.match(line):
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
            continue
        if fence:
            waiting.append((number, line))
            continue
        if heading := _HEADING.match(line):
            yield from flush()
            title = line[heading.end() :]
            title = title.rstrip("#").rstrip() or title[:1]
            headings.push(len(heading[1]), repair(_bare(title))[0])
        elif waiting and waiting[-1][1] and (under := _UNDERLINE.match(line)):
            title = waiting.pop()[1]
            yield from flush()
            headings.push(1 if under[1][0] == "=" else 2, repair(title)[0])
        elif not _TABLE_RULE.match(line):
            waiting.append((number, _bare(line)))
            if not line:
                yield from flush()
    yield from flush()


def _bare(line: str) -> str:
    """A line without the marks of Markdown."""
    if line.startswith("> "):
        line = line[2:]
    if "](" in line or "][" in line:
        line = _texts_of(line, "![", _IMAGE_TARGET, ")")
        line = _texts_of(line, "[", _LINK_TARGET, ")]")
    if "<" in line:
        # Every comment that begins before the last end of one ends.
        end = line.rfind("-->") + 3 if "-->" in line else 0
        line = _TAG_OR_COMMENT.sub("", line[:end]) + _TAG.sub("", line[end:])
    if "*" in line or "_" in line or "~~" in line:
        line = _without_emphasis(_without_emphasis(line))
    return line.replace("`", "")


def _texts_of(line: str, opening: str, target: re.Pattern[str], ends: str) -> str:
    """A line with its links, or images, replaced by their texts; a target ends with an `ends`."""
    parts, done, close = [], 0, -1
    last = max(map(line.rfind, ends))
    start = line.find(opening)
    while 0 <= start < last:
        begin = start + len(opening)
        if close < begin:
            close = line.find("]", begin)
        if not 0 <= close < last:
            break
        link = target.match(line, close + 1)
        if link and (close > begin or opening == "!["):
            parts += [line[done:start], line[begin:close]]
            done = begin = link.end()
        elif not link:
            begin = close  # all that open before it end there too
        start = line.find(opening, begin)
    return "".join([*parts, line[done:]])


def _without_emphasis(line: str) -> str:
    """A line with what stands between a mark and the nearest one that closes it, without both."""
    closings: dict[str, list[int]] = {}
    parts, done = [], 0
    for start in (sign.start() for sign in _MARK.finditer(line)):
        for mark in _MARKS if start >= done else ():
            begin = start + len(mark)
            if not line.startswith(mark, start) or line[begin : begin + 1].strip() == "":
                continue
            if mark not in closings:
                closings[mark] = [sign.start() for sign in _CLOSING[mark].finditer(line)]
            place = bisect_right(closings[mark], begin)
            if place < len(closings[mark]):
                end = closings[mark][place]
                parts += [line[done:start], line[begin:end]]
                done = end + len(mark)
                break
    return "".join([*parts, line[done:]])


def _without_front_matter(lines: Lines) -> Lines:
    first = next(lines, None)
    if first is None:
        return
    if first[1] != "---":
        yield first
        yield from lines
        return
    # Nothing is lost where the mark is never closed: a rule may open a document.
    waiting = [first]
    for numbered in lines:
        waiting.append(numbered)
        if numbered[1] in ("---", "..."):
            waiting = []
            break
        if len(waiting) > 200:
            break
    yield from waiting
    yield from lines
