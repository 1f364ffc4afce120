"""Who plays in a story: names, genders and qualities drawn so that every reference stays clear.

Two children of one story are a girl and a boy, two animals are of different kinds and two things
have different nouns, so that "a menina", "ele" or "a bola" can mean only one of them. Where a plot
asks for two that are alike (`~`), it calls them by their names.
"""

from collections.abc import Callable

from prosa.samples.stories.grammar import FS
from prosa.samples.stories.lexicon import Word, alike, common, pools, things
from prosa.samples.stories.nodes import Scene
from prosa.samples.stories.scripts import Role

NAMED = {
    "crianca": ("nome_menina", "nome_menino"),
    "bicho": ("nome_bicha", "nome_bicho"),
    "adulto": ("nome_dona", "nome_seu"),
}
"""Pools of beings -> the pools of feminine and masculine names they are given."""


def draw(roles: list[Role], scene: Scene) -> None:
    """Give every role of a plot its word, in their order."""
    taken: set[str] = set()
    random = scene.random
    for role in roles:
        candidates = _candidates(role, scene)
        word = _pick(candidates, taken, random)
        taken.add(word.noun)
        if word.pool in NAMED:
            names = pools()[NAMED[word.pool][word.form != FS]]
            name = _pick(names, taken, random)
            taken.add(name.text)
            word = word.called(name.text)
        like = role.source[1:] if role.source.startswith("~") else role.name
        if like != role.name and random() < 0.5:
            # The first word drawn is more often a frequent one: which role has it must not say so.
            scene.words[like], word = word, scene.words[like]
        scene.words[role.name] = word
        if role.quality:
            qualities = pools()[role.quality]
            scene.words[f"{role.name}+"] = qualities[common(len(qualities), random)]


def _candidates(role: Role, scene: Scene) -> tuple[Word, ...]:
    source = role.source
    if source.startswith("~"):
        other = scene.words[source[1:]]
        return alike(other.pool, other.form)
    if source.startswith("("):
        return things(source.strip("()"), source)
    if "|" in source:
        options = source.split("|")
        source = options[int(scene.random() * len(options))]
    if "." in source:
        owner, _, feature = source.partition(".")
        return scene.words[owner].things(feature)
    return pools()[source]


def _pick(words: tuple[Word, ...], taken: set[str], random: Callable[[], float]) -> Word:
    """One of the words whose noun is not taken yet, or the only one there is."""
    if len(words) == 1:
        return words[0]
    for _ in range(50):
        word = words[common(len(words), random)]
        if word.noun not in taken:
            return word
    raise ValueError(f"no word is left in {words[0].pool}")
