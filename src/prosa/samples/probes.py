"""Questions that show what a model has learned from the stories, beyond the next few words.

A probe is the beginning of a story, what the story says next, and what it could not say. A model
answers right when it gives the right continuation a higher probability than every wrong one. The
kinds, each with as many probes as the others:

    agreement   an adjective or participle, words after its noun: "cansada", not "cansado"
    name        who it is: the right one, the other one of the story, and a name from no story
    object      the thing of the story's beginning, against others of the same gender and kind
    place       the same with where the story goes
    ending      the feeling the story began with, where it is said to be over

Right and wrong continuations are drawn from the same words and have as many words each, and
agreement is feminine as often as masculine, so the frequency of words decides no better than
chance. Between a cue (the last mention of what is asked for) and its answer stand at least
`DISTANCE` words, so that counting 5-grams of words cannot decide either.

The stories of probes are told from random streams that `stories.generate` never uses.
"""

import random
import re
from typing import NamedTuple

from prosa.samples.stories.cast import NAMED
from prosa.samples.stories.grammar import FS
from prosa.samples.stories.lexicon import Word, common, pools, siblings
from prosa.samples.stories.nodes import Mark, Scene
from prosa.samples.stories.tell import PROBES, tell

KINDS = ("agreement", "name", "object", "place", "ending")
DISTANCE = {"agreement": 4, "name": 6, "object": 6, "place": 6, "ending": 6}
"""Words that stand at least between the cue and the answer."""

_PLACES = ("lugar", "comodo", "marco", "passeio")
_FEELINGS = ("necessidade", "emocao")
_PEOPLE = ("familia", "avos", "pais")
_PRONOUNS = ("ele", "ela", "dele", "dela", "eles", "elas", "os dois", "as duas")
_WORD = re.compile(r"[\w-]+")


class Probe(NamedTuple):
    """One question to a model.

    Attributes:
        kind: One of `KINDS`.
        prompt: The beginning of a story; it ends without a space.
        right: What comes next, with the space before it; `prompt + right` begins the story.
        wrong: What does not, in the same shape.
        distance: Words between the last mention of what is asked for and the answer.
    """

    kind: str
    prompt: str
    right: str
    wrong: tuple[str, ...]
    distance: int

    @property
    def chance(self) -> float:
        """How often a guess is right."""
        return 1 / (1 + len(self.wrong))


def probes(count: int, seed: int = 0) -> list[Probe]:
    """Questions made of stories that no training seed tells.

    Args:
        count: How many, spread evenly over `KINDS`.
        seed: Another seed gives other questions.

    Returns:
        The probes, the kinds taking turns.
    """
    quotas = {kind: (count + len(KINDS) - 1 - i) // len(KINDS) for i, kind in enumerate(KINDS)}
    found: dict[str, list[Probe]] = {kind: [] for kind in KINDS}
    genders = [0, 0]
    number = 0
    while wanted := {kind for kind in KINDS if len(found[kind]) < quotas[kind]}:
        _, scene = tell(number, seed, PROBES)
        choose = random.Random(number)  # noqa: S311  no secret
        number += 1
        for mark in choose.sample(scene.marks, len(scene.marks)):
            kind = _kind(mark, scene)
            if kind not in wanted:
                continue
            gender = mark.forms.index(scene.out[mark.fragment]) % 2 if mark.forms else 0
            if mark.forms and genders[gender] > genders[1 - gender]:
                continue
            if probe := _probe(kind, mark, scene, choose):
                genders[gender] += kind == "agreement"
                found[kind].append(probe)
                wanted.remove(kind)
    turns = [found[kind][i : i + 1] for i in range(max(quotas.values())) for kind in KINDS]
    return [probe for turn in turns for probe in turn]


def _probe(kind: str, mark: Mark, scene: Scene, choose: random.Random) -> Probe | None:
    """The question at a mark, if it is far enough from its cue and a fair one."""
    before = "".join(scene.out[: mark.fragment])
    right = scene.out[mark.fragment]
    distance = _distance(kind, mark, scene, before)
    if distance < DISTANCE[kind] or not before.endswith(" "):
        return None
    wrong = _wrong(kind, mark, scene, choose, before)
    if not wrong:
        return None
    after = next(filter(None, scene.out[mark.fragment + 1 :]), "")[:1]
    stop = after if after in ".,!?" else ""
    answers = [f" {word}{stop}" for word in (right, *wrong)]
    return Probe(kind, before[:-1], answers[0], tuple(answers[1:]), distance)


def _kind(mark: Mark, scene: Scene) -> str:
    if mark.forms:
        return "agreement"
    pool = scene.words[mark.role].pool
    if pool in NAMED:
        return "name"
    if pool in _PEOPLE:
        return ""
    if pool in _FEELINGS:
        return "ending"
    return "place" if pool in _PLACES or mark.role == "l" else "object"


def _wrong(
    kind: str, mark: Mark, scene: Scene, choose: random.Random, before: str
) -> tuple[str, ...]:
    """What the story could not say there, or nothing if no fair choice is left."""
    right = scene.out[mark.fragment]
    if mark.forms:
        other = mark.forms[mark.forms.index(right) ^ 1]
        return (other,) if other != right else ()
    word = scene.words[mark.role]
    if kind == "name":
        return _names(word, scene, choose, before)
    used = {one.noun for one in scene.words.values()}
    rivals = [
        one.noun
        if one.noun not in used
        and (one.form == word.form or kind == "ending")
        and len(one.noun.split()) == len(right.split())
        else ""
        for one in siblings(word)
    ]
    return _drawn(rivals, 2, choose)


def _names(word: Word, scene: Scene, choose: random.Random, before: str) -> tuple[str, ...]:
    """Another one of the story so far, and someone of the same gender who is not in it."""
    cast = [one.text for one in scene.words.values() if one.pool in NAMED]
    others = [
        name
        for name in cast
        if name != word.text
        and len(name.split()) == len(word.text.split())
        and re.search(rf"\b{name}\b", before)
    ]
    pool = pools()[NAMED[word.pool][word.form != FS]]
    strangers = ["" if one.text in cast else one.text for one in pool]
    return (choose.choice(others), *_drawn(strangers, 1, choose)) if others else ()


def _drawn(words: list[str], count: int, choose: random.Random) -> tuple[str, ...]:
    """Different words of a list, drawn as stories draw them, so that all are as frequent.

    "" stands where a word of the list may not be drawn.
    """
    if len({word for word in words if word}) < count:
        return ()
    found: list[str] = []
    while len(found) < count:
        word = words[common(len(words), choose.random)]
        if word and word not in found:
            found.append(word)
    return tuple(found)


def _distance(kind: str, mark: Mark, scene: Scene, before: str) -> int:
    """Words between the last mention of what is asked for and its place; 0 if it is not mentioned.

    Where agreement is asked for, a pronoun is a mention too.
    """
    cast = [scene.words[role] for role in mark.role.split("&")]
    if kind == "agreement":
        cues = {name for word in cast for name in (word.text, word.noun)} | set(_PRONOUNS)
    else:
        cues = {scene.out[mark.fragment]}
    pattern = "|".join(sorted(map(re.escape, cues)))
    mentions = [found.end() for found in re.finditer(rf"\b(?:{pattern})\b", before, re.IGNORECASE)]
    return len(_WORD.findall(before[mentions[-1] :])) if mentions else 0
