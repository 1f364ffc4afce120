"""Citations that open in their passage, as HTML of a page or of a message."""

from collections.abc import Sequence
from html import escape

from prosa.answering.answerer import Citation


def exact(text: str) -> str:
    """Text as HTML that shows it as it stands."""
    return escape(text, quote=False)


def cited(citations: Sequence[Citation], answer: str) -> str:
    """Citations; the part of a passage that was quoted as the answer is marked in it."""
    parts = []
    for number, one in enumerate(citations, 1):
        place = f"{one.source}, {one.location}" if one.location else one.source
        question = f"<em>{exact(one.question)}</em>\n" if one.question else ""
        before, quoted, after = one.text.partition(answer) if answer else (one.text, "", "")
        if quoted and before + after:
            passage = f"{exact(before)}<mark>{exact(quoted)}</mark>{exact(after)}"
        else:
            passage = exact(one.text)
        summary = f"<summary>[{number}] {exact(place)}</summary>"
        parts.append(f"<details>{summary}{question}{passage}</details>")
    return "".join(parts)
