"""The words of the stories: who and what can stand in them, with gender, number and features.

The lists are in `words/*.txt`, one word a line under the name of its pool:

    @brinquedo
    bola f; usar=jogar bola

A word that begins with ~ stands for its diminutive. A word is followed by its gender and number
(m, f, mp, fp) and by features. A feature that holds several things is split at ", " where a story
draws one of them. Pools of adjectives and of verb phrases carry no gender: they take it from what
they are said of.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from functools import cache
from importlib.resources import files

from prosa.samples.stories.grammar import FP, FS, MP, MS, TENSES, agree, conjugate, diminutive

_CODES = {"m": MS, "f": FS, "mp": MP, "fp": FP}


BEINGS = frozenset(
    ("crianca", "bicho", "adulto", "familia", "avos", "pais", "filhote", "estimacao")
)
"""Pools of those who act, and whom a pronoun may mean."""


class _Phrases(dict[str, str]):
    """Determiners -> determiners and noun, in agreement: "o meu" -> "a minha bola"."""

    def __init__(self, noun: str, form: int) -> None:
        super().__init__()
        self.noun, self.form = noun, form

    def __missing__(self, determiners: str) -> str:
        agreed = [agree(word)[self.form] for word in determiners.split()]
        self[determiners] = phrase = " ".join([*agreed, self.noun])
        return phrase


class Word:
    """A thing, a person, an animal, a quality or an action that takes a role in a story.

    Attributes:
        text: What it is called: a name where it has one ("Ana"), else the word itself.
        noun: The common noun ("menina"); equal to `text` where there is no name.
        form: Its gender and number, one of `grammar.MS` to `grammar.FP`.
        pool: The list it was drawn from.
        features: Named features from the list.
        being: Whether it can act.
        phrases: Determiners -> noun phrase, such as "do" -> "da menina".
    """

    __slots__ = ("being", "features", "form", "noun", "phrases", "pool", "text")

    def __init__(
        self, text: str, form: int, pool: str, features: Mapping[str, str] | None = None
    ) -> None:
        self.text = self.noun = text
        self.form = form
        self.pool = pool
        self.being = pool in BEINGS
        self.features = features or {}
        self.phrases: Mapping[str, str] = _Phrases(text, form)

    def called(self, name: str) -> "Word":
        """The same kind of being with a name of its own."""
        word = copy(self)
        word.text = name
        return word

    def feature(self, name: str) -> str:
        """A feature by its name.

        Raises:
            KeyError: The word lacks it: a fault of the lists, which a test finds.
        """
        try:
            return self.features[name]
        except KeyError:
            raise KeyError(f"{self.pool}/{self.text} has no {name}") from None

    def things(self, feature: str) -> tuple["Word", ...]:
        """The things a feature lists, as words to draw from."""
        return things(self.feature(feature), f"{self.pool}.{feature}")


@cache
def things(listed: str, pool: str) -> tuple[Word, ...]:
    """The words of a list that is written in one line, drawn from as a pool of that name."""
    return tuple(_word(item, pool) for item in listed.split(", "))


@cache
def pools() -> dict[str, tuple[Word, ...]]:
    """Every list of words by its name."""
    by_name: dict[str, list[Word]] = {}
    pool: list[Word] = []
    for line in lines("words"):
        if line.startswith("@"):
            name = line[1:]
            pool = by_name.setdefault(name, [])
        else:
            pool.append(_word(line, name))
    return {name: tuple(words) for name, words in by_name.items()}


def common(count: int, random: Callable[[], float]) -> int:
    """Draw a place in a list, the first ones more often than the last.

    As in any text, a few words are frequent and most are rare (Zipf 1935): half of the draws fall
    on the first third.
    """
    return int(count * random() ** 1.5)


@cache
def alike(pool: str, form: int) -> tuple[Word, ...]:
    """The words of a list that have one gender and number."""
    words = things(pool.strip("()"), pool) if pool.startswith("(") else pools()[pool]
    return tuple(word for word in words if word.form == form)


def _word(line: str, pool: str) -> Word:
    head, *rest = line.split("; ")
    text, _, code = head.rpartition(" ")
    if code not in _CODES:
        text, code = head, "m"
    if text.startswith("~"):
        text = diminutive(text[1:])
    features = dict(item.split("=", 1) for item in rest)
    if pool == "atividade":
        features |= {tense: conjugate(text, tense) for tense in TENSES}
    return Word(text, _CODES[code], pool, features)


def lines(folder: str) -> Iterator[str]:
    """The lines of a folder's text files in the order of their names, without notes and blanks."""
    for file in sorted((files(__package__) / folder).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".txt"):
            for line in file.read_text("utf-8").splitlines():
                if line.strip() and not line.startswith("#"):
                    yield line.strip()
