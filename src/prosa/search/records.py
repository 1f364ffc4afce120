"""Rows into passages: an FAQ as pairs with every wording, reading tests as their texts.

Rows that the author marked as test data are left out: they are for `prosa evaluate`.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa

from prosa.data.decoding import open_bytes, survey
from prosa.data.kinds import Kind, Records
from prosa.data.read import read
from prosa.data.repair import repair
from prosa.errors import InputError
from prosa.i18n import _
from prosa.search.passages import Block, Count, Passage, Place

_HEAD = 1 << 16
_BATCH = 4096


def passages(path: Path, name: str) -> Iterable[Block | Passage]:
    """The passages of a file of records: csv, tsv, json, jsonl, parquet.

    Raises:
        InputError: It is broken or holds no records.
    """
    with open_bytes(path, name) as file:
        head = file.read(_HEAD)
    if b'"paragraphs"' in head or b'"story"' in head:
        found = _reading_test(path, name)
        if found:
            return found
    return of(read(path))


def of(records: Records, *, sound: bool = False) -> Iterator[Block | Passage]:
    """The passages of records of any kind.

    Args:
        records: The records.
        sound: Their text is known to be sound, and is not repaired.

    Raises:
        InputError: Their kind has nothing to be found.
    """
    match records.kind:
        case Kind.QUESTION_ANSWER:
            yield from _pairs(_rows(records.table), sound=sound)
        case Kind.PAIR:
            pairs = (
                (n, {"question": row["source"], "answer": row["target"]})
                for n, row in _rows(records.table)
            )
            yield from _pairs(pairs)
        case Kind.CONVERSATION:
            yield from _pairs(_turns(records.table))
        case Kind.SPAN_QA:
            seen: dict[str, int] = {}
            for number, row in _rows(records.table):
                seen.setdefault(row["context"], number)
            for context, number in seen.items():
                yield Block(repair(context)[0], Place(Count.ROW, number), whole=True)
        case _:
            for number, row in _rows(records.table):
                yield Block(repair(row["text"])[0], Place(Count.ROW, number), whole=True)


def _rows(table: pa.Table) -> Iterator[tuple[int, dict[str, Any]]]:
    """Numbered rows, without those marked as test data."""
    number = 0
    for batch in table.to_batches(max_chunksize=_BATCH):
        for row in batch.to_pylist():
            number += 1
            if row.get("split") != "test":
                yield number, row


def _pairs(rows: Iterable[tuple[int, dict[str, Any]]], *, sound: bool = False) -> Iterator[Passage]:
    """One passage an answer: the questions of all rows with that answer are its wordings."""
    first: dict[str, int] = {}
    wordings: dict[str, dict[str, None]] = {}
    for number, row in rows:
        question, answer = row["question"], row["answer"]
        if not sound:
            question, answer = repair(question)[0], repair(answer)[0]
        if question and answer:
            first.setdefault(answer, number)
            wordings.setdefault(answer, {})[question] = None
    for answer, number in first.items():
        yield Passage(answer, Place(Count.ROW, number), tuple(wordings[answer]))


def _turns(table: pa.Table) -> Iterator[tuple[int, dict[str, Any]]]:
    """What a user asked and what was answered."""
    for number, row in _rows(table):
        turns = row["messages"]
        for asked, given in pairwise(turns):
            if asked["role"] == "user" and given["role"] == "assistant":
                yield number, {"question": asked["content"], "answer": given["content"]}


def _reading_test(path: Path, name: str) -> list[Block]:
    """The texts of a SQuAD or CoQA file with their titles; nothing where it is neither."""
    with survey(path, name).open() as text:
        try:
            value = json.load(text)
        except (json.JSONDecodeError, RecursionError):
            return []  # `read` says what is wrong, and where
    articles = value.get("data") if isinstance(value, dict) else value
    if not isinstance(articles, list) or not all(isinstance(one, dict) for one in articles):
        return []
    try:
        return list(_texts(articles))
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            _("This looks like SQuAD or CoQA, but a part is missing: {part}").format(part=error),
            path=name,
            expected='{"data": [{"paragraphs": [{"context": …}]}]} / {"data": [{"story": …}]}',
        ) from error


def _texts(articles: list[dict[str, Any]]) -> Iterator[Block]:
    number = 0
    for article in articles:
        contexts = [part["context"] for part in article.get("paragraphs", ())]
        contexts += [article["story"]] if "story" in article else []
        title = str(article.get("title", article.get("filename", ""))).replace("_", " ")
        for context in contexts:
            number += 1
            place = Place(Count.PARAGRAPH, number, repair(title)[0])
            yield Block(repair(context)[0], place, whole=True)
