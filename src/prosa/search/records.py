"""Rows into passages: an FAQ as pairs with every wording, reading tests as their texts.

Rows that the author marked as test data are left out: they are for `prosa evaluate`.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa

from prosa.data.json import reading_texts
from prosa.data.kinds import Kind, Records
from prosa.data.open import format_of
from prosa.data.read import read
from prosa.data.repair import repair
from prosa.search.passages import Block, Count, Passage, Place

_BATCH = 4096


def passages(path: Path, name: str) -> Iterable[Block | Passage]:
    """The passages of a file of records: csv, tsv, json, jsonl, parquet.

    Raises:
        InputError: It is broken or holds no records.
    """
    texts = reading_texts(path, name) if format_of(path) == "json" else None
    if texts is None:
        return of(read(path))
    return (
        Block(repair(text)[0], Place(Count.PARAGRAPH, number, repair(title)[0]), whole=True)
        for number, (title, text) in enumerate(texts, 1)
    )


def of(records: Records, *, sound: bool = False) -> Iterator[Block | Passage]:
    """The passages of records of any kind; `sound` text is not repaired.

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
