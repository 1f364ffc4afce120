"""Text cut where no tokenizer made here would look across the cut.

A piece is a word with the white space before it and the line ends after it. Pieces recur as words
do, so each one has to be tokenised only once: encoding a corpus becomes looking pieces up. The cuts
are right for these tokenizers alone: none of their tokens reaches from a character that is not
white space over a following space, or over the last line end of a run of white space. Where a mark
means the same after any word (all kinds but "word" and "whitespace"), it is a piece of its own:
that makes half as many different pieces.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

SPACE = r"[^\S\x1c-\x1f]"
"""White space as Unicode has it. Python's `\\s` also takes four separators of ASCII."""

_WORD = rf"{SPACE}*[\S\x1c-\x1f]+(?:{SPACE}*[\r\n]+)?|{SPACE}+"
_LATIN = "[A-Za-zÀ-ÖØ-öø-ɏ]"
_MARK = r"[,.;:!?()\]\"”»…\-–—/*]"

_COARSE = re.compile(_WORD)
_FINE = re.compile(rf"{SPACE}*[\r\n]+|{SPACE}*{_LATIN}++(?={_MARK}|{SPACE}|\Z)|{_WORD}")

BLOCK = 1 << 18
"""Characters cut at a time; larger blocks were not faster and hold more memory."""

_TRIES = 64
_SAMPLED = 1 << 16


def pieces(text: str, *, fine: bool = False) -> list[str]:
    """Pieces that joined are the text; `fine` cuts between words and following marks, too."""
    return (_FINE if fine else _COARSE).findall(text)


def blocks(text: str, size: int = BLOCK) -> Iterator[str]:
    """Cut a long text into blocks of about `size` characters, between pieces where it can be."""
    start = 0
    while len(text) - start > size:
        cut = _border(text, start + 1, start + size)
        yield text[start:cut]
        start = cut
    yield text[start:] if start else text


def _border(text: str, low: int, high: int) -> int:
    """The last single space between two words in text[low:high]; `high` if none is near."""
    place = high
    for _ in range(_TRIES):
        place = text.rfind(" ", low, place)
        if place < 0:
            break
        if not text[place - 1].isspace() and not text[place + 1 : place + 2].isspace():
            return place
    return high


def count(texts: Iterable[str], *, fine: bool = False) -> Counter[str]:
    """Count the pieces of all texts."""
    counts: Counter[str] = Counter()
    for text in texts:
        for block in blocks(text):
            counts.update(pieces(block, fine=fine))
    return counts


class Sample:
    """An even sample of a stream of texts, in bounded memory, always the same for the same stream.

    Every block is kept until `limit` is reached; then every second one is dropped and only every
    second one is kept from there on, and so on: the sample spreads evenly over the whole stream.

    Args:
        texts: The stream; it is read once, here.
        limit: Characters kept at most.
    """

    def __init__(self, texts: Iterable[str], limit: int) -> None:
        self._kept: list[str] = []
        self.characters = 0
        step, seen, held = 1, 0, 0
        for text in texts:
            self.characters += len(text)
            for block in blocks(text, _SAMPLED):
                if seen % step == 0:
                    self._kept.append(block)
                    held += len(block)
                seen += 1
                while held > limit and len(self._kept) > 1:
                    self._kept = self._kept[::2]
                    step *= 2
                    held = sum(map(len, self._kept))

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)
