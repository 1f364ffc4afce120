"""Steps over tables: workers and the process do the same, and a failing worker harms nothing."""

import sys
from dataclasses import asdict

import pyarrow as pa
import pytest

from prosa.data import parallel
from prosa.data.filters import Filters
from prosa.data.kinds import Kind, Records
from prosa.data.prepare import prepare

TEXTS = [
    f"A canção número {number} fala da chuva, do rio e de {number} barcos." for number in range(100)
]
TABLE = pa.table({"text": TEXTS})
STEP, SETTINGS = (
    "prosa.data.steps:prepared",
    {"kind": "text", "steps": (), "filters": asdict(Filters())},
)
start = parallel._start


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(parallel, "_BATCH", 1000)


def test_batches_are_the_table():
    assert pa.Table.from_batches(parallel.batches(TABLE)).equals(TABLE)
    assert len(list(parallel.batches(TABLE))) > 2


def test_workers_do_what_the_process_does(monkeypatch):
    records = Records(Kind.TEXT, pa.table({"text": [*TEXTS, TEXTS[0], "  Ã© assim  "]}), "t.csv")
    alone = prepare(records)
    monkeypatch.setattr(parallel, "_WORTH_WORKERS", 0)
    monkeypatch.setattr(parallel, "_SMALL", 0)
    monkeypatch.setattr(parallel.os, "cpu_count", lambda: 2)
    started = []
    monkeypatch.setattr(
        parallel, "_start", lambda *given: started.append(start(*given)) or started[-1]
    )
    together = prepare(records)
    assert [process.returncode for process in started] == [0, 0]
    assert together.report.to_json() == alone.report.to_json()
    for name in alone.splits:
        assert together.splits[name].equals(alone.splits[name])


def test_without_workers_the_process_does_it_alone(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nada/python")
    table = parallel.transform(TABLE, STEP, SETTINGS, workers=2).mapped
    assert table.column("text").to_pylist() == TEXTS


def test_a_worker_that_fails_is_not_the_end(monkeypatch):
    monkeypatch.setattr(
        parallel, "_start", lambda _step, *rest: start("prosa.data.nada:nada", *rest)
    )
    table = parallel.transform(TABLE, STEP, SETTINGS, workers=2).mapped
    assert table.column("text").to_pylist() == TEXTS
