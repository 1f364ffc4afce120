"""Rows of a source into rows of a kind: strings, messages, spans, splits and groups.

Arrow columns that are strings already pass through untouched; everything else is made value by
value. Nothing is repaired here, and no row is left out: an absent value is an empty one.
"""

import json
import reprlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pyarrow as pa

from prosa.data import names
from prosa.data.json import loads
from prosa.data.kinds import SCHEMAS, Batch, Column, as_text, rows_of, sound, values
from prosa.data.recognise import EXTRA, Recipe, is_absent
from prosa.errors import InputError
from prosa.i18n import _

_ROLE_KEYS = ("role", "from", "speaker", "author", "papel", "autor")
_CONTENT_KEYS = ("content", "value", "text", "conteudo", "conteúdo", "mensagem", "message")

_EXPECTED = {
    "source": '{"en": "…", "pt": "…"}',
    "target": '{"en": "…", "pt": "…"}',
    "messages": '[{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]',
    "answers": '[{"text": "…", "start": 0}]',
}
_LONGEST = 1 << 31


class Shaper:
    """Makes a kind's rows out of a source's, batch after batch.

    Messages and groups call the source by `name`; all of it may belong to one `split`.
    """

    def __init__(self, recipe: Recipe, name: str, split: str | None = None) -> None:
        self.recipe = recipe
        self.name = name
        self.split = split
        self.schema = pa.schema([*SCHEMAS[recipe.kind], *((name, pa.string()) for name in EXTRA)])
        self._before = 0

    def batch(self, batch: Batch) -> pa.RecordBatch:
        """The rows of a batch, with `split` and `group`, which `read` drops where they are empty.

        Raises:
            InputError: A value cannot be what its column stands for.
        """
        count = rows_of(batch)
        columns = {
            role: self._column(role, batch, count) for role in SCHEMAS[self.recipe.kind].names
        }
        columns["split"] = self._splits(batch, count)
        columns["group"] = self._groups(batch, count)
        question = columns.get("question")
        if isinstance(question, list) and any(isinstance(v, list | tuple) for v in question):
            columns = self._exploded(columns, question)
        self._before += count
        arrays = [_array(columns[field.name], field.type) for field in self.schema]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _column(self, role: str, batch: Batch, count: int) -> Column:
        sources = [batch.get(name, [None] * count) for name in self.recipe.roles[role]]
        key = self.recipe.keys.get(role)
        if key is not None:
            return self._each(lambda value: text((value or {}).get(key)), sources[0], role)
        if role == "messages":
            return self._each(messages, sources[0], role)
        if role == "answers":
            return self._each(spans, sources[0], role)
        if len(sources) > 1:
            rows = zip(*map(values, sources), strict=True)
            return ["\n\n".join(filter(str.strip, map(text, row))) for row in rows]
        if role == "question" and _has_lists(sources[0]):
            return values(sources[0])
        return strings(sources[0])

    def _each(self, make: Callable[[Any], Any], column: Column, role: str) -> list[Any]:
        made = []
        for number, value in enumerate(values(column), self._before + 1):
            try:
                made.append(make(value))
            except (TypeError, ValueError, AttributeError, OverflowError) as error:
                raise InputError(
                    _("Record {number} cannot be read: {value}").format(
                        number=number, value=reprlib.repr(value)
                    ),
                    path=self.name,
                    column=self.recipe.columns[role],
                    expected=_EXPECTED[role],
                ) from error
        return made

    def _splits(self, batch: Batch, count: int) -> Column:
        column = None if self.recipe.split is None else batch.get(self.recipe.split)
        if column is None:
            split = self.split or ("train" if self.recipe.split else None)
            return pa.repeat(pa.scalar(split, pa.string()), count)
        splits = [names.SPLITS.get(names.plain(text(v)) or "train") for v in values(column)]
        if None in splits:
            unknown = text(values(column)[splits.index(None)])
            raise InputError(
                _("'{value}' is no split").format(value=sound(unknown)),
                path=self.name,
                column=self.recipe.split,
                expected="train, validation, test",
                hint=_("Rename the column if it means something else"),
            )
        return splits

    def _groups(self, batch: Batch, count: int) -> Column:
        column = None if self.recipe.group is None else batch.get(self.recipe.group)
        return pa.nulls(count, pa.string()) if column is None else strings(column)

    def _exploded(self, columns: dict[str, Column], question: list[Any]) -> dict[str, Column]:
        """Several wordings of a question: a row each, in one group."""
        wordings = [list(v) if isinstance(v, list | tuple) else [v] for v in question]
        index = [row for row, several in enumerate(wordings) for _wording in several]
        made: dict[str, Column] = {}
        for role, column in columns.items():
            whole = values(column)
            made[role] = [whole[row] for row in index]
        made["question"] = [text(wording) for several in wordings for wording in several]
        groups = zip(made["group"], index, strict=True)
        made["group"] = [own or f"{self.name}#{self._before + row + 1}" for own, row in groups]
        return made


