"""What a sentence is made of once it is compiled, and the scene it is written to.

Every node is called with the scene and appends fragments of text to it. Names turn into pronouns
here, where the sentence goes on about the same one and nobody else could be meant.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from prosa.samples.stories.grammar import FP, FS, MP, Forms, agree
from prosa.samples.stories.lexicon import Word

PRONOUNS = 0.6
"""How often a sentence about the one before's subject begins with a pronoun, where it is clear."""


class Mark(NamedTuple):
    """A place in a story where a probe may ask what comes next.

    Attributes:
        fragment: Index into `Scene.out` of the fragment that is asked for.
        role: Whose name or noun it is, or who it agrees with.
        forms: The four forms where the question is one of agreement, else None.
    """

    fragment: int
    role: str
    forms: Forms | None


class Scene:
    """One story while it is told: who plays, what was written so far."""

    __slots__ = ("marks", "out", "random", "recent", "subject", "words")

    def __init__(self, random: Callable[[], float]) -> None:
        self.random = random
        self.words: dict[str, Word] = {}
        self.out: list[str] = []
        self.marks: list[Mark] = []
        self.subject = ""
        self.recent = ["", ""]

    def mention(self, role: str, word: Word, *, first: bool) -> None:
        """Remember who was spoken of last, by gender, and who began the sentence."""
        self.recent[word.form & 1] = role
        if first:
            self.subject = role

    def clear(self, role: str, word: Word) -> bool:
        """Whether "ele" or "ela" can only mean this one here."""
        return self.recent[word.form & 1] == role


Node = Callable[[Scene], None]
"""Something that appends its fragments to `Scene.out`."""


class Text:
    """Words that stay as they are."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __call__(self, scene: Scene) -> None:
        """Write the words."""
        scene.out.append(self.text)


class Break(Text):
    """Words with a new line in them: after it, whoever acts is called by name again."""

    def __call__(self, scene: Scene) -> None:
        """Write the words, and let the next line name its subject."""
        scene.out.append(self.text)
        scene.subject = ""


class Sequence:
    """One node after another."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes

    def __call__(self, scene: Scene) -> None:
        """Write all of them."""
        for node in self.nodes:
            node(scene)


class Choice:
    """One of several nodes, each as likely as the others."""

    def __init__(self, options: list[Node]) -> None:
        self.options = options

    def __call__(self, scene: Scene) -> None:
        """Write one, drawn from the scene's random stream."""
        self.options[int(scene.random() * len(self.options))](scene)


class Guarded:
    """One of several nodes, among those whose condition holds in this story."""

    def __init__(self, options: list[tuple["Condition | None", Node]]) -> None:
        self.options = options

    def __call__(self, scene: Scene) -> None:
        """Write one of those that fit, or nothing."""
        fit = [node for condition, node in self.options if not condition or condition.holds(scene)]
        if fit:
            fit[int(scene.random() * len(fit))](scene)


class Condition:
    """`v=a`, `v!=a` or `h.tipo=bicho`: a role's word, pool or feature has that value."""

    def __init__(self, source: str) -> None:
        left, self.value = re.split("!?=", source)
        self.wanted = "!=" not in source
        role, _, feature = left.partition(".")
        self.role, self.feature = role, feature

    def holds(self, scene: Scene) -> bool:
        """Whether it is so in this story."""
        word = scene.words[self.role]
        if self.feature == "pool":
            value = word.pool
        else:
            value = word.features.get(self.feature, "") if self.feature else word.text
        return (value == self.value) == self.wanted


class Reference:
    """A feature of who has a role, or two names."""

    def __init__(self, role: str, *, capital: bool) -> None:
        owner, _, feature = role.partition(".")
        self.owner, self.feature = owner, feature
        self.roles = role.split("&")
        self.capital = capital

    def __call__(self, scene: Scene) -> None:
        """Write the feature, or the names joined by "e"."""
        words = scene.words
        if self.feature:
            text = words[self.owner].feature(self.feature)
        else:
            text = " e ".join(words[role].text for role in self.roles)
            for role in self.roles:
                scene.mention(role, words[role], first=False)
        scene.out.append(text[0].upper() + text[1:] if self.capital else text)


class Name:
    """The name, or the bare noun; or a pronoun, where the sentence goes on about the same one."""

    def __init__(self, role: str, *, capital: bool, mark: bool = False) -> None:
        self.role, self.capital, self.mark = role, capital, mark

    def __call__(self, scene: Scene) -> None:
        """Write the name, or "ele" or "ela"."""
        role = self.role
        word = scene.words[role]
        text = word.text
        if self.mark:
            scene.marks.append(Mark(len(scene.out), role, None))
        if word.being:
            again = self.capital and scene.subject == role and not self.mark
            if again and scene.clear(role, word) and scene.random() < PRONOUNS:
                text = "Ela" if word.form & 1 else "Ele"
            scene.mention(role, word, first=self.capital)
        scene.out.append(text[0].upper() + text[1:] if self.capital else text)


class Phrase:
    """Determiners and noun, in agreement."""

    def __init__(self, determiners: str, role: str, *, capital: bool, mark: bool) -> None:
        self.determiners, self.role, self.capital, self.mark = determiners, role, capital, mark

    def __call__(self, scene: Scene) -> None:
        """Write the noun phrase; a mark stands before its noun."""
        word = scene.words[self.role]
        text = word.phrases[self.determiners]
        if self.capital:
            text = text[0].upper() + text[1:]
        if word.being:
            scene.mention(self.role, word, first=self.capital)
        if self.mark:
            cut = len(text) - len(word.noun)
            scene.out.append(text[:cut])
            scene.marks.append(Mark(len(scene.out), self.role, None))
            text = text[cut:]
        scene.out.append(text)


class Agreement:
    """A word that agrees with who has a role; `=q` stands for the word of the role q."""

    def __init__(self, word: str, role: str, *, capital: bool, mark: bool) -> None:
        self.forms = None if word.startswith("=") else agree(word)
        self.adjective = word[1:]
        self.roles = role.split("&")
        self.capital, self.mark = capital, mark
        self.pronoun = capital and word == "ele"

    def __call__(self, scene: Scene) -> None:
        """Write the word in its form."""
        forms = self.forms or agree(scene.words[self.adjective].text)
        text = forms[joint(scene, self.roles)]
        if self.pronoun and len(self.roles) == 1:
            text = self._clear(scene, text)
        if self.mark:
            scene.marks.append(Mark(len(scene.out), "&".join(self.roles), forms))
        scene.out.append(text[0].upper() + text[1:] if self.capital else text)

    def _clear(self, scene: Scene, pronoun: str) -> str:
        """The pronoun, or a name in its place where someone else could be meant."""
        role = self.roles[0]
        word = scene.words[role]
        if not word.being:
            return pronoun
        clear = scene.clear(role, word)
        scene.mention(role, word, first=True)
        if clear:
            return pronoun
        return word.phrases["o"] if word.text == word.noun else word.text


def joint(scene: Scene, roles: list[str]) -> int:
    """The gender and number of one role, or of several together (feminine if all are)."""
    if len(roles) == 1:
        return scene.words[roles[0]].form
    return FP if all(scene.words[role].form in (FS, FP) for role in roles) else MP
