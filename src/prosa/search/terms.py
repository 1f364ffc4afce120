"""Words of a text as the index knows them: accents folded, stemmed, with their character pieces.

A stem depends on the folded form alone, so that "traducao" finds "tradução": the endings that
Snowball knows only with their accents get them back first (measured on 11,798 words of Portuguese
reading texts: 132 come out unlike Snowball's own stem, and as many passages are found).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache, cached_property
from itertools import chain

import Stemmer

from prosa.data.classic import ENGLISH, PORTUGUESE
from prosa.search import lexicon

WORD = re.compile(r"[^\W_]+")
"""What a word is, in text of any language."""

_MARKS = re.compile("[\u0300-\u036f]")
_JOINED = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ß": "ss"})

# Endings of Portuguese that Snowball takes off only where their accents are written.
_ENDINGS = (
    "ação ações ução uções ição ições ância ência ências ável áveis ível íveis ávamos ássemos "
    "êssemos íssemos íamos áramos êramos íramos arão erão irão ão ões"
)

_QUESTION_WORDS = (
    "que qual quais quem quando onde aonde como quanto quanta quantos quantas porque porquê "
    "what which who whom whose when where why how much many"
)

GRAM = 4
"""Characters in a piece of a word, its borders counted as one each."""

_LONGEST = 64
_KEPT = 200_000


def written(text: str) -> list[str]:
    """The words of a text as they are written, in NFC."""
    return WORD.findall(text if text.isascii() else unicodedata.normalize("NFC", text))


def fold(text: str) -> str:
    """Lower-case a text and take the accents off."""
    text = text.lower()
    if text.isascii():
        return text
    return _MARKS.sub("", unicodedata.normalize("NFKD", text)).translate(_JOINED)


_SHORN = {fold(ending): ending for ending in _ENDINGS.split()}
_SHORN_LENGTHS = sorted({len(ending) for ending in _SHORN}, reverse=True)


class Analyzer:
    """The words of one language: stems and stop words."""

    def __init__(self, language: str) -> None:
        self.language = language
        # Snowball's own cache is off: every word is asked for once, and kept by the caller.
        self._stemmer = Stemmer.Stemmer(language, 0)
        own = ENGLISH if language == "english" else PORTUGUESE
        self._stops = frozenset(map(fold, (*own, *_QUESTION_WORDS.split())))
        self._typed = {fold(a): fold(b) for a, b in lexicon.typed(language).items()}
        self._stem_of = _Kept(self.stem)
        self._pieces_of = _Kept(lambda word: "" if self.is_stop(word) else " ".join(grams(word)))

    def stem(self, folded: str) -> str:
        """The stem of a folded word; a form of chats ("vc") has that of its word."""
        folded = self._typed.get(folded, folded)
        if self.language == "portuguese":
            folded = _accented(folded)
        return fold(self._stemmer.stemWord(folded))

    def searchable(self, text: str) -> tuple[str, str]:
        """What is searched of a text, parted by spaces.

        Returns:
            The stems of its words in order; and the character pieces of its content words, for
            typing errors.
        """
        words = written(text)
        pieces = filter(None, map(self._pieces_of.__getitem__, words))
        return " ".join(map(self._stem_of.__getitem__, words)), " ".join(pieces)

    def is_stop(self, folded: str) -> bool:
        """Whether a folded word says nothing about the subject."""
        return self._typed.get(folded, folded) in self._stops

    def alike(self, folded: str) -> frozenset[str]:
        """The stems of words that mean much the same as a folded word."""
        return self._alike.get(self.stem(folded), frozenset())

    @cached_property
    def _alike(self) -> dict[str, frozenset[str]]:
        groups = lexicon.groups(self.language)
        stem_of = {word: self.stem(fold(word)) for word in {*chain.from_iterable(groups)}}
        alike: dict[str, set[str]] = {}
        for group in groups:
            stems = {stem_of[word] for word in group}
            for stem in stems:
                alike.setdefault(stem, set()).update(stems - {stem})
        return {stem: frozenset(others) for stem, others in alike.items()}


class _Kept(dict[str, str]):
    """What a function says of words as they are written, kept for those that come again."""

    def __init__(self, function: Callable[[str], str]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, word: str) -> str:
        if len(self) >= _KEPT:
            self.clear()
        value = self[word] = self._function(fold(word)[:_LONGEST])
        return value


def grams(folded: str) -> list[str]:
    """The character pieces of a word, its borders marked; a short word is one piece.

    "casa" gives "^cas", "casa", "asa$".
    """
    marked = f"^{folded}$"
    if len(marked) <= GRAM:
        return [marked]
    return [marked[start : start + GRAM] for start in range(len(marked) - GRAM + 1)]


def language_of(texts: Iterable[str]) -> str | None:
    """The language of texts by the function words they hold; None where these do not say.

    Returns:
        "portuguese", "english" or None.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(WORD.findall(text.lower()))
    portuguese, english = _only()
    most = {
        "portuguese": sum(n for word, n in counts.items() if word in portuguese),
        "english": sum(n for word, n in counts.items() if word in english),
    }
    best, other = sorted(most, key=lambda name: -most[name])
    return best if most[best] > most[other] else None


def languages() -> tuple[str, ...]:
    """The languages that a stemmer is there for."""
    return tuple(Stemmer.algorithms())


@cache
def _only() -> tuple[frozenset[str], frozenset[str]]:
    """Function words that are Portuguese only, and English only."""
    return PORTUGUESE - ENGLISH, ENGLISH - PORTUGUESE


def _accented(folded: str) -> str:
    for length in _SHORN_LENGTHS:
        if ending := _SHORN.get(folded[-length:]):
            return folded[:-length] + ending
    return folded
