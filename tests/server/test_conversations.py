"""Conversations on the disk: kept whole, found again, never outside their folder."""

import json

import pytest

from prosa.answering.answerer import Citation
from prosa.errors import InputError
from prosa.server.conversations import Conversations, Message


@pytest.fixture
def kept(tmp_path):
    return Conversations(tmp_path / "conversas")


def begun(kept, *said, model="gato"):
    one = kept.new(model)
    roles = ["user", "assistant"] * len(said)
    one.messages = [Message(role, text) for role, text in zip(roles, said, strict=False)]
    kept.save(one)
    return one


def test_what_was_said_is_found_again_the_latest_first(kept):
    first = begun(kept, "Onde fica o SALÃO azul?", "No térreo.")
    second = begun(kept, "Que horas são?", "São dez.")
    assert [one.id for one in kept.find()] == [second.id, first.id]
    assert [one.id for one in kept.find("salao terreo")] == [first.id]
    assert kept.find("salão dez") == []
    first.title = "Perguntas do hotel"
    kept.save(first)
    assert [one.name for one in kept.find()] == ["Perguntas do hotel", "Que horas são?"]
    kept.delete(first.id)
    kept.delete(first.id)
    assert [one.id for one in kept.find()] == [second.id]


def test_citations_come_back_as_they_were(kept):
    one = kept.new("manual")
    cited = Citation("manual.pdf", "page 3", "<b>Não</b> & 'sim'", 0.9, "Pode?")
    one.messages = [Message("user", "Pode?"), Message("assistant", "Não", (cited,), ("sure",))]
    kept.save(one)
    assert kept.open(one.id) == one


def test_a_question_is_taken_back_with_all_that_followed(kept):
    one = begun(kept, "um", "dois", "três", "quatro")
    assert one.take_question_back() == "três"
    assert [said.content for said in one.messages] == ["um", "dois"]
    assert one.take_question_back() == "um"
    assert one.take_question_back() == ""


def test_a_long_beginning_is_cut_in_the_list(kept):
    one = begun(kept, "palavra \n" * 40)
    assert len(one.name) <= 60
    assert one.name.endswith("…")


@pytest.mark.parametrize(
    "name", ["../fora", "", "a/b", "20260101-000000-abcdef/../x", "C:\\x", "x\0", "🙂"]
)
def test_a_name_that_is_none_reaches_nothing(kept, tmp_path, name):
    (tmp_path / "fora.json").write_text("{}", "utf-8")
    for act in (kept.open, kept.delete):
        with pytest.raises(InputError, match="no such conversation"):
            act(name)
    assert (tmp_path / "fora.json").exists()


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "{",
        "[]",
        "null",
        '{"id": 5}',
        '{"id": "x", "messages": [{"role": "root", "content": "a"}]}',
        '{"id": "x", "messages": [{"role": "user", "content": {"a": 1}}]}',
        '{"id": "x", "format": 99}',
        '{"id": "x", "changed": "ontem"}',
    ],
)
def test_a_broken_file_is_named_passed_over_and_left_alone(kept, tmp_path, broken):
    good, bad = begun(kept, "oi"), begun(kept, "olá")
    path = tmp_path / "conversas" / f"{bad.id}.json"
    path.write_text(broken, "utf-8")
    with pytest.raises(InputError) as told:
        kept.open(bad.id)
    assert str(path) in str(told.value)
    assert [one.id for one in kept.find()] == [good.id]
    assert path.read_text("utf-8") == broken


def test_the_file_is_plain_json(kept, tmp_path):
    one = begun(kept, "Você fala português?", "Falo.")
    value = json.loads((tmp_path / "conversas" / f"{one.id}.json").read_text("utf-8"))
    assert value["messages"][0]["content"] == "Você fala português?"
    assert value["format"] == 1


def test_one_that_is_gone_is_said(kept):
    one = begun(kept, "oi")
    kept.delete(one.id)
    with pytest.raises(InputError, match="deleted"):
        kept.open(one.id)
