r"""Repair of what broke on the way: encodings, entities, white space; never the writing itself.

Covers mojibake once and twice over (ftfy), stray C1 controls, a terminal's escape sequences, HTML
entities, line breaks written as two characters, NFC, and white space. Accents, case, quotes, dashes
and spelling stay as the author left them. Lines wrapped at a fixed width are joined in `unwrap`.
All of it takes time in proportion to the text, whatever the text is.

ftfy reads 2 MB a second on a slow core, so it sees only the lines that hold a sequence which could
be mojibake. Most texts hold ordinary characters only: one look tells, and little is left to do.
"""

import html
import re
import unicodedata
from enum import IntFlag
from typing import Literal

from prosa.data.unwrap import unwrap


class Repair(IntFlag):
    """What was repaired in a record."""

    NONE = 0
    MOJIBAKE = 1
    ENTITIES = 2
    LINE_BREAKS = 4
    UNWRAPPED = 8
    SPACES = 16


# What bytes 0x80 to 0xBF of UTF-8 become when they are read as Latin-1 or Windows-1252. 0x81, 0x8D,
# 0x8F, 0x90 and 0x9D have no letter there; some converters put them at U+F100 + byte.
_CONTINUATION = "\x80-\xbf\uf180-\uf1bf" + bytes(range(0x80, 0xA0)).decode("cp1252", "ignore")
# Characters of ordinary Portuguese (and English) text. A line with any other is shown to ftfy.
_ORDINARY = (
    "\t\n\r\x20-\x7e\xa0-\xffŒœŠšŽžŸ\u0300-\u0304\u0327"  # letters and their accents
    "\u2000-\u203a\u2060\ufeff"  # spaces, dashes, quotes, dots
    "€™←-⇿\u2212■-◿\ufe0f\U0001f300-\U0001faff"  # signs and emoji
)
_STRANGE = re.compile(f"[^{_ORDINARY}]")
_LEAD = re.compile(f"[Â-ô][{_CONTINUATION}]")
# Nothing but characters that need no second look; twice as fast as a look for each that does.
_SOUND = re.compile(
    r"[\t\n\x20-%'-\[\]-~\xa1-\xac\xae-\xc1\xc4-\xffŒœŠšŽžŸ\u2010-\u2019\u201b-\u2027\u2030-\u203a€™]*"
)
# A no-break space that became a space, a letter that was lost, and an apostrophe by Mac OS Roman.
_RARE = ("Ã ", "Â ", "Ã?", "Â?", "\u201aÄ")
_MOJIBAKE = re.compile(
    f"[ÂÃ][ ?]|[Â-ß][{_CONTINUATION}]|[à-ï][{_CONTINUATION}]{{2}}|[ð-ô][{_CONTINUATION}]{{3}}"
    f"|[^{_ORDINARY}]|\u201aÄ"
)
# Ligatures, and letters as wide as Chinese ones.
_WIDE = re.compile("[\u0132\u0133\u0149\u01c4-\u01f3\u3000\ufb00-\ufb06\uff01-\uffee]")
_PRIVATE = re.compile("[\uf180-\uf19f]")
# A word in capitals before a closing quote is no mojibake: “AMANHÔ would become AMANHÔ.
_OPENING = re.compile("[“‘«]")  # noqa: RUF001
_CAPITALS = re.compile("[A-ZÀ-Þ]{2}Ã[”’»]")
# Long lines go to ftfy piece by piece, cut behind a space.
_PIECE = re.compile(".{1,2000}(?: |$)|.{2000}", re.DOTALL)

_ENTITY = re.compile(r"&(?:[A-Za-z]{2,8}|#[0-9]{2,6}|#[xX][0-9A-Fa-f]{2,5});")
_TAG = re.compile(r"<[A-Za-z/!][^<>]{0,200}>")
# Between the end of a sentence and the start of another, and not in the midst of code or a path.
_WRITTEN_BREAK = re.compile(r"(?<=[.!?:;…)\]\"”’])[ ]?((?:\\r)?\\n)+[ ]?(?=[A-ZÀ-Þ\d“\"(\[•*–—-])")
_CODE = re.compile(r"[{}`;]\s*$|[({]\\n|\\n['\"]|['\"]\\n|\\t|printf?\(", re.MULTILINE)

ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)|\x1b[ -/]*[0-~]?"
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
"""One whole sequence of a terminal (colours, cursor moves, titles, links), so that taking it out
leaves no "[31m" behind. A title or link that is never ended loses its first two signs only."""

