"""A fixed share of a stream of texts, in bounded memory, always the same for the same stream."""

from collections.abc import Iterable, Iterator

from prosa.tokens.pieces import blocks

_BLOCK = 1 << 16


class Sample:
    """Passes texts by and keeps an even sample of them.

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
            for block in blocks(text, _BLOCK):
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
