"""What a table holds: which kind of data it is, and which of its columns plays which role.

The rules go from the sure to the vague: columns that are exactly those of a kind, conversations,
spans, questions with answers, pairs, labelled texts, and at last a column of text. Names decide
first, the values second. `shape` then makes the kind's own columns.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from prosa.data import names
from prosa.data.kinds import COLUMN_NAMES, COLUMNS, KIND_NAMES, Batch, Kind, as_text, values
from prosa.errors import InputError
from prosa.i18n import _

EXTRA = ("split", "group")

_NUMBER = re.compile(r"[-+]?[.,:/ -]*\d[\d.,:/ %-]*")
_ADDRESS = re.compile(r"(https?://|www\.)\S+")


@dataclass(frozen=True)
class Recipe:
    """How rows of a source become rows of a kind.

    Attributes:
        roles: For each column of the kind, the source's columns it is made of (joined if several).
        keys: For a role taken out of a dictionary, the key: {"source": "en", "target": "pt"}.
        split: The source's column that holds the author's own split.
        several: The source's column that holds lists of answers.
    """

    kind: Kind
    roles: Mapping[str, tuple[str, ...]]
    keys: Mapping[str, str] = field(default_factory=dict)
    split: str | None = None
    group: str | None = None
    unused: tuple[str, ...] = ()
    several: str | None = None

    @property
    def needed(self) -> set[str]:
        """The source's columns that are read."""
        names_of_roles = {name for columns in self.roles.values() for name in columns}
        return names_of_roles | {name for name in (self.split, self.group) if name is not None}

    @property
    def columns(self) -> dict[str, str]:
        """The roles for people and manifests: {"question": "instruction + input"}."""
        return {
            role: " + ".join(columns) + (f".{self.keys[role]}" if role in self.keys else "")
            for role, columns in self.roles.items()
        }

    def describe(self) -> tuple[str, ...]:
        """How the source was understood, in sentences."""
        parts = ", ".join(
            _("{role} from '{column}'").format(role=_(COLUMN_NAMES[role]), column=column)
            for role, column in self.columns.items()
        )
        kind = _(KIND_NAMES[self.kind])
        notes = [_("Read as {kind} ({columns})").format(kind=kind, columns=parts)]
        if self.several:
            note = _("Of several answers in '{name}' the first is taken")
            notes.append(note.format(name=self.several))
        if self.split:
            notes.append(_("The split in column '{name}' is kept").format(name=self.split))
        if self.unused:
            notes.append(_("Columns not used: {names}").format(names=names.listed(self.unused)))
        return tuple(notes)


@dataclass(frozen=True)
class Profile:
    """What the first rows show of a column.

    Attributes:
        shape: "text", "number", "list", "dict" or "empty".
        rows: Values that are not empty.
        length: Mean characters of a value.
        distinct: Different values.
    """

    name: str
    shape: str
    rows: int = 0
    length: float = 0.0
    distinct: int = 0


class Columns:
    """The first rows of a source by column, and the columns that the person gave for roles."""

    def __init__(self, head: Batch, given: Mapping[str, str]) -> None:
        self.head = head
        self.given = given
        self.profiles = {name: profile(name, values(column)) for name, column in head.items()}

    def role(
        self, role: str, wanted: tuple[str, ...], *shapes: str, but: str | None = None
    ) -> str | None:
        """The column for a role: the one that was given, or the first fitting name."""
        if role in self.given:
            return self.given[role]
        return names.find(wanted, [name for name in self.of_shape(*shapes) if name != but])

    def of_shape(self, *shapes: str) -> list[str]:
        """The names of the columns with one of these shapes."""
        return [profile.name for profile in self.profiles.values() if profile.shape in shapes]

    def longest(self, words: frozenset[str] | None = None, *, but: str | None = None) -> str | None:
        """The column of text with the longest values, of those with a word in their names."""
        texts = [name for name in self.of_shape("text") if name != but]
        if words is not None:
            texts = [name for name in texts if names.has_word(name, words)]
        return max(texts, key=lambda name: self.profiles[name].length, default=None)


def profile(name: str, column: list[Any]) -> Profile:
    """Look at the values of a column."""
    present = [value for value in column if not is_absent(value)]
    if not present:
        return Profile(name, "empty")
    lists = sum(isinstance(value, list | tuple) for value in present)
    dicts = sum(isinstance(value, dict) for value in present)
    if lists or dicts:
        return Profile(name, "list" if lists >= dicts else "dict", len(present))
    texts = [as_text(value).strip() for value in present]
    numbers = sum(
        not isinstance(value, str) or bool(_NUMBER.fullmatch(text) or _ADDRESS.fullmatch(text))
        for value, text in zip(present, texts, strict=True)
    )
    count = len(present)
    shape = "number" if numbers > 0.9 * count else "text"
    return Profile(name, shape, count, sum(map(len, texts)) / count, len(set(texts)))


