"""Readers: an extractive head learns where answers stand, measured as SQuAD's script does."""

import json

import numpy as np
import pytest
from tests.fixtures import NOUNS, PLACES
from transformers import BertConfig, BertForMaskedLM, BertForQuestionAnswering

import prosa as library
from prosa.data.prepare import prepare
from prosa.data.read import read
from prosa.errors import InputError
from prosa.measure.answers import answer_scores
from prosa.models.pretrained import load
from prosa.tasks.spans import SPANS, SpanRows, ask, examine, windows
from prosa.tokens.learn import learn


def record(noun, place, other):
    context = f"De manhã o {other} canta. O {noun} dorme {place}. Depois chove."
    return {
        "context": context,
        "qas": [
            {
                "question": f"Onde dorme o {noun}?",
                "answers": [{"text": place, "answer_start": context.index(place)}],
            },
            {"question": "Onde mora o rei?", "is_impossible": True, "answers": []},
        ],
    }


def squad(*more):
    paragraphs = [
        record(noun, place, NOUNS[(n + 1) % len(NOUNS)])
        for n, noun in enumerate(NOUNS)
        for place in PLACES
    ]
    return {"version": "v2.0", "data": [{"title": "Bichos", "paragraphs": [*paragraphs, *more]}]}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("spans")
    (place / "perguntas.json").write_text(json.dumps(squad()), encoding="utf-8")
    texts = [p["context"] for p in squad()["data"][0]["paragraphs"]]
    tokenizer = learn([*texts, "Onde dorme o rei?"], "word", template="<s> $A </s>")
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=48, pad_token_id=0,
    )  # fmt: skip
    BertForMaskedLM(config).save_pretrained(place / "bert")
    tokenizer.save_pretrained(place / "bert")
    return place


@pytest.fixture(autouse=True)
def _there(place, monkeypatch):
    monkeypatch.chdir(place)


def test_exact_match_and_f1_are_those_of_the_official_script():
    # (given, expected, exact, F1), worked out with evaluate-v2.0.py
    for given, expected, exact, f1 in (
        ("the cat", ["Cat!"], 1, 1),
        ("a big cat", ["cat", "big cat"], 1, 1),
        ("O gato", ["gato"], 0, 2 / 3),
        ("", [], 1, 1),
        ("gato", [], 0, 0),
        ("", ["gato"], 0, 0),
        ("gato", ["", "gato"], 1, 1),
        ("um dois dois", ["dois dois três"], 0, 2 / 3),
        ("pão-de-ló", ["pãodeló"], 1, 1),
    ):
        assert answer_scores(given, expected) == pytest.approx((exact, f1)), given


def test_answers_that_are_not_in_their_context_are_dropped_and_counted(tmp_path):
    lost = record("sapo", "no brejo", "pato")
    lost["qas"][0]["answers"] = [{"text": "in the swamp", "answer_start": 0}]
    moved = record("sapo", "no mato", "pato")
    moved["qas"][0]["answers"][0]["answer_start"] = 0
    (tmp_path / "s.json").write_text(json.dumps(squad(lost, moved)), encoding="utf-8")
    made = prepare(read(tmp_path / "s.json"))
    assert made.report.to_json()["dropped"]["answer_not_in_context"] == 1
    for table in made.splits.values():
        for row in table.to_pylist():
            for answer in row["answers"]:
                start = answer["start"]
                assert row["context"][start : start + len(answer["text"])] == answer["text"]
    assert "not in its context" in "\n".join(made.report.lines())