# Nothing to tidy, and in NFC as it stands.
_PLAIN = re.compile("[\t\n\x20-~\xa1-\xac\xae-\u02ff\u2010-\u2027\u2030-\u205e€™]*")
_ODD_BREAKS = re.compile("[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_ODD_BLANKS = re.compile("[\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1b\x1f\x7f-\x9f\xad\u200b\u2060\ufeff\ufff9-\ufffb]")
# Marks that pile up on one letter: to sort n of them takes n * n steps (67 s for 260,000).
_PILE = re.compile(r"[^\w\s\x00-\u02ff]{64}")
_RUN = re.compile("  +")
_GAP = re.compile("\n{4,}")
# Code, verse and tables keep the spaces within their lines.
_KEEPS_RUNS = re.compile(r" {4}|\t| {0,3}\|")


def repair(text: str, *, join_lines: bool = True) -> tuple[str, Repair]:
    """Repair one text.

    Args:
        text: Any text.
        join_lines: Join lines that were wrapped at a fixed width.

    Returns:
        The text and what was repaired in it.
    """
    done = Repair.NONE
    if not _SOUND.fullmatch(text) or _LEAD.search(text):
        text, done = _mended(text)
    if (fixed := _spaced(text)) != text:
        text, done = fixed, done | Repair.SPACES
    if join_lines and "\n" in text and (fixed := unwrap(text)) != text:
        text, done = fixed, done | Repair.UNWRAPPED
    return text, done


def _mended(text: str) -> tuple[str, Repair]:
    """Characters that broke on the way."""
    done = Repair.NONE
    if _maybe_mojibake(text) and (fixed := _fix_mojibake(text)) != text:
        text, done = fixed, done | Repair.MOJIBAKE
    if "&" in text and (fixed := _unescape(text)) != text:
        text, done = fixed, done | Repair.ENTITIES
    if "\\n" in text and (fixed := _real_breaks(text)) != text:
        text, done = fixed, done | Repair.LINE_BREAKS
    if (fixed := _tidy(text)) != text:
        text, done = fixed, done | Repair.SPACES
    return text, done


def _maybe_mojibake(text: str) -> bool:
    """A quick look: false for nearly all sound text, never false for mojibake."""
    if text.isascii():
        return False
    return bool(_LEAD.search(text) or _STRANGE.search(text)) or any(map(text.__contains__, _RARE))


def _fix_mojibake(text: str) -> str:
    """Show the lines that may hold mojibake to ftfy, and take its word where it is sound."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if _maybe_mojibake(line):
            lines[number] = "".join(map(_fix_piece, _PIECE.findall(line)))
    return "\n".join(lines)


def _fix_piece(text: str) -> str:
    if not _MOJIBAKE.search(text):
        return text
    if (opening := _OPENING.search(text)) and _CAPITALS.search(text, opening.end()):
        return text
    import ftfy  # noqa: PLC0415  most texts do without, and every verb imports this module
    from ftfy import fixes  # noqa: PLC0415

    as_bytes = _PRIVATE.sub(lambda match: chr(ord(match[0]) - 0xF100), text)
    fixed = ftfy.fix_encoding(as_bytes)
    if _WIDE.search(fixed):
        fixed = fixes.fix_character_width(fixes.fix_latin_ligatures(fixed))
    return fixed


def _unescape(text: str) -> str:
    """HTML entities become characters, unless the text is HTML itself."""
    if not _ENTITY.search(text) or _TAG.search(text):
        return text
    for _twice in range(2):
        text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    return text


def _real_breaks(text: str) -> str:
    r"""The two characters `\n` become a line break where they part sentences."""
    if _CODE.search(text):
        return text
    return _WRITTEN_BREAK.sub(lambda match: "\n" * match[0].count("\\n"), text)


def _tidy(text: str) -> str:
    """NFC, line breaks and blanks of one kind, nothing that cannot be seen."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\x1b" in text:
        text = ESCAPES.sub("", text)
    if _PLAIN.fullmatch(text):
        return text
    if not text.isascii():
        text = _ODD_BLANKS.sub(" ", text.replace("\xad\n", ""))
    text = _UNSEEN.sub("", _ODD_BREAKS.sub("\n", text))
    return text if text.isascii() else normalized("NFC", text)


def normalized(form: Literal["NFC", "NFD", "NFKD"], text: str) -> str:
    """A text in a normal form of Unicode; piles of 64 marks and more are sorted in parts."""
    if not _PILE.search(text):
        return unicodedata.normalize(form, text)
    parts, end = [], 0
    for pile in _PILE.finditer(text):
        parts += [text[end : pile.start()], pile[0]]
        end = pile.end()
    return "".join(unicodedata.normalize(form, part) for part in [*parts, text[end:]])


def _spaced(text: str) -> str:
    """White space: see the module's description for what stays."""
    if "  " in text or " \n" in text or "\t\n" in text:
        text = "\n".join(map(_tidy_line, text.split("\n")))
    if "\n\n\n\n" in text:
        text = _GAP.sub("\n\n\n", text)
    return text.strip()


def _tidy_line(line: str) -> str:
    line = line.rstrip(" \t")
    if "  " not in line or _KEEPS_RUNS.match(line):
        return line
    start = len(line) - len(line.lstrip(" "))
    return line[:start] + _RUN.sub(" ", line[start:])
