"""Text from tokens that come one by one: whole characters, no half of a stop word, nothing lost."""

from collections.abc import Callable, Sequence

_BROKEN = "\ufffd"  # what a byte-level tokenizer decodes an unfinished character to
_KEPT = 8
"""Ids before the next one that are decoded with it: spacing may depend on them."""


class Pieces:
    """Turns tokens that come one by one into text that can be printed at once.

    A byte-level token may end inside "ã", and a stop word may have begun: such text is held back
    until what follows decides. Only a short tail is decoded again for each token.

    Args:
        decode: Ids to text.
        before: Ids that stand before the new ones: spacing may depend on them.
        stop: Texts at which to stop.
    """

    def __init__(
        self, decode: Callable[[list[int]], str], before: Sequence[int], stop: Sequence[str] = ()
    ) -> None:
        self._decode = decode
        self._stop = [text for text in stop if text]
        self._ids = list(before[-_KEPT:])
        self._known = decode(self._ids)
        self._held = ""
        self.stopped = False

    def add(self, token: int) -> str:
        """Take one more token; return the text that is now certain (often one word, or "")."""
        if self.stopped:
            return ""
        self._ids.append(token)
        text = self._decode(self._ids)
        if text.endswith(_BROKEN):
            return ""
        if not text.startswith(self._known):
            # Decoders may clean up an earlier space; what was shown stays shown.
            self._known = text[: len(self._known)]
        fresh = text[len(self._known) :]
        self._known = text
        if len(self._ids) > 2 * _KEPT:
            self._ids = self._ids[-_KEPT:]
            self._known = self._decode(self._ids)
        return self._release(self._held + fresh)

    def end(self) -> str:
        """No token follows: the text that was still held back."""
        if self.stopped:
            return ""
        text = self._decode(self._ids)
        rest = text[len(self._known) :].rstrip(_BROKEN) if text.startswith(self._known) else ""
        held, self._held = self._held + rest, ""
        return self._cut(held)

    def _release(self, text: str) -> str:
        cut = self._cut(text)
        if self.stopped:
            return cut
        keep = max((_overlap(text, stop) for stop in self._stop), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def _cut(self, text: str) -> str:
        places = [place for stop in self._stop if (place := text.find(stop)) >= 0]
        if not places:
            return text
        self.stopped, self._held = True, ""
        return text[: min(places)]


def _overlap(text: str, stop: str) -> int:
    """Characters at the end of the text that could be the beginning of a stop word."""
    for size in range(min(len(stop) - 1, len(text)), 0, -1):
        if stop.startswith(text[-size:]):
            return size
    return 0
