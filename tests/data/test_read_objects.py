"""What Python programs hold is read like the file it would be saved to."""

import socket
import urllib.request
from datetime import UTC, date, datetime, time, timedelta

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from prosa.data.kinds import Kind
from prosa.data.read import read
from prosa.errors import InputError

ROWS = [
    {"Pergunta": "O que é?", "Resposta": "Uma coisa.", "n": 1},
    {"Pergunta": "Quem?", "Resposta": "Ana.", "n": 2},
    {"Pergunta": "", "Resposta": None, "n": None},
]
EXPECTED = [
    {"question": "O que é?", "answer": "Uma coisa."},
    {"question": "Quem?", "answer": "Ana."},
    {"question": "", "answer": ""},
]


def streamed():
    return datasets.Dataset.from_list(ROWS).to_iterable_dataset()


@pytest.mark.parametrize(
    "make",
    [
        lambda: ROWS,
        lambda: tuple(ROWS),
        lambda: {name: [row[name] for row in ROWS] for name in ROWS[0]},
        lambda: pd.DataFrame(ROWS, index=[5, 5, 5]),
        lambda: pd.DataFrame(ROWS).astype({"Resposta": "category"}),
        lambda: pl.DataFrame(ROWS),
        lambda: pl.DataFrame(ROWS).lazy(),
        lambda: pa.Table.from_pylist(ROWS),
        lambda: pa.Table.from_pylist(ROWS).to_batches()[0],
        lambda: datasets.Dataset.from_list(ROWS),
        lambda: datasets.Dataset.from_list(ROWS[::-1]).select([2, 1, 0]),
        streamed,
    ],
)
def test_frames_tables_and_lists(make):
    records = read(make())
    assert records.kind == Kind.QUESTION_ANSWER
    assert records.table.to_pylist() == EXPECTED
    assert records.source.startswith("<")


@pytest.mark.parametrize("make", [list, pd.Series, pl.Series])
def test_plain_strings_are_texts(make):
    assert read(make(["Olá.", "Tchau."])).table["text"].to_pylist() == ["Olá.", "Tchau."]


def test_splits_of_a_data_set_are_kept():
    parts = {name: datasets.Dataset.from_list(ROWS[:1]) for name in ("train", "validation", "test")}
    table = read(datasets.DatasetDict(parts)).table
    assert table["split"].to_pylist() == ["train", "validation", "test"]
    others = datasets.DatasetDict({"train_sft": parts["train"], "test": parts["test"]})
    assert read(others).table.column_names == ["question", "answer"]


def test_class_numbers_become_class_names():
    features = datasets.Features(
        {"texto": datasets.Value("string"), "label": datasets.ClassLabel(names=["bom", "ruim"])}
    )
    data = datasets.Dataset.from_dict(
        {"texto": ["a b", "c d"], "label": [1, -1]}, features=features
    )
    assert read(data, kind="labelled").table["label"].to_pylist() == ["ruim", ""]


def test_cells_of_frames_may_hold_lists():
    turns = [{"role": "user", "content": "Oi"}, {"role": "assistant", "content": "Olá"}]
    frame = pd.DataFrame(
        {"messages": [turns, np.array(turns, dtype=object)], "nota": [0.5, np.nan]}
    )
    assert read(frame).table["messages"].to_pylist() == [turns, turns]


def test_values_of_every_type_become_text():
    data = [
        {"text": v, "autor": "x"} for v in ("Uma frase.", 3.0, None, float("nan"), b"\xe9", True)
    ]
    found = read(data, columns={"text": "text"}).table["text"].to_pylist()
    assert found == ["Uma frase.", "3", "", "", "é", "True"]
    arrow = pa.table(
        {"label": pa.array([1, None]), "text": pa.array(["a", "b"]).dictionary_encode()}
    )
    assert read(arrow).table.to_pylist() == [
        {"text": "a", "label": "1"},
        {"text": "b", "label": ""},
    ]


def test_times_and_durations_are_text_too():
    for value in (timedelta(hours=2), datetime(2026, 1, 2, tzinfo=UTC), time(3), date(2026, 1, 2)):
        table = pa.table({"text": ["a", "b"], "label": [value, None]})
        assert read(table).table["label"].to_pylist()[1] == ""


def test_halves_of_characters_are_joined():
    found = read([{"text": "Oi \ud83d\ude00 \udc41!"}]).table["text"].to_pylist()
    assert found == ["Oi 😀 \ufffd!"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (3, "type 'int' holds no data"),
        (None, "type 'NoneType' holds no data"),
        ([1, 2], "Item 0 of the list is of type 'int'"),
        ({"a": [1], "b": [1, 2]}, "equally long lists"),
        ([], "no records"),
        (pa.table({"text": []}), "no records"),
    ],
)
def test_objects_that_hold_no_data(value, said):
    with pytest.raises(InputError, match=said):
        read(value)


@pytest.fixture
def asked(monkeypatch):
    """Data sets of a hub that exists in this test only; what was asked of it."""
    calls = []

    def load_dataset(path, config=None, *, split=None):
        calls.append((path, config, split))
        if path == "ana/nada":
            raise datasets.exceptions.DatasetNotFoundError(path)
        if config is None and path == "ana/várias".replace("á", "a"):
            raise ValueError("Config name is missing. Please pick one among: ['a', 'b']")
        one = datasets.Dataset.from_list(ROWS[:1])
        return one if split else datasets.DatasetDict({"train": one, "test": one})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return calls


def test_data_sets_of_the_hub(asked):
    assert read("ana/faq").table["split"].to_pylist() == ["train", "test"]
    assert read("ana/faq:train").table.num_rows == 1
    assert read("ana/varias/b:test").table.num_rows == 1
    assert asked == [
        ("ana/faq", None, None),
        ("ana/faq", None, "train"),
        ("ana/varias", "b", "test"),
    ]


@pytest.mark.parametrize(
    ("identity", "said"),
    [("ana/nada", "no such data set on the Hugging Face hub"), ("ana/varias", "pick one among")],
)
@pytest.mark.usefixtures("asked")
def test_faults_of_the_hub(identity, said):
    with pytest.raises(InputError, match=said):
        read(identity)


def test_without_a_network_the_cache_is_asked_at_once(asked, monkeypatch):
    def unreachable(*_args):
        raise OSError

    monkeypatch.setattr(socket, "create_connection", unreachable)
    monkeypatch.setattr(urllib.request, "getproxies", dict)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    seen = []
    load = datasets.load_dataset
    monkeypatch.setattr(
        datasets,
        "load_dataset",
        lambda *a, **k: (seen.append(datasets.config.HF_HUB_OFFLINE), load(*a, **k))[1],
    )
    read("ana/faq")
    assert seen == [True]
    assert datasets.config.HF_HUB_OFFLINE is False
    assert asked