def is_absent(value: Any) -> bool:
    """Whether a value is None, NaN, or an empty string, list or dictionary."""
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or (isinstance(value, str | list | dict) and not value)


def recognise(head: Batch, name: str, kind: Kind | None, columns: Mapping[str, str]) -> Recipe:
    """Find out from its first rows what a source holds, where the person has not said it.

    Raises:
        InputError: A column is not there, or the kind cannot be made of these columns.
    """
    given = _resolved(columns, head, name)
    table = Columns(head, given)
    own = _exact(table)
    if own and kind in (None, own) and not given:
        return _finished(own, ({role: (role,) for role in COLUMNS[own]}, {}), table)
    if kind := kind or _kind_of(given, name):
        roles = _RULES[kind](table, sure=False)
        if roles is None:
            raise _cannot(kind, table, name)
        return _finished(kind, roles, table)
    for kind, rule in _RULES.items():
        if roles := rule(table, sure=True):
            return _finished(kind, roles, table)
    raise _cannot(Kind.TEXT, table, name)


Roles = tuple[dict[str, tuple[str, ...]], dict[str, str]]


def _text(table: Columns, *, sure: bool) -> Roles | None:
    del sure
    name = table.role("text", names.TEXT, "text") or table.longest()
    if name is None and len(table.profiles) == 1:
        name = next(iter(table.profiles))
    return ({"text": (name,)}, {}) if name is not None else None


def _question_answer(table: Columns, *, sure: bool) -> Roles | None:
    answer = table.role("answer", names.ANSWER, "text", "number", "list")
    answer = answer or table.longest(names.ANSWER_WORDS)
    question = table.role("question", names.QUESTION, "text", "list", but=answer)
    question = question or table.longest(names.QUESTION_WORDS, but=answer)
    if not sure and not (question and answer):
        rest = [name for name in table.of_shape("text") if name not in (question, answer)]
        if len(rest) != (not question) + (not answer):
            return None
        # Two columns of text in their order, or the one that is left beside the one that was named.
        question, answer = question or rest.pop(0), answer or rest.pop(0)
    if not (question and answer):
        return None
    asked: tuple[str, ...] = (question,)
    if names.find(names.INSTRUCTION, asked) and "question" not in table.given:
        more = names.find(names.INPUT, [n for n in table.of_shape("text") if n != answer])
        asked = (question, more) if more else asked
    return {"question": asked, "answer": (answer,)}, {}


def _conversation(table: Columns, *, sure: bool) -> Roles | None:
    name = table.role("messages", names.MESSAGES, "list", "dict")
    if name is None:
        packed = [n for n in table.of_shape("text") if _packed(table.head[n])]
        name = names.find(names.MESSAGES, packed)
    if name is None and not sure and len(table.of_shape("list")) == 1:
        name = table.of_shape("list")[0]
    return ({"messages": (name,)}, {}) if name else None


def _span_qa(table: Columns, *, sure: bool) -> Roles | None:
    answers = table.role("answers", names.ANSWER, *(("list", "dict") if sure else _ANY))
    context = table.role("context", names.CONTEXT, "text")
    question = table.role("question", names.QUESTION, "text", but=answers)
    if not (answers and context and question):
        return None
    return {"context": (context,), "question": (question,), "answers": (answers,)}, {}


def _pair(table: Columns, *, sure: bool) -> Roles | None:
    if not table.given and (name := names.find(names.TRANSLATION, table.of_shape("dict"))):
        both = next(value for value in values(table.head[name]) if isinstance(value, dict))
        if len(both) == 2:
            keys = zip(("source", "target"), _towards_portuguese(list(both)), strict=True)
            return {"source": (name,), "target": (name,)}, dict(keys)
    source = table.role("source", names.SOURCE, "text")
    target = table.role("target", names.TARGET, "text")
    if source and target:
        return {"source": (source,), "target": (target,)}, {}
    languages = [n for n in table.of_shape("text") if names.is_language(n)]
    if len(languages) != 2 and not sure:
        languages = table.of_shape("text")
    if len(languages) != 2:
        return None
    first, second = _towards_portuguese(languages)
    source = source or (second if first == target else first)
    target = target or (first if second == source else second)
    return {"source": (source,), "target": (target,)}, {}


