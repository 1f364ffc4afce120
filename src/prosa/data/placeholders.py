"""Values that stand for a missing text: "Unknown", "null", "[deleted]", "sem título".

Two rules. A known word goes where it stands too often for chance, or at once where nobody writes
it as a text. An unknown value goes only where it repeats beyond reason: often, in a large share of
the rows, and far more often than any other value does. The most frequent value of natural text is
not like that (Zipf: the second is half as frequent as the first).
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from prosa.data.duplicates import Mask


def _words(listed: str, mark: str = ",") -> frozenset[str]:
    return frozenset(listed.split(mark))


_ALWAYS = _words(
    "null nan n/a #n/a <na> [deleted] [removed] [excluído] [removido] #ref! #valor! #value!"
    " (null) [null] {} [] lorem undefined",
    " ",
)
_OFTEN = _words(
    "unknown,untitled,missing,not available,not applicable,no title,no text,no answer,tbd,todo,"
    "desconhecido,desconhecida,sem título,sem titulo,sem texto,sem resposta,sem descrição,"
    "não informado,não informada,nao informado,não disponível,indisponível,não se aplica,"
    "em branco,vazio,a definir,-,--,---,.,..,...,…,?,??,???,x,xx,xxx,na"
)
# Words that may well be the answer to a question.
_NOT_IN_ANSWERS = _words("none,nenhum,nenhuma,nada")

_LONGEST = 80
_MANY = 5
_SHARE = 0.01
_BEYOND_MANY = 20
_BEYOND_SHARE = 0.05
_BEYOND_NEXT = 10


def placeholders(column: "pa.ChunkedArray[Any]", *, answers: bool = False) -> Mask:
    """Find the rows of a column that hold a placeholder instead of a text.

    Args:
        column: Strings.
        answers: Whether the column holds answers: a stock answer may repeat without end.

    Returns:
        bool [rows]
    """
    # Bytes, not letters: their number is known without reading the texts.
    brief = np.asarray(pc.binary_length(column)) <= _LONGEST
    values = pc.utf8_lower(pc.utf8_trim_whitespace(column.filter(pa.array(brief))))
    counted = values.value_counts()
    names = [str(name) for name in counted.field("values").to_pylist()]
    counts = np.asarray(counted.field("counts"))
    found = [
        name
        for name, count in zip(names, counts.tolist(), strict=True)
        if _is_known(name, count, len(column), answers=answers)
    ]
    if not answers:
        found += _beyond_reason(names, counts, len(column), set(found))
    mask = np.zeros(len(column), np.bool_)
    if found:
        mask[np.flatnonzero(brief)] = np.asarray(pc.is_in(values, pa.array(found, values.type)))
    return mask


def _is_known(name: str, count: int, rows: int, *, answers: bool) -> bool:
    if name in _ALWAYS:
        return True
    often = count >= _MANY and count >= _SHARE * rows
    return often and (name in _OFTEN or (not answers and name in _NOT_IN_ANSWERS))


def _beyond_reason(
    names: list[str], counts: NDArray[np.int64], rows: int, known: set[str]
) -> list[str]:
    order = [place for place in np.argsort(-counts).tolist() if names[place] not in known]
    if not order:
        return []
    top = int(counts[order[0]])
    following = int(counts[order[1]]) if len(order) > 1 else 1
    beyond = top >= max(_BEYOND_MANY, _BEYOND_SHARE * rows) and top >= _BEYOND_NEXT * following
    # A set in which nothing else is left would be all placeholder: that is for the person to say.
    return [names[order[0]]] if beyond and names[order[0]] and top < 0.9 * rows else []
