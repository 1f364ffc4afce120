"""What the search room reads through the data room: folders, numbered lines, reading tests."""

import gzip
import json

import pytest

from prosa.data.json import reading_texts
from prosa.data.open import files_under, format_of, suffix_of
from prosa.data.text import numbered_lines
from prosa.errors import InputError

SQUAD = {
    "version": "v1.1",
    "data": [
        {
            "title": "Ouro_Preto",
            "paragraphs": [
                {"context": "Uma cidade.", "qas": []},
                {"context": "Um rio.", "qas": []},
            ],
        },
        {"title": "Olinda", "paragraphs": [{"context": "Um mar.", "qas": []}]},
    ],
}
STORY = {"filename": "f.txt", "story": "Era uma vez.", "questions": [], "answers": []}


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_files_of_a_folder_come_in_order_without_hidden_ones(tmp_path):
    for name in ("b.txt", "a/x.csv", "a/.x.csv", "_a/y.txt", ".git/z.txt", "indice/mark", "c.png"):
        write(tmp_path / name, "Olá")
    assert files_under(tmp_path, lambda path: path.suffix in {".txt", ".csv"}) == [
        tmp_path / "a" / "x.csv",
        tmp_path / "b.txt",
    ]
    everything = files_under(
        tmp_path, lambda _path: True, skip_folder=lambda folder: (folder / "mark").exists()
    )
    assert [path.name for path in everything] == ["x.csv", "b.txt", "c.png"]


@pytest.mark.parametrize(
    ("name", "suffix", "format_name"),
    [
        ("a.TXT", ".txt", "text"),
        ("dados.v2.json.GZ", ".json", "json"),
        ("a.docx", ".docx", None),
        ("a.gz", "", None),
        ("LEIAME", "", None),
    ],
)
def test_suffix_and_format_of_a_name(tmp_path, name, suffix, format_name):
    assert suffix_of(tmp_path / name) == suffix
    assert format_of(tmp_path / name) == format_name


def test_numbered_lines_are_decoded_and_parted(tmp_path):
    long = "x" * 150_000
    content = f"Coração \r\n\t\r\n{long}\nfim".encode("cp1252")
    lines = list(numbered_lines(write(tmp_path / "a.txt", content), "a.txt"))
    assert lines[:2] == [(1, "Coração"), (2, "")]
    assert [(number, len(line)) for number, line in lines[2:5]] == [
        (3, 65_536),
        (3, 65_536),
        (3, 150_000 - 2 * 65_536),
    ]
    assert lines[5:] == [(4, "fim")]


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (
            SQUAD,
            [("Ouro Preto", "Uma cidade."), ("Ouro Preto", "Um rio."), ("Olinda", "Um mar.")],
        ),
        (SQUAD["data"][1:], [("Olinda", "Um mar.")]),
        ({"data": [STORY]}, [("f.txt", "Era uma vez.")]),
        ([STORY, {**STORY, "story": "Fim."}], [("f.txt", "Era uma vez."), ("f.txt", "Fim.")]),
        ([{"story": "Era uma vez.", "autor": "Ana"}], None),
        ({"data": [{"texto": "paragraphs"}]}, None),
        ({"data": "x", "paragraphs": []}, None),
        ({}, None),
        ([], None),
        ("paragraphs", None),
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_texts_of_reading_tests(tmp_path, value, texts, indent):
    path = write(tmp_path / "a.json", json.dumps(value, indent=indent))
    assert reading_texts(path, "a.json") == texts
    packed = write(tmp_path / "a.json.gz", gzip.compress(path.read_bytes()))
    assert reading_texts(packed, "a.json") == texts


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_reading_tests_in_other_encodings(tmp_path, encoding):
    story = json.dumps({"data": [{**STORY, "story": "À mão."}]}, ensure_ascii=False)
    path = write(tmp_path / "a.json", story.encode(encoding))
    assert reading_texts(path, "a.json") == [("f.txt", "À mão.")]


def test_records_are_no_reading_test_and_are_not_read_to_the_end(tmp_path):
    lines = '{"story": "Era uma vez."}\n' * 3
    assert reading_texts(write(tmp_path / "a.jsonl", lines + "{"), "a.jsonl") is None
    assert reading_texts(write(tmp_path / "b.json", '[{"texto": "a"}, {'), "b.json") is None
    assert reading_texts(write(tmp_path / "c.csv", "texto\nOlá\n"), "c.csv") is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (json.dumps([*SQUAD["data"], {"paragraphs": [{"qas": []}]}]), "part is missing: 'context'"),
        (json.dumps([*SQUAD["data"], 3]), "a part is missing"),
        (json.dumps(SQUAD)[:-5], "not valid JSON"),
    ],
)
def test_a_reading_test_that_is_broken_is_said(tmp_path, content, said):
    with pytest.raises(InputError, match=said):
        reading_texts(write(tmp_path / "a.json", content), "a.json")
