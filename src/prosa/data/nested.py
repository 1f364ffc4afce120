"""The records within a value of JSON or YAML: SQuAD, CoQA, a named list, splits, columns, FAQs."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from prosa.data import names
from prosa.errors import InputError
from prosa.i18n import _

EXPECTED = '[{"text": "…"}, …]'
"""What messages show as the simplest right shape."""

_PARAGRAPHS = '{"paragraphs": [{"context": "…", "qas": [{"question": "…", "answers": […]}]}]}'
_STORY = '{"story": "…", "questions": [{"input_text": "…"}], "answers": [{"input_text": "…"}]}'
_COQA = {"story", "questions", "answers"}
_KNOWN = (*names.TEXT, *names.QUESTION, *names.ANSWER, *names.MESSAGES, *names.SOURCE)


def is_article(value: Any) -> bool:
    """Whether this is an article of SQuAD or a story of CoQA."""
    return isinstance(value, dict) and ("paragraphs" in value or value.keys() >= _COQA)


def contexts(article: dict[str, Any]) -> list[tuple[str, str]]:
    """The texts of such an article, each with the title.

    Raises:
        KeyError, TypeError, AttributeError: It lacks a part.
    """
    title = str(article.get("title", article.get("filename", ""))).replace("_", " ")
    texts = [paragraph["context"] for paragraph in article.get("paragraphs", ())]
    return [(title, text) for text in (*texts, article.get("story")) if text is not None]


def records_of(value: Any, name: str) -> Iterable[Any]:
    """The records in a JSON value, `name` being what messages call it.

    Known are a list; SQuAD and CoQA files; {"data": [...]} or any object with one list of records;
    {"train": [...], "test": [...]}; columns, as lists or as pandas writes them; an object of
    questions and their answers; and else the object is one record itself.

    Raises:
        InputError: It is a reading test that is broken.
    """
    if isinstance(value, list):
        return value
    if not isinstance(value, dict) or not value:
        return [] if value in ({}, None) else [value]
    if (records := _listed(value)) is not None:
        return _reading_tests(records, name) or records
    if all(names.plain(key) in names.SPLITS for key in value):
        return _splits(value, name)
    return _columns(value) or _answers(value) or [value]


def as_row(value: Any, name: str, number: int) -> dict[str, Any]:
    """One record as columns: an object as it is, a string as text, a list as a conversation.

    Raises:
        InputError: It is none of these.
    """
    if isinstance(value, dict):
        return value
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, list):
        return {"messages": value}
    raise InputError(
        _("Record {number} is neither an object nor a text: {value}").format(
            number=number, value=json.dumps(value)
        ),
        path=name,
        expected=EXPECTED,
    )


def _listed(value: dict[str, Any]) -> list[Any] | None:
    """The one list of records in an object."""
    if isinstance(value.get("data"), list):
        return list(value["data"])
    lists = {
        key: part
        for key, part in value.items()
        if isinstance(part, list) and part and isinstance(part[0], dict | list)
    }
    # {"messages": [...]} is one record, and {"train": [...]} is a split.
    if len(lists) != 1 or names.plain(next(iter(lists))) in names.SPLITS:
        return None
    key, records = next(iter(lists.items()))
    if isinstance(records[0], list):
        return [{key: record} for record in records]
    turns = names.find(names.MESSAGES, [key]) and {"role", "from"} & records[0].keys()
    return None if turns else records


def _reading_tests(records: list[Any], name: str) -> list[dict[str, Any]]:
    """The records of SQuAD (with `paragraphs`) and CoQA files (with `story`); else none."""
    rows: list[dict[str, Any]] = []
    for number, record in enumerate(records, 1):
        keys = record.keys() if isinstance(record, dict) else set()
        try:
            if keys >= _COQA:
                rows.append(_coqa(record))
            elif "paragraphs" in keys or rows:
                rows += _squad(record, number)
        except (TypeError, AttributeError, KeyError) as error:
            raise InputError(
                _("Record {number} has another form than its fellows").format(number=number),
                path=name,
                expected=_PARAGRAPHS if "paragraphs" in keys else _STORY,
            ) from error
    return rows


def _squad(article: dict[str, Any], number: int) -> Iterator[dict[str, Any]]:
    """Questions on paragraphs (Rajpurkar et al. 2016, 2018); a paragraph's stay together."""
    for place, paragraph in enumerate(article["paragraphs"], 1):
        for asked in paragraph["qas"]:
            yield {
                "context": paragraph["context"],
                "question": asked["question"],
                "answers": [] if asked.get("is_impossible") else asked.get("answers", []),
                "group": f"{number}.{place}",
            }


def _coqa(record: dict[str, Any]) -> dict[str, Any]:
    """A conversation about a story (Reddy et al. 2019): the story opens the first question."""
    turns: list[dict[str, str]] = []
    for asked, given in zip(record["questions"], record["answers"], strict=False):
        opening = "" if turns else f"{record['story']}\n\n"
        turns.append({"role": "user", "content": f"{opening}{asked['input_text']}"})
        turns.append({"role": "assistant", "content": given["input_text"]})
    return {"messages": turns}


def _splits(value: dict[str, Any], name: str) -> Iterator[Any]:
    for split, records in value.items():
        for number, record in enumerate(records_of(records, name), 1):
            yield {**as_row(record, name, number), "split": split}


def _columns(value: dict[str, Any]) -> list[dict[str, Any]]:
    parts = list(value.values())
    if all(isinstance(part, dict) for part in parts):
        if any(list(part) != list(parts[0]) for part in parts):
            return []
        parts = [list(part.values()) for part in parts]
    if not all(isinstance(part, list) and len(part) == len(parts[0]) for part in parts):
        return []
    return [dict(zip(value, row, strict=True)) for row in zip(*parts, strict=True)]


def _answers(value: dict[str, Any]) -> list[dict[str, Any]]:
    """An object whose keys are the questions."""
    texts = all(isinstance(answer, str) for answer in value.values())
    if len(value) < 2 or names.find(_KNOWN, value) or not texts:
        return []
    return [{"question": question, "answer": answer} for question, answer in value.items()]
