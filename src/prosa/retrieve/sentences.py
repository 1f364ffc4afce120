"""Where sentences end, in Portuguese and English prose."""

import re
from collections.abc import Iterator

_END = re.compile(r"[.!?…]+[\"'”’»)\]]*\s+(?=[\"'“‘«(\[—–-]*[A-ZÀ-ÝØ-Þ0-9])|\n+")  # noqa: RUF001
_BEFORE = re.compile(r"(?:^|[\s(\[\"“'‘])([^\W\d_]+(?:\.[^\W\d_]+)*|n\.?º)\.$")  # noqa: RUF001
_ABBREVIATIONS = """
sr sra srs sras srta dr dra drs dras prof profa profs profas d dom st sta sto exmo exma ilmo
art arts inc par pág pag págs pags p pp ex cf cap caps fig figs tab ed eds vol vols n no nº núm
num núms tel av al aprox máx mín min max obs ref res dec séc sec jr sr mr mrs ms vs etc i.e e.g
p.ex a.c d.c cia ltda lt col cel gen cap ten sgt eng arq adv dep sen min pres gov
"""
_SHORT = frozenset(_ABBREVIATIONS.split())


def spans(text: str) -> Iterator[tuple[int, int]]:
    """The sentences of a text as (start, end) in characters, white space around them left out.

    A line break ends a sentence. An abbreviation ("Dr.", "art.") or an initial ("J.") does not.
    """
    start = 0
    for found in _END.finditer(text):
        # The piece runs to the closing mark: what follows it, white space, belongs to none.
        end = found.start() + len(found[0].rstrip())
        if found[0][0] == "." and _abbreviated(text[max(start, end - 16) : end]):
            continue
        yield from _stripped(text, start, end)
        start = found.end()
    yield from _stripped(text, start, len(text))


def _abbreviated(tail: str) -> bool:
    found = _BEFORE.search(tail)
    if not found:
        return False
    word = found[1]
    return (len(word) == 1 and word.isupper()) or word.lower() in _SHORT


def _stripped(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield start, end
