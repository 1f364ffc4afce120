"""Questions that show what a model has learned from the stories, beyond the next few words.

A probe is the beginning of a story, what the story says next, and what it could not say. A model
answers right when it gives the right continuation a higher probability than the wrong one. The
kinds, each with as many probes as the others:

    agreement   an adjective or participle, words after its noun: "cansada", not "cansado"
    name        who it is, of two in the story
    object      which thing it is, of two in the story
    place       which place it is, of two in the story
    ending      which feeling or need it is, of two in the story: most often the one that ends

Both continuations of a probe have been said in the story already, and have the same gender, number
and count of words; only what has happened tells which of them fits. Of agreement, neither form has
been said. Every probe has its mirror image among the others of its kind: one where the right answer
was said first, last or more often stands beside one where the wrong answer was. So a rule made of
these is right half of the time, whatever the model. Words that stand between the last mention of
the right answer and its place are at least `DISTANCE`: 5-grams cannot decide either.

The stories of probes are told from random streams that `stories.generate` never uses.
"""

import random
import re
from collections import defaultdict
from typing import NamedTuple

from prosa.samples.stories.cast import NAMED
from prosa.samples.stories.nodes import Mark, Scene
from prosa.samples.stories.tell import PROBES, tell

KINDS = ("agreement", "name", "object", "place", "ending")
DISTANCE = {"agreement": 4, "name": 6, "object": 6, "place": 6, "ending": 6}
"""Words that stand at least between the last mention of what is asked for and its place."""

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
    wrong: str
    distance: int


CHANCE = 0.5
"""How often a guess is right."""


def probes(count: int, seed: int = 0) -> list[Probe]:
    """Questions made of stories that no training seed tells.

    Args:
        count: How many, spread evenly over `KINDS`.
        seed: Another seed gives other questions.

    Returns:
        The probes, the kinds taking turns.
    """
    quotas = {kind: (count + len(KINDS) - 1 - i) // len(KINDS) for i, kind in enumerate(KINDS)}
    chosen: dict[str, list[Probe]] = {kind: [] for kind in KINDS}
    waiting: dict[tuple[str, tuple[int, ...]], list[Probe]] = defaultdict(list)
    number = 0
    while wanted := {kind for kind in KINDS if len(chosen[kind]) < quotas[kind]}:
        _plot, scene = tell(number, seed, PROBES)
        choose = random.Random(number)  # noqa: S311  no secret
        number += 1
        for mark in choose.sample(scene.marks, len(scene.marks)):
            kind = _kind(mark, scene)
            if kind not in wanted or not (probe := _probe(kind, mark, scene, choose)):
                continue
            wanted.remove(kind)
            favour = _favour(probe, mark, scene)
            mirrors = waiting[kind, tuple(-sign for sign in favour)]
            if mirrors:
                chosen[kind] += [mirrors.pop(), probe]
            else:
                waiting[kind, favour].append(probe)
    return [
        probe
        for turn in range(max(quotas.values()))
        for kind in KINDS
        for probe in chosen[kind][: quotas[kind]][turn : turn + 1]
    ]


def mentions(prompt: str, answer: str) -> list[int]:
    """Where an answer has been said in a prompt already: the positions of its characters."""
    word = re.escape(answer.strip(" .,!?"))
    return [found.start() for found in re.finditer(rf"\b{word}\b", prompt, re.IGNORECASE)]


def _favour(probe: Probe, mark: Mark, scene: Scene) -> tuple[int, ...]:
    """What speaks for the right answer (1), for the wrong one (-1) or for neither (0).

    Where agreement is asked for it is the gender, else who was said more often, last and first.
    """
    if mark.forms:
        return (1 if mark.forms.index(scene.out[mark.fragment]) % 2 else -1,)
    right, wrong = mentions(probe.prompt, probe.right), mentions(probe.prompt, probe.wrong)
    pairs = ((len(right), len(wrong)), (right[-1], wrong[-1]), (wrong[0], right[0]))
    return tuple((a > b) - (a < b) for a, b in pairs)


def _probe(kind: str, mark: Mark, scene: Scene, choose: random.Random) -> Probe | None:
    """The question at a mark, if it is far enough from its cue and a fair one."""
    before = "".join(scene.out[: mark.fragment])
    right = scene.out[mark.fragment]
    if not before.endswith(" "):
        return None
    distance = _distance(kind, mark, scene, before)
    if distance < DISTANCE[kind]:
        return None
    rivals = _rivals(kind, mark, scene, before)
    if not rivals:
        return None
    after = next(filter(None, scene.out[mark.fragment + 1 :]), "")[:1]
    stop = after if after in ".,!?" else ""
    wrong = choose.choice(rivals)
    return Probe(kind, before[:-1], f" {right}{stop}", f" {wrong}{stop}", distance)


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


def _rivals(kind: str, mark: Mark, scene: Scene, before: str) -> list[str]:
    """What the story could not say there, though it has said it of someone or something else."""
    right = scene.out[mark.fragment]
    if mark.forms:
        other = mark.forms[mark.forms.index(right) ^ 1]
        return (
            [] if other == right or mentions(before, right) or mentions(before, other) else [other]
        )
    word = scene.words[mark.role]
    return [
        other.text
        for other in scene.words.values()
        if other.text != word.text
        and (other.pool in NAMED if kind == "name" else other.pool == word.pool)
        and other.form == word.form
        and len(other.text.split()) == len(word.text.split())
        and mentions(before, other.text)
    ]


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
    ends = [found.end() for found in re.finditer(rf"\b(?:{pattern})\b", before, re.IGNORECASE)]
    return len(_WORD.findall(before[ends[-1] :])) if ends else 0
