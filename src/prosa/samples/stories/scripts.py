"""The plots and the shared phrases, read from `plots/*.txt` and `phrases/*.txt`.

    == perdido              a plot and its name
    h: crianca|bicho        who plays: a role and the lists it is drawn from
    o: brinquedo + cor      a thing with a quality
    c: l.cantos             one of the things that another role's word lists
    k: ~l                   another of l's list, with the same gender and number
    v: (sim, nao)           one of these words, to choose between ways of the story
    --
    * {h} perdeu {o o}.     a beat: a sentence or a few
    | {o o} de {h} sumiu.   another way to say it
    ? {h} chorou.           a beat that is left out half of the time
    /                       a new paragraph

Shared phrases have the same lines under `@name`.
"""

from functools import cache
from typing import NamedTuple

from prosa.samples.stories.lexicon import lines
from prosa.samples.stories.nodes import Node, Scene
from prosa.samples.stories.templates import Compiler


class Beat(NamedTuple):
    """One step of a plot."""

    node: Node
    optional: bool
    paragraph: bool
    """Whether it begins a new paragraph."""


class Role(NamedTuple):
    """Who or what is drawn before the story begins."""

    name: str
    source: str
    quality: str
    """The list of adjectives it takes one from, or empty."""


class Plot:
    """A story before it is told: its roles and its beats."""

    def __init__(self, name: str, roles: list[Role], beats: list[Beat]) -> None:
        self.name, self.roles, self.beats = name, roles, beats

    def write(self, scene: Scene) -> None:
        """Tell it with the words that `scene` holds."""
        out = scene.out
        spoken = False
        for beat in self.beats:
            if beat.optional and scene.random() < 0.5:
                continue
            first = len(out)
            out.append("")
            if beat.paragraph or spoken:
                scene.subject = ""
            beat.node(scene)
            text = "".join(out[first:])
            if not text:
                continue
            if first:
                line = beat.paragraph or spoken or text[0] == "—"
                out[first] = "\n" if line else " "
            spoken = text.rpartition("\n")[2].startswith("—")


@cache
def plots() -> tuple[Plot, ...]:
    """Every plot, compiled."""
    compiler = Compiler(_phrases())
    compiled: list[Plot] = []
    for block in _blocks("plots", "== "):
        split = block.index("--")
        roles = [_role(line) for line in block[1:split]]
        compiled.append(Plot(block[0], roles, _beats(block[split + 1 :], compiler)))
    return tuple(compiled)


def _role(line: str) -> Role:
    name, _, source = line.partition(": ")
    source, _, quality = source.partition(" + ")
    return Role(name, source, quality)


def _beats(lines_: list[str], compiler: Compiler) -> list[Beat]:
    beats: list[Beat] = []
    sources: list[str] = []
    optional = paragraph = False
    for line in [*lines_, "*"]:
        kind, body = line[0], line[1:].strip()
        if kind == "|":
            sources.append(body)
            continue
        if sources:
            beats.append(Beat(compiler.alternatives(sources), optional, paragraph))
            sources, paragraph = [], False
        if kind == "/":
            paragraph = True
        else:
            sources, optional = [body], kind == "?"
    return beats


@cache
def _phrases() -> dict[str, list[str]]:
    return {block[0]: [line[1:].strip() for line in block[1:]] for block in _blocks("phrases", "@")}


def _blocks(folder: str, heading: str) -> list[list[str]]:
    blocks: list[list[str]] = []
    for line in lines(folder):
        if line.startswith(heading):
            blocks.append([line.removeprefix(heading).strip()])
        else:
            blocks[-1].append(line)
    return blocks