def _labelled(table: Columns, *, sure: bool) -> Roles | None:
    label = table.role("label", names.LABEL, "text", "number")
    if label is not None and sure:
        labels = table.profiles[label]
        if labels.length > 40 or labels.distinct > max(10, labels.rows / 2):
            label = None
    if label is None:
        others = [p for p in table.profiles.values() if p.name not in EXTRA and p.rows]
        few = [p for p in others if p.length <= 40 and 2 <= p.distinct <= min(50, p.rows / 5)]
        if (len(others) != 2 and sure) or len(few) != 1:
            return None
        label = few[0].name
    text = table.role("text", names.TEXT, "text", but=label) or table.longest(but=label)
    return ({"text": (text,), "label": (label,)}, {}) if text else None


_ANY = ("text", "number", "list", "dict")
_RULES = {
    Kind.CONVERSATION: _conversation,
    Kind.SPAN_QA: _span_qa,
    Kind.QUESTION_ANSWER: _question_answer,
    Kind.PAIR: _pair,
    Kind.LABELLED: _labelled,
    Kind.TEXT: _text,
}


def _exact(table: Columns) -> Kind | None:
    """The kind whose columns these are, as in what `prosa prepare` writes."""
    own = set(table.profiles) - set(EXTRA)
    return next((kind for kind, columns in COLUMNS.items() if own == set(columns)), None)


def _finished(kind: Kind, made: Roles, table: Columns) -> Recipe:
    roles, keys = made
    split = table.given.get("split") or _split_column(table)
    group = table.given.get("group")
    if group is None and "group" in table.profiles and _exact(table) == kind:
        group = "group"
    used = {name for columns in roles.values() for name in columns} | {split, group}
    unused = tuple(n for n in table.profiles if n not in used)
    several = next((n for n in roles.get("answer", ()) if table.profiles[n].shape == "list"), None)
    return Recipe(kind, roles, keys, split, group, unused, several)


def _split_column(table: Columns) -> str | None:
    name = names.find(names.SPLIT, table.of_shape("text"))
    column = values(table.head[name]) if name else ()
    return name if all(names.plain(str(v)) in names.SPLITS for v in column if v) else None


def _towards_portuguese(languages: list[str]) -> tuple[str, str]:
    first, second = languages
    if names.plain(first) in names.PORTUGUESE and names.plain(second) not in names.PORTUGUESE:
        return second, first
    return first, second


def _packed(column: Any) -> bool:
    """Whether conversations stand in a column as JSON."""
    first = next((v for v in values(column) if v), "")
    return isinstance(first, str) and first.lstrip().startswith(("[{", '["'))


def _resolved(columns: Mapping[str, str], head: Batch, name: str) -> dict[str, str]:
    known = {role for kind in Kind for role in COLUMNS[kind]} | set(EXTRA)
    if wrong := [role for role in columns if role not in known]:
        raise InputError(
            _("There is no role '{role}' that a column could play").format(role=wrong[0]),
            path=name,
            expected=", ".join(dict.fromkeys(r for kind in Kind for r in COLUMNS[kind])),
            hint=_("Write role=column, for example text=headline"),
        )
    resolved = {}
    for role, wanted in columns.items():
        same = wanted if wanted in head else names.find([names.plain(wanted)], head)
        if same is None:
            raise InputError(
                _("There is no column '{column}'").format(column=wanted),
                path=name,
                expected=_("one of the columns found: {names}").format(
                    names=names.listed(list(head))
                ),
            )
        resolved[role] = same
    return resolved


def _kind_of(given: Mapping[str, str], name: str) -> Kind | None:
    roles = set(given) - set(EXTRA)
    if not roles:
        return None
    for kind, columns in COLUMNS.items():
        if roles <= set(columns):
            return kind
    raise InputError(
        _("No kind of data has the columns {names} together").format(
            names=names.listed(sorted(roles))
        ),
        path=name,
        expected="; ".join(f"{kind}: {', '.join(columns)}" for kind, columns in COLUMNS.items()),
    )


def _cannot(kind: Kind, table: Columns, name: str) -> InputError:
    return InputError(
        _("This cannot be read as {kind}").format(kind=kind),
        path=name,
        expected=_("columns for {roles}; found: {names}").format(
            roles=", ".join(COLUMNS[kind]), names=names.listed(list(table.profiles)) or "-"
        ),
        hint=_("Say which column is which with --column role=name, for example {example}").format(
            example=f"--column {COLUMNS[kind][0]}=NAME"
        ),
    )
