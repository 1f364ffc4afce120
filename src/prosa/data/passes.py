"""The steps that run over whole tables, in the process or in workers (see `batches`).

They add columns whose names begin with `#`; `prepare` reads and drops them.
"""

from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa

from prosa.data import fields, sketches
from prosa.data.batches import Settings
from prosa.data.classic import pipeline
from prosa.data.filters import Filters
from prosa.data.kinds import Kind
from prosa.data.repair import Repair, repair
from prosa.data.shingles import identities, shingles, words


def mend(batch: pa.RecordBatch, settings: Settings) -> pa.RecordBatch:
    """Repair every text, and take its fingerprints.

    Adds `#repair` (uint8, `Repair`), `#exact` (uint64), `#bytes` (int64), and for each facet N
    `#identityN` (uint64), `#wordsN` (int32), `#sketchN` (binary).
    """
    kind = Kind(settings["kind"])
    values = fields.rows(batch, kind)
    done = np.zeros(batch.num_rows, np.uint8)
    for name in fields.WRITTEN[kind]:
        join = name in fields.JOINED.get(kind, ())
        for number, value in enumerate(values[name]):
            values[name][number], what = _mended(value, join)
            done[number] |= what
    if kind is Kind.SPAN_QA:
        _relocate(values)
    marks = {"#repair": pa.array(done), **_fingerprints(values, kind, batch.num_rows)}
    return _batch(kind, values, marks)


def _mended(value: Any, join: bool) -> tuple[Any, Repair]:
    done = Repair.NONE

    def rewrite(text: str) -> str:
        nonlocal done
        text, what = repair(text, join_lines=join)
        done |= what
        return text

    return fields.change(value, rewrite), done


def _relocate(values: fields.Rows) -> None:
    """Find the spans again in the repaired contexts: the nearest place to where they were."""
    for context, answers in zip(values["context"], values["answers"], strict=True):
        for span in answers:
            text, start = span["text"] or "", span["start"] or 0
            near = context.find(text, max(0, start - 64))
            if near >= 0 and context[start : start + len(text)] != text:
                span["start"] = near


def _fingerprints(values: fields.Rows, kind: Kind, count: int) -> dict[str, "pa.Array[Any]"]:
    exact = np.zeros(count, np.uint64)
    sizes = np.zeros(count, np.int64)
    for number in range(count):
        whole = "\x1f".join(fields.said(values[name][number]) for name in values).encode()
        exact[number] = int.from_bytes(blake2b(whole, digest_size=8).digest(), "little")
        sizes[number] = sum(len(text.encode()) for text in fields.written(values, kind, number))
    marks: dict[str, pa.Array[Any]] = {"#exact": pa.array(exact), "#bytes": pa.array(sizes)}
    for place, name in enumerate(fields.FACETS[kind]):
        hashed = words([fields.said(value) for value in values[name]])
        long = hashed.counts >= sketches.SHORT
        found = sketches.signatures(shingles(hashed).only(long))
        marks[f"#identity{place}"] = pa.array(identities(hashed))
        marks[f"#words{place}"] = pa.array(hashed.counts.astype(np.int32))
        marks[f"#sketch{place}"] = sketches.column(found, long)
    return marks


def _batch(kind: Kind, values: fields.Rows, marks: dict[str, "pa.Array[Any]"]) -> pa.RecordBatch:
    """The kind's columns anew, and the marks."""
    columns = dict(zip(values, fields.arrays(values, kind), strict=True))
    every: dict[str, Any] = {**columns, **marks}
    return pa.RecordBatch.from_pydict(every)


def shape(batch: pa.RecordBatch, settings: Settings) -> pa.RecordBatch:
    """Filter, then do the classic steps.

    Adds `#filtered` and `#empty` (bool): records that a filter rejects, or of which nothing is
    left.
    """
    kind = Kind(settings["kind"])
    values = fields.rows(batch, kind)
    filters = Filters(**{**settings["filters"], "blocked": tuple(settings["filters"]["blocked"])})
    rejected = np.zeros(batch.num_rows, np.bool_)
    if filters.active:
        for number in range(batch.num_rows):
            rejected[number] = (
                filters.reason("\n".join(fields.written(values, kind, number))) is not None
            )
    rewrite = pipeline(settings["steps"])
    empty = np.zeros(batch.num_rows, np.bool_)
    for name in fields.WRITTEN[kind]:
        values[name] = [fields.change(value, rewrite) for value in values[name]]
        if name != "answers":
            empty |= np.array([not fields.said(value).strip() for value in values[name]], np.bool_)
    return _batch(kind, values, {"#filtered": pa.array(rejected), "#empty": pa.array(empty)})