@pytest.mark.parametrize("most", [12, 17, 40, 200])
def test_windows_hold_every_token_and_answers_keep_their_place(most, place, tmp_path):
    assert list(windows(5, 8, 10, 4)) == [(5, 6), (6, 7), (7, 8)]
    _model, tokenizer = load(place / "bert")
    table = prepare(read(place / "perguntas.json")).splits["train"]
    stream = SPANS.encode(table, "span-qa", tokenizer, tmp_path / "s")
    rows = SpanRows(stream, tokenizer, most)
    records = table.to_pylist()
    found = {}
    for number in range(len(rows)):
        document, begin, stop = rows._cuts[number]
        row, asked = (
            rows.row(number),
            ask(tokenizer, *(records[document][k] for k in ("question", "context"))),
        )
        assert len(row["input_ids"]) <= max(most, asked.first + len(asked.ids) - asked.last + 1)
        start, end = int(row["start_positions"]), int(row["end_positions"])
        if start:
            first = asked.places[begin - asked.first + start - asked.first][0]
            last = asked.places[begin - asked.first + end - asked.first][1]
            assert (
                records[document]["context"][first:last] == records[document]["answers"][0]["text"]
            )
            found[document] = True
        assert stop > begin
    if most >= 17:
        assert len(found) == sum(bool(record["answers"]) for record in records)


@pytest.mark.parametrize("source", [["--family", "encoder"], ["--from", "bert"]])
def test_a_reader_learns_and_is_used(source, prosa, prosa_json, tmp_path):
    small = ["--steps", "3", "--batch-size", "8"]
    if source[0] == "--family":
        small += ["--hidden-size", "16", "--layers", "1", "--vocabulary", "320"]
    result = prosa_json("train", "perguntas.json", *source, *small, "-o", tmp_path / "leitor")
    assert result["task"] == "spans"
    score = prosa_json("evaluate", tmp_path / "leitor", "perguntas.json")
    assert 0 <= score["exact_match"] <= score["f1"] <= 1
    (tmp_path / "d.txt").write_text("O gato dorme na praça. Depois chove.", encoding="utf-8")
    assert prosa("index", tmp_path / "d.txt", "-o", tmp_path / "i")[0] == 0
    flags = ["--reader", tmp_path / "leitor", "--max-error", "1"]
    answer = prosa_json("ask", tmp_path / "i", "Onde dorme o gato?", *flags)
    assert answer["answer"] in "O gato dorme na praça. Depois chove."
    code, out, _err = prosa("evaluate", tmp_path / "leitor", "perguntas.json")
    assert code == 0
    assert "exact match" in out


def test_a_reader_that_has_learned_finds_the_words(place, tmp_path):
    import torch

    torch.manual_seed(0)
    data = str(place / "perguntas.json")
    library.train(
        data, from_model=str(place / "bert"), steps=150, batch_size=16, learning_rate=0.003,
        validation=0, test=0, output=str(tmp_path / "m"),
    )  # fmt: skip
    model, tokenizer = load(tmp_path / "m")
    table = prepare(read(data)).splits["train"]
    scores = examine(model, tokenizer, table)
    assert scores["exact_match"] > 0.9
    assert scores["f1"] >= scores["exact_match"]


def test_what_cannot_read_is_refused(place, prosa, tmp_path):
    code, _out, err = prosa("train", "perguntas.json", "--family", "gru", "-o", "x")
    assert (code, "encoder" in err) == (2, True), err
    code, _out, err = prosa("ask", "nada", "O quê?", "--reader", place / "bert")
    assert code == 2
    from prosa.answering.reader import load as load_reader

    with pytest.raises(InputError, match="not trained to answer questions with spans"):
        load_reader(place / "bert")


def test_token_types_are_those_of_the_tokenizer_in_training_and_in_reading(place):
    import torch

    _model, tokenizer = load(place / "bert")
    tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    seen = []

    class Watching(BertForQuestionAnswering):
        def forward(self, input_ids, token_type_ids, **more):
            seen.append((input_ids, token_type_ids))
            return super().forward(input_ids, token_type_ids=token_type_ids, **more)

    model = Watching(BertConfig(**load(place / "bert").model.config.to_dict()))
    table = prepare(read(place / "perguntas.json")).splits["train"].slice(0, 3)
    examine(model, tokenizer, table)
    ids, types = seen[0]
    ends = (ids[0] == tokenizer.eos_token_id).nonzero()[0, 0]
    assert types[0, : ends + 1].sum() == 0
    assert bool((types[0, ends + 1 :] == (ids[0, ends + 1 :] != 0)).all())
    assert torch.is_tensor(types)
    assert np.isfinite(examine(model, tokenizer, table)["f1"])
