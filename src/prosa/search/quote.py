"""The sentences of a passage that answer a question best, as they stand there."""

import numpy as np

from prosa.search.features import best_units
from prosa.search.forward import Forward
from prosa.search.query import Query, Reader

LONGEST = 600
"""Characters that a quotation grows to at most; one sentence may be longer."""

SHORT = 40
"""A sentence of fewer characters says little by itself: the next one joins it."""


def quote(query: Query, reader: Reader, forward: Forward, passage: int, text: str) -> str:
    """Quote a passage.

    The sentence that holds most of the question, and the next where it only leads to that one: a
    question, a line that ends in a colon, a few words.

    Args:
        query: The question.
        reader: Of the index.
        forward: The passages.
        passage: The place of the passage in the index.
        text: Its text.
    """
    units, held = best_units(query, reader, forward, passage)
    if not len(units):
        return text
    best = int(np.argmax(held))
    spans = [(int(a), int(b)) for a, b in forward.unit_spans[units]]
    start, end = spans[best]
    for _start, further in spans[best + 1 :]:
        said = text[start:end].rstrip()
        if further - start > LONGEST or not (len(said) < SHORT or said.endswith((":", "?"))):
            break
        end = further
    return text[start:end]
