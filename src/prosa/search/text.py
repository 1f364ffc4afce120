"""Plain text and Markdown into paragraphs with their lines and headings.

Files flow line by line, so their size does not matter; a line or a paragraph without end is parted.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from prosa.data.repair import repair
from prosa.data.text import numbered_lines
from prosa.search.passages import Block, Count, Place

_LONGEST_PARAGRAPH = 1 << 14

_HEADING = re.compile(r"[ ]{0,3}(#{1,6})\s+(.+?)\s*#*\s*$")
_UNDERLINE = re.compile(r"[ ]{0,3}(=+|-{3,})\s*$")
_FENCE = re.compile(r"[ ]{0,3}(```+|~~~+)")
_TABLE_RULE = re.compile(r"\s*\|?\s*:?-{3,}:?\s*(\|\s*:?-{3,}:?\s*)*\|?\s*$")
_IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]+)\]\((?:[^()]|\([^()]*\))*\)|\[([^\]]+)\]\[[^\]]*\]")
_EMPHASIS = re.compile(r"(\*\*\*|\*\*|\*|~~|(?<!\w)__|(?<!\w)_)(?=\S)(.+?)(?<=\S)\1(?!\w)")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>|<!--.*?-->")

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
    held: list[str] = []
    first = size = last = 0
    for number, line in lines:
        if held and (not line or size > _LONGEST_PARAGRAPH):
            yield _block(held, first, last, heading)
            held, size = [], 0
        if line:
            if not held:
                first = number
            held.append(line)
            size += len(line)
            last = number
    if held:
        yield _block(held, first, last, heading)


def _block(lines: list[str], first: int, last: int, heading: str) -> Block:
    text, _done = repair("\n".join(lines))
    return Block(text, Place(Count.LINE, first, heading), lines=last - first + 1)


def _sections(lines: Lines) -> Iterator[Block]:
    """Paragraph by paragraph, with a stack of headings."""
    stack: list[str] = []
    held: list[tuple[int, str]] = []
    fence = ""

    def flush() -> Iterator[Block]:
        yield from _paragraphs(iter(held), " > ".join(filter(None, stack)))
        held.clear()

    for number, line in lines:
        if mark := _FENCE.match(line):
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
            continue
        if fence:
            held.append((number, line))
            continue
        if found := _HEADING.match(line):
            yield from flush()
            _push(stack, len(found[1]), _bare(found[2]))
        elif held and held[-1][1] and (under := _UNDERLINE.match(line)):
            title = held.pop()[1]
            yield from flush()
            _push(stack, 1 if under[1][0] == "=" else 2, title)
        elif not _TABLE_RULE.match(line):
            held.append((number, _bare(line)))
            if not line:
                yield from flush()
    yield from flush()


def _push(stack: list[str], level: int, title: str) -> None:
    del stack[level - 1 :]
    stack += [""] * (level - 1 - len(stack))
    stack.append(repair(title)[0])


def _bare(line: str) -> str:
    """A line without the marks of Markdown."""
    if line.startswith("> "):
        line = line[2:]
    if "](" in line or "][" in line:
        line = _LINK.sub(lambda found: found[1] or found[2], _IMAGE.sub(r"\1", line))
    if "<" in line:
        line = _TAG.sub("", line)
    if "*" in line or "_" in line or "~~" in line:
        line = _EMPHASIS.sub(r"\2", _EMPHASIS.sub(r"\2", line))
    return line.replace("`", "")


def _without_front_matter(lines: Lines) -> Lines:
    first = next(lines, None)
    if first is None:
        return
    if first[1] != "---":
        yield first
        yield from lines
        return
    # Nothing is lost where the mark is never closed: a rule may open a document.
    held = [first]
    for numbered in lines:
        held.append(numbered)
        if numbered[1] in ("---", "..."):
            held = []
            break
        if len(held) > 200:
            break
    yield from held
    yield from lines
