"""Values that stand for a missing text: "Unknown", "null", "[deleted]", "sem título".

Two rules. A known word goes where it stands too often for chance, or at once where nobody writes
it as a text. An unknown value goes only where it repeats beyond reason: often, in a large share of
the rows, and far more often than any other value does. The most frequent value of natural text is
not like that (Zipf: the second is half as frequent as the first).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prosa.data.duplicates import Mask
from prosa.data.names import word_set

Batches = Callable[[], Iterable["pa.Array[Any]"]]


_ALWAYS = word_set(
    "null nan n/a #n/a <na> [deleted] [removed] [excluído] [removido] #ref! #valor! #value!"
    " (null) [null] {} [] lorem undefined"
)
_OFTEN = word_set(
    "unknown,untitled,missing,not available,not applicable,no title,no text,no answer,tbd,todo,"
    "desconhecido,desconhecida,sem título,sem titulo,sem texto,sem resposta,sem descrição,"
    "não informado,não informada,nao informado,não disponível,indisponível,não se aplica,"
    "em branco,vazio,a definir,-,--,---,.,..,...,…,?,??,???,x,xx,xxx,na",
    ",",
)
# Words that may well be the answer to a question.
_NOT_IN_ANSWERS = word_set("none nenhum nenhuma nada")

_KNOWN = pa.array(sorted(_ALWAYS | _OFTEN | _NOT_IN_ANSWERS))

_LONGEST = 80
# An answer may be "NULL" or "N/A"; where nothing was filled in, it stands again and again.
_SAID_AGAIN = 3
_MANY = 5
_SHARE = 0.01
_BEYOND_MANY = 20
_BEYOND_SHARE = 0.05
_BEYOND_NEXT = 10


def placeholders(batches: Batches, *, answers: bool = False) -> Iterator[Mask]:
    """Find the rows of a column that hold a placeholder instead of a text.

    What stands often in all of the column stands often in one batch of it at least: so only some
    values a batch have to be counted, and not all there are.

    Args:
        batches: Reads the column from the start, as often as asked: arrays of strings.
        answers: Whether the column holds answers: a stock answer may repeat without end, and a
            known word may be the answer, unless it is given again and again.

    Yields:
        bool [rows], for each batch.
    """
    counts: Counter[str] = Counter()
    rows = seen = 0
    for batch in batches():
        counts.update(_counted(batch, least=_BEYOND_SHARE / _BEYOND_NEXT * len(batch)))
        rows, seen = rows + len(batch), seen + 1
    if seen > 1 and not answers:
        names = pa.array(counts, pa.string())
        counts = Counter(dict.fromkeys(counts, 0))
        for batch in batches():
            values = _folded(batch)
            counts.update(_counted(values.filter(pc.is_in(values, names)), least=0))
    wanted = [name for name, count in counts.items() if _is_known(name, count, rows, answers)]
    if not answers:
        wanted += _beyond_reason(counts, rows, set(wanted))
    for batch in batches():
        if wanted:
            yield np.asarray(pc.is_in(_folded(batch), pa.array(wanted, pa.string())))
        else:
            yield np.zeros(len(batch), np.bool_)


def _folded(batch: Any) -> Any:
    """Brief values in small letters, without white space around them; null for the others."""
    # Bytes, not letters: their number is known without reading the texts.
    brief = pc.less_equal(pc.binary_length(batch), pa.scalar(_LONGEST))
    return pc.utf8_lower(pc.utf8_trim_whitespace(pc.if_else(brief, batch, None)))


def _counted(batch: Any, *, least: float) -> dict[str, int]:
    """How often the known words stand in a batch, and whatever else does at least so often."""
    counted = _folded(batch).drop_null().value_counts()
    names, counts = counted.field("values"), counted.field("counts")
    shown = pc.or_(pc.greater_equal(counts, pa.scalar(least)), pc.is_in(names, _KNOWN))
    return dict(zip(names.filter(shown).to_pylist(), counts.filter(shown).to_pylist(), strict=True))


def _is_known(name: str, count: int, rows: int, answers: bool) -> bool:
    if name in _ALWAYS:
        return count >= (_SAID_AGAIN if answers else 1)
    often = count >= _MANY and count >= _SHARE * rows
    return often and (name in _OFTEN or (not answers and name in _NOT_IN_ANSWERS))


def _beyond_reason(counts: Mapping[str, int], rows: int, known: set[str]) -> list[str]:
    order = sorted((name for name in counts if name not in known), key=lambda name: -counts[name])
    if not order:
        return []
    top = counts[order[0]]
    following = max(1, counts[order[1]]) if len(order) > 1 else 1
    beyond = top >= max(_BEYOND_MANY, _BEYOND_SHARE * rows) and top >= _BEYOND_NEXT * following
    # A set in which nothing else is left would be all placeholder: that is for the person to say.
    return [order[0]] if beyond and order[0] and top < 0.9 * rows else []