def strings(column: Column) -> Column:
    """A column as strings, absent values as empty ones."""
    if isinstance(column, list):
        with suppress(pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
            return pa.array(column, pa.string()).fill_null("")
        return list(map(text, column))
    kind = column.type
    if isinstance(column, pa.DictionaryArray):
        return strings(column.dictionary_decode())
    if not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_nested(kind)):
        with suppress(pa.ArrowNotImplementedError):  # durations
            return column.cast(pa.string()).fill_null("")
    return list(map(text, column.to_pylist()))


def text(value: Any) -> str:
    """One value as a string: of several answers the first, of a whole number no decimals."""
    match value:
        case str():
            made = value
        case float() if value.is_integer():
            made = str(int(value))
        case bytes():
            made = value.decode("utf-8", "prosa-cp1252")
        case list() | tuple():
            made = next(filter(None, map(text, value)), "")
        case {"text": inner}:
            made = text(inner)
        case dict():
            made = json.dumps(value, ensure_ascii=False)
        case _:
            made = "" if is_absent(value) else as_text(value)
    return made


def messages(value: Any) -> list[dict[str, str]]:
    """A conversation in any of its customary shapes as role and content.

    Known are {"role", "content"}, ShareGPT's {"from", "value"}, plain strings by turns, a
    dictionary of lists, content in parts, and any of these as JSON in a string.
    """
    if isinstance(value, str):
        try:
            value = loads(value)
        except json.JSONDecodeError:
            value = [value]
    if isinstance(value, dict):
        if not any(isinstance(part, list) for part in value.values()):
            return [_message(value, 0)]
        turns = zip(*(part for part in value.values() if isinstance(part, list)), strict=False)
        value = [dict(zip(value, turn, strict=False)) for turn in turns]
    return [_message(turn, number) for number, turn in enumerate(value or [])]


def spans(value: Any) -> list[dict[str, Any]]:
    """Answers as text and start, from lists of dictionaries or SQuAD's dictionary of lists."""
    if isinstance(value, dict):
        texts = value.get("text") or []
        starts = value.get("answer_start", value.get("start"))
        if isinstance(texts, str):
            texts, starts = [texts], [starts]
        starts = [None] * len(texts) if starts is None else starts
        value = [{"text": t, "start": s} for t, s in zip(texts, starts, strict=True)]
    if not isinstance(value, list | tuple):
        value = [value] if value else []
    return [_span(answer) for answer in value]


def _span(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        return {"text": text(answer), "start": -1}
    start = answer.get("start", answer.get("answer_start"))
    place = -1 if start is None else int(start)
    if abs(place) > _LONGEST:
        raise ValueError(start)
    return {"text": text(answer.get("text")), "start": place}


def _message(turn: Any, number: int) -> dict[str, str]:
    by_turns = ("user", "assistant")[number % 2]
    if not isinstance(turn, dict):
        return {"role": by_turns, "content": text(turn)}
    speaker = text(next((turn[key] for key in _ROLE_KEYS if turn.get(key)), ""))
    role = names.ROLES.get(names.plain(speaker), speaker or by_turns)
    content = next((turn[key] for key in _CONTENT_KEYS if turn.get(key)), "")
    parts = content if isinstance(content, list | tuple) else [content]
    return {"role": role, "content": "".join(map(text, parts))}


def _has_lists(column: Column) -> bool:
    if isinstance(column, list):
        return any(isinstance(value, list | tuple) for value in column)
    return pa.types.is_nested(column.type)


def _array(column: Column, kind: pa.DataType) -> "pa.Array[Any]":
    if not isinstance(column, list):
        return column
    try:
        return pa.array(column, kind)
    except UnicodeEncodeError:
        return pa.array(list(_mended(column)), kind)


def _mended(column: list[Any]) -> Iterator[Any]:
    """Join halves of characters that JSON escapes left apart; a lone half becomes U+FFFD."""
    for value in column:
        if isinstance(value, str):
            yield sound(value)
        elif isinstance(value, list):
            yield list(_mended(value))
        elif isinstance(value, dict):
            yield dict(zip(value, _mended(list(value.values())), strict=True))
        else:
            yield value
