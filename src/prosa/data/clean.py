r"""Repair of what broke on the way: encodings, entities, white space; never the writing itself.

Covers mojibake once and twice over (ftfy), stray C1 controls, a terminal's escape sequences, HTML
entities, line breaks written as two characters, NFC, and white space. Accents, case, quotes, dashes
and spelling stay as the author left them. Lines wrapped at a fixed width are joined in `unwrap`.

ftfy reads 2 MB a second on a slow core, so it sees only the lines that hold a sequence which could
be mojibake. Most texts hold ordinary characters only: one look tells, and little is left to do.
"""

import html
import re
import unicodedata
from enum import IntFlag

import ftfy
from ftfy import fixes

from prosa.data.escapes import ESCAPES
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
_PRIVATE = re.compile("[\uf180-\uf19f]")
# A word in capitals before a closing quote is no mojibake: “AMANHÔ would become AMANHÔ.
_CAPITALS = re.compile("[“‘«].*[A-ZÀ-Þ]{2}Ã[”’»]")  # noqa: RUF001
# Long lines go to ftfy piece by piece, cut behind a space.
_PIECE = re.compile(".{1,2000}(?: |$)|.{2000}", re.DOTALL)

_ENTITY = re.compile(r"&(?:[A-Za-z]{2,8}|#[0-9]{2,6}|#[xX][0-9A-Fa-f]{2,5});")
_TAG = re.compile(r"<[A-Za-z/!][^<>]{0,200}>")
# Between the end of a sentence and the start of another, and not in the midst of code or a path.
_WRITTEN_BREAK = re.compile(r"(?<=[.!?:;…)\]\"”’])[ ]?((?:\\r)?\\n)+[ ]?(?=[A-ZÀ-Þ\d“\"(\[•*–—-])")
_CODE = re.compile(r"[{}`;]\s*$|[({]\\n|\\n['\"]|['\"]\\n|\\t|printf?\(", re.MULTILINE)

_ODD = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\xa0\xad\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u2060\u3000"
    "\ufeff\ufff9-\ufffb]"
)
_LINE_BREAKS = frozenset("\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
_BLANKS = frozenset("\xa0\u1680\u202f\u205f\u3000").union(map(chr, range(0x2000, 0x200B)))
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
    if not _MOJIBAKE.search(text) or _CAPITALS.search(text):
        return text
    as_bytes = _PRIVATE.sub(lambda found: chr(ord(found[0]) - 0xF100), text)
    fixed = ftfy.fix_encoding(as_bytes)
    if _STRANGE.search(fixed):
        fixed = fixes.fix_character_width(fixes.fix_latin_ligatures(fixed))
    return fixed


def _unescape(text: str) -> str:
    """HTML entities become characters, unless the text is HTML itself."""
    if not _ENTITY.search(text) or _TAG.search(text):
        return text
    for _twice in range(2):
        text = _ENTITY.sub(lambda found: html.unescape(found[0]), text)
    return text


def _real_breaks(text: str) -> str:
    r"""The two characters `\n` become a line break where they part sentences."""
    if _CODE.search(text):
        return text
    return _WRITTEN_BREAK.sub(lambda found: "\n" * found[0].count("\\n"), text)


def _tidy(text: str) -> str:
    """NFC, line breaks and blanks of one kind, nothing that cannot be seen."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\x1b" in text:
        text = ESCAPES.sub("", text)
    if _ODD.search(text):
        text = _ODD.sub(_plain, text.replace("\xad\n", ""))
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    return text


def _spaced(text: str) -> str:
    """White space: see the module's description for what stays."""
    if "  " in text or " \n" in text or "\t\n" in text:
        text = "\n".join(map(_tidy_line, text.split("\n")))
    if "\n\n\n\n" in text:
        text = _GAP.sub("\n\n\n", text)
    return text.strip()


def _plain(found: re.Match[str]) -> str:
    """What stands for an odd character: a line break, a space, or nothing."""
    if found[0] in _LINE_BREAKS:
        return "\n"
    return " " if found[0] in _BLANKS else ""


def _tidy_line(line: str) -> str:
    line = line.rstrip(" \t")
    if "  " not in line or _KEEPS_RUNS.match(line):
        return line
    start = len(line) - len(line.lstrip(" "))
    return line[:start] + _RUN.sub(" ", line[start:])
