r"""Repair of what broke on the way: encodings, entities, white space; never the writing itself.

Covers mojibake once and twice over (ftfy), stray C1 controls, HTML entities, line breaks written
as two characters, NFC, and white space. Accents, case, quotes, dashes and spelling stay as the
author left them. Lines wrapped at a fixed width are joined in `unwrap`.

Clean text passes at the speed of a few searches (measured on the Portuguese parliament's debates:
over 60 MB/s against ftfy's own 2 MB/s): ftfy sees only the lines that hold a sequence which could
be mojibake.
"""

import html
import re
import unicodedata
from enum import IntFlag

import ftfy

from prosa.data.unwrap import unwrap


class Repair(IntFlag):
    """What was repaired in a record."""

    NONE = 0
    MOJIBAKE = 1
    ENTITIES = 2
    LINE_BREAKS = 4
    UNWRAPPED = 8
    SPACES = 16


_FTFY = ftfy.TextFixerConfig(
    unescape_html=False,
    uncurl_quotes=False,
    fix_line_breaks=False,
    explain=False,
)

# What bytes 0x80 to 0xBF of UTF-8 become when they are read as Latin-1 or Windows-1252. 0x85, 0x8D,
# 0x8F, 0x90 and 0x9D have no letter there; some converters put them at U+F100 + byte.
_CONTINUATION = "\x80-\xbf\uf180-\uf1bf" + bytes(range(0x80, 0xA0)).decode("cp1252", "ignore")
# Characters of ordinary Portuguese (and English) text. A line with any other is shown to ftfy.
_ORDINARY = (
    "\t\n\r\x20-\x7e\xa0-\xffŒœŠšŽžŸ\u0300-\u0304\u0327"  # letters and their accents
    "\u2000-\u200f\u2010-\u203a\u2060\ufeff"  # spaces, dashes, quotes, dots
    "€™←-⇿−√∞≈≠≤≥■-◿"  # noqa: RUF001
)
_MAYBE_MOJIBAKE = re.compile(
    f"[ÂÃ][ ?]|[Â-ß][{_CONTINUATION}]|[à-ï][{_CONTINUATION}]{{2}}|[ð-ô][{_CONTINUATION}]{{3}}"
    f"|[^{_ORDINARY}]"
)
_PRIVATE = re.compile("[\uf180-\uf19f]")
# A word in capitals before a closing quote is no mojibake: “AMANHÔ would become AMANHÔ.
_CAPITALS = re.compile("[A-ZÀ-Þ]{2}[ÂÃ][”’»]")

_ENTITY = re.compile(r"&(?:[A-Za-z]{2,8}|#[0-9]{2,6}|#[xX][0-9A-Fa-f]{2,5});")
_TAG = re.compile(r"<[A-Za-z/!][^<>]{0,200}>")
# Between the end of a sentence and the start of another, and not in the midst of code.
_WRITTEN_BREAK = re.compile(r"(?<=[.!?:;…)\]\"”’])[ ]?((?:\\r)?\\n)+[ ]?(?=[\wÀ-ÿ“\"‘(\[•*–—-])")
_CODE = re.compile(r"[{}`;]\s*$|[({]\\n|\\n['\"]|['\"]\\n|\\t|printf?\(", re.MULTILINE)

_NEED_SPACES = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f\x85\xa0\xad\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u2060\u3000"
    "\ufeff\u0300-\u036f]|  | \n|\t\n|\n{4}"
)
_BREAKS = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_BLANKS = {ord(blank): " " for blank in "\xa0\u1680\u202f\u205f\u3000"}
_BLANKS |= dict.fromkeys(range(0x2000, 0x200B), " ")
_NOTHING = dict.fromkeys((0xAD, 0x200B, 0x2060, 0xFEFF, 0x7F, *range(9), *range(0x0E, 0x20)))
_WIDTHS = {**_BLANKS, **_NOTHING}
_LINE_END = re.compile("[ \t]+$", re.MULTILINE)
_GAPS = re.compile("\n{4,}")
# Inner runs of spaces; indented lines (code, verse) and table rows keep theirs.
_RUNS = re.compile(r"(?<=[^\s|])[ ]{2,}(?=[^\s|])")
_KEEPS_RUNS = re.compile(r"^(?:[ ]{4}|\t|[ ]{0,3}\|)")


def repair(text: str, *, join_lines: bool = True) -> tuple[str, Repair]:
    """Repair one text.

    Args:
        text: Any text.
        join_lines: Join lines that were wrapped at a fixed width.

    Returns:
        The text and what was repaired in it.
    """
    done = Repair.NONE
    before = text
    if not text.isascii() and _MAYBE_MOJIBAKE.search(text):
        text = _fix_mojibake(text)
        if text != before:
            done |= Repair.MOJIBAKE
    if "&" in text and (fixed := _unescape(text)) != text:
        text, done = fixed, done | Repair.ENTITIES
    if "\\n" in text and (fixed := _real_breaks(text)) != text:
        text, done = fixed, done | Repair.LINE_BREAKS
    if (fixed := _tidy(text)) != text:
        text, done = fixed, done | Repair.SPACES
    if join_lines and "\n" in text and (fixed := unwrap(text)) != text:
        text, done = fixed, done | Repair.UNWRAPPED
    return text, done


def _fix_mojibake(text: str) -> str:
    """Show the lines that may hold mojibake to ftfy, and take its word where it is sound."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if not line.isascii() and _MAYBE_MOJIBAKE.search(line):
            lines[number] = _fix_line(line)
    return "\n".join(lines)


def _fix_line(line: str) -> str:
    if _CAPITALS.search(line):
        return line
    bytes_again = _PRIVATE.sub(lambda found: chr(ord(found[0]) - 0xF100), line)
    return ftfy.fix_text(bytes_again, _FTFY)


def _unescape(text: str) -> str:
    """HTML entities become characters, unless the text is HTML itself."""
    if not _ENTITY.search(text) or _TAG.search(text):
        return text
    return _ENTITY.sub(lambda found: html.unescape(found[0]), text)


def _real_breaks(text: str) -> str:
    r"""The two characters `\n` become a line break where they part sentences."""
    if _CODE.search(text):
        return text
    return _WRITTEN_BREAK.sub(lambda found: "\n" * found[0].count("\\n"), text)


def _tidy(text: str) -> str:
    """NFC and white space: see the module's description for what stays."""
    text = text.strip(" \t\r\n\xa0\ufeff\u200b")
    if not _NEED_SPACES.search(text):
        return text
    text = unicodedata.normalize("NFC", _BREAKS.sub("\n", text).translate(_WIDTHS))
    text = _LINE_END.sub("", text)
    if "  " in text:
        text = "\n".join(
            line if "  " not in line or _KEEPS_RUNS.match(line) else _RUNS.sub(" ", line)
            for line in text.split("\n")
        )
    return _GAPS.sub("\n\n\n", text).strip()
