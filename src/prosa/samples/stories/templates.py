"""The small language the stories are written in, compiled to nodes that write a sentence.

    {h}            the name, or the bare noun, of who or what has the role h: "Ana"
    {o h} {do seu x}   determiners and noun, in agreement: "a menina", "da sua bola"
    {o x+}         the same with the quality that was drawn for x: "a bola vermelha"
    {cansado:h}    a word that agrees with h; {estava/estavam:x} a verb that agrees in number
    {=q:h}         the adjective that has the role q, agreeing with h
    {h&f}          both: "Ana e Beto"; {amigo:h&f} agrees with both: "amigos"
    {x.usar}       a feature of x
    {@agradecer h f}   a phrase from the shared ones, where h is $1 and f is $2
    {!h}           as {h}, and the place is marked: a probe may ask for it (see `nodes.Mark`)
    [a|b|]         one of these; the last one is nothing

A slot or a phrase at the start of a sentence is capitalised.
"""

import re

from prosa.samples.stories.nodes import (
    Agreement,
    Break,
    Choice,
    Condition,
    Guarded,
    Name,
    Node,
    Phrase,
    Reference,
    Sequence,
    Text,
)

_STARTS = re.compile(r"(?:\n(?:— )?|(?<!\.)[.!?] |(?<!\.)\. — )$")
_CAPITAL = re.compile(r'(?:\n(?:— )?|(?<!\.)[.!?] |(?<!\.)\. — |: (?="))"?[a-zà-ú]')
_PARTS = re.compile(r"(\{[^}]*\}|\[|\]|\|)")
_BEGIN, _MIDDLE = "\n", "x"
_TAIL = 5  # as many characters as `_STARTS` looks back on


class Compiler:
    """Turns the source of a sentence into nodes.

    While it reads, `tail` is the last known characters before the place it has reached.

    Args:
        phrases: The shared phrases: name -> alternatives, each with `$1`, `$2`... for its roles.
    """

    def __init__(self, phrases: dict[str, list[str]]) -> None:
        self.phrases = phrases
        self._known: dict[tuple[str, bool], Node] = {}

    def alternatives(self, sources: list[str], *, start: bool = True) -> Node:
        """The node that writes one of several sentences, each perhaps under a `<condition>`.

        Args:
            sources: Texts in the language of this module.
            start: Whether they begin a sentence.

        Raises:
            ValueError: A bracket is open or closed too often.
        """
        pairs = []
        for source in sources:
            condition = re.match(r"<([^>]*)>\s*", source)
            body = source[condition.end() :] if condition else source
            node = self._sentence(body.replace(" / ", "\n"), _BEGIN if start else _MIDDLE)
            pairs.append((Condition(condition[1]) if condition else None, node))
        if any(condition for condition, _ in pairs):
            return Guarded(pairs)
        nodes = [node for _, node in pairs]
        return nodes[0] if len(nodes) == 1 else Choice(nodes)

    def _sentence(self, source: str, tail: str) -> Node:
        parts = _PARTS.split(source)
        node, rest, _ = self._sequence(parts, 0, tail)
        if rest != len(parts):
            raise ValueError(f"a bracket too many: {source}")
        return node

    def _sequence(self, parts: list[str], at: int, tail: str) -> tuple[Node, int, str]:
        nodes: list[Node] = []
        while at < len(parts) and parts[at] not in ("]", "|"):
            part = parts[at]
            start = bool(_STARTS.search(tail))
            if part == "[":
                node, at, tail = self._choice(parts, at + 1, tail)
                nodes.append(node)
            elif part.startswith("{@"):
                nodes.append(self._phrase(part[2:-1], start))
                tail = self.phrases[part[2:-1].split()[0]][0][-1]
            elif part.startswith("{"):
                nodes.append(_slot(part[1:-1], start))
                tail = _MIDDLE
            elif part:
                text = _CAPITAL.sub(lambda found: found[0].upper(), tail + part)
                nodes.append((Break if "\n" in part else Text)(text[len(tail) :]))
                tail = text[-_TAIL:]
            at += 1
        return (nodes[0] if len(nodes) == 1 else Sequence(nodes)), at, tail

    def _choice(self, parts: list[str], at: int, tail: str) -> tuple[Node, int, str]:
        options: list[Node] = []
        end = tail
        while True:
            node, at, after = self._sequence(parts, at, tail)
            options.append(node)
            end = after if after != tail else end
            if at == len(parts):
                raise ValueError(f"a bracket stays open: {''.join(parts)}")
            if parts[at] == "]":
                return Choice(options), at, end
            at += 1

    def _phrase(self, call: str, start: bool) -> Node:
        known = self._known.get((call, start))
        if known is None:
            name, *roles = call.split()
            sources = self.phrases[name]
            for number, role in enumerate(roles, 1):
                sources = [source.replace(f"${number}", role) for source in sources]
            known = self._known[call, start] = self.alternatives(sources, start=start)
        return known


def _slot(source: str, start: bool) -> Node:
    mark = source.startswith("!")
    source = source.lstrip("!")
    if ":" in source:
        word, _, role = source.partition(":")
        return Agreement(word, role, capital=start, mark=mark)
    determiners, _, role = source.rpartition(" ")
    if role.endswith("+"):
        noun = _slot(f"!{source[:-1]}" if mark else source[:-1], start)
        quality = Agreement(f"={role}", role[:-1], capital=False, mark=False)
        return Sequence([noun, Text(" "), quality])
    if determiners:
        return Phrase(determiners, role, capital=start, mark=mark)
    if "." in role or "&" in role:
        return Reference(role, capital=start)
    return Name(role, capital=start, mark=mark)
