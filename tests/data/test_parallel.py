"""Steps over tables: workers and the process do the same, and a failing worker harms nothing."""

import sys
from dataclasses import asdict

import pyarrow as pa
import pytest

from prosa import child
from prosa.data import parallel
from prosa.data.filters import Filters
from prosa.data.kinds import Kind, Records
from prosa.data.prepare import prepare

TEXTS = [
    f"A canção número {number} fala da chuva, do rio e de {number} barcos." for number in range(100)
]
TABLE = pa.table({"text": TEXTS})
SETTINGS = {"kind": "text", "steps": (), "filters": asdict(Filters())}
start = child.start


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(parallel, "_BATCH", 1000)


def test_batches_are_the_table():
    assert pa.Table.from_batches(parallel.batches(TABLE)).equals(TABLE)
    assert len(list(parallel.batches(TABLE))) > 2


def with_workers(monkeypatch):
    monkeypatch.setattr(parallel, "_WORTH_WORKERS", 0)
    monkeypatch.setattr(parallel, "_SMALL", 0)
    monkeypatch.setattr(parallel.os, "cpu_count", lambda: 2)


def test_workers_do_what_the_process_does(monkeypatch):
    records = Records(Kind.TEXT, pa.table({"text": [*TEXTS, TEXTS[0], "  Ã© assim  "]}), "t.csv")
    alone = prepare(records)
    with_workers(monkeypatch)
    started = []
    monkeypatch.setattr(
        child, "start", lambda *given, **how: started.append(start(*given, **how)) or started[-1]
    )
    together = prepare(records)
    assert [process.returncode for process in started] == [0, 0]
    assert together.report.to_json() == alone.report.to_json()
    for name in alone.splits:
        assert together.splits[name].equals(alone.splits[name])


def test_without_workers_the_process_does_it_alone(monkeypatch):
    with_workers(monkeypatch)
    monkeypatch.setattr(sys, "executable", "/nada/python")
    table = parallel.transform(TABLE, SETTINGS).mapped
    assert table.column("text").to_pylist() == TEXTS


def test_a_worker_that_fails_is_not_the_end(monkeypatch):
    def fails(_module, *rest, **how):
        return start("prosa.data.nada", *rest, **how)

    with_workers(monkeypatch)
    monkeypatch.setattr(child, "start", fails)
    table = parallel.transform(TABLE, SETTINGS).mapped
    assert table.column("text").to_pylist() == TEXTS
