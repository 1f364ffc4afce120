"""The door takes every format, packing, place and object, and gives the same records."""

import bz2
import gzip
import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import prosa.data.read
from prosa import samples
from prosa.data.kinds import Kind
from prosa.data.read import read

ROWS = [
    {"pergunta": "O que é uma célula?", "resposta": "A menor parte viva.\nHá muitas."},
    {"pergunta": 'O que é "DNA"?', "resposta": "Uma molécula; longa, em fita."},
    {"pergunta": "E o coração?", "resposta": "Um músculo."},
]
EXPECTED = [{"question": row["pergunta"], "answer": row["resposta"]} for row in ROWS]


def csv(delimiter=",", quote=True):
    def cell(value):
        return '"' + value.replace('"', '""') + '"' if quote else value

    lines = [list(ROWS[0]), *(row.values() for row in ROWS)]
    return "".join(delimiter.join(map(cell, line)) + "\r\n" for line in lines)


def parquet():
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), file)
    return file.getvalue()


JSON = json.dumps(ROWS, ensure_ascii=False)
LINES = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS) + "\n"
COLUMNS = {name: [row[name] for row in ROWS] for name in ROWS[0]}
FORMATS = {
    "vírgula.csv": csv(),
    "ponto-e-vírgula.csv": csv(";"),
    "barra.csv": csv("|"),
    "tabulação.tsv": csv("\t"),
    "excel.csv": "sep=;\r\n" + csv(";"),
    "lista.json": JSON,
    "recuada.json": json.dumps(ROWS, indent=2),
    "dados.json": json.dumps({"version": 1, "data": ROWS}),
    "nome.json": json.dumps({"faq": ROWS, "autor": "Ana"}),
    "colunas.json": json.dumps(COLUMNS),
    "pandas.json": pa.Table.from_pylist(ROWS).to_pandas().to_json(),
    "objeto.json": json.dumps({row["pergunta"]: row["resposta"] for row in ROWS}),
    "linhas.jsonl": LINES,
    "linhas-com-outro-nome.json": LINES,
    "lista-com-outro-nome.jsonl": json.dumps(ROWS, indent=2),
    "linhas-em-branco.ndjson": "\n\n" + LINES.replace("\n", "\n\n"),
    "lista.yaml": JSON,
    "dados.parquet": parquet(),
}


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_records(tmp_path, name):
    records = read(write(tmp_path / name, FORMATS[name]))
    assert records.kind == Kind.QUESTION_ANSWER
    assert records.table.to_pylist() == EXPECTED
    assert records.source == str(tmp_path / name)


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".zst"])
@pytest.mark.parametrize("name", ["vírgula.csv", "linhas.jsonl", "recuada.json"])
def test_packed_files_are_unpacked_on_the_way(tmp_path, name, suffix):
    pack = {
        ".gz": gzip.compress,
        ".bz2": bz2.compress,
        ".zst": lambda data: pa.compress(data, "zstd", asbytes=True),
    }[suffix]
    path = write(tmp_path / (name + suffix), pack(FORMATS[name].encode()))
    assert read(path).table.to_pylist() == EXPECTED


@pytest.mark.parametrize(
    ("content", "encoding", "told"),
    [
        (csv(), "utf-8", None),
        (csv(), "utf-8-sig", None),
        (csv(), "utf-16", "UTF-16"),
        (csv(), "latin-1", "cp1252"),
        (JSON, "utf-8-sig", None),
        (JSON, "utf-16", "UTF-16"),
        (LINES, "latin-1", "cp1252"),
    ],
)
def test_encodings_are_recognised(tmp_path, content, encoding, told):
    name = "dados.csv" if content == csv() else "dados.json"
    records = read(write(tmp_path / name, content.encode(encoding)))
    assert records.table.to_pylist() == EXPECTED
    assert told is None or any(f"{name}: read as {told}" in note for note in records.notes)


def test_dialogues_in_yaml_stay_as_they_were_written(tmp_path):
    text = (
        "categories:\n- conversa\nconversations:\n- - Tudo bem?\n  - no\n- - Quanto é?\n  - 1.0\n"
    )
    records = read(write(tmp_path / "conversa.yml", text))
    assert records.kind == Kind.CONVERSATION
    assert records.table["messages"].to_pylist()[1] == [
        {"role": "user", "content": "Quanto é?"},
        {"role": "assistant", "content": "1.0"},
    ]


def test_squad_of_both_versions(tmp_path):
    asked = [
        {"question": "Onde?", "answers": [{"text": "Olinda", "answer_start": 3}]},
        {"question": "Quem?", "is_impossible": True, "answers": [], "plausible_answers": [{}]},
    ]
    paragraphs = [
        {"context": "Em Olinda &quot;x&quot;.", "qas": asked},
        {"context": "b", "qas": asked},
    ]
    squad = {"version": "v2.0", "data": [{"title": "Cidades", "paragraphs": paragraphs}]}
    records = read(write(tmp_path / "squad.json", json.dumps(squad)))
    assert records.kind == Kind.SPAN_QA
    table = records.table
    assert table["context"][0].as_py() == "Em Olinda &quot;x&quot;."
    assert table["answers"].to_pylist()[:2] == [[{"text": "Olinda", "start": 3}], []]
    groups = table["group"].to_pylist()
    assert groups[0] == groups[1] != groups[2] == groups[3]


def test_coqa_is_a_conversation_that_opens_with_the_story(tmp_path):
    story = {
        "story": "Ana tem um gato.",
        "questions": [{"input_text": "Quem?"}, {"input_text": "O quê?"}],
        "answers": [{"input_text": "Ana"}, {"input_text": "um gato"}],
    }
    turns = read(write(tmp_path / "coqa.json", json.dumps({"data": [story]}))).table["messages"]
    said = [turn["content"] for turn in turns.to_pylist()[0]]
    assert said == ["Ana tem um gato.\n\nQuem?", "Ana", "O quê?", "um gato"]


def test_a_column_of_text_may_hold_commas_without_quotes(tmp_path):
    path = write(
        tmp_path / "a.csv", 'texto\nOlá, tudo bem?\n"Sim, e ""você""?"\nBem, e daí, hein.\n'
    )
    table = read(path).table
    assert table["text"].to_pylist() == ["Olá, tudo bem?", 'Sim, e "você"?', "Bem, e daí, hein."]


def test_quotes_are_plain_characters_in_tabs_that_do_not_pair_them(tmp_path):
    path = write(tmp_path / "a.tsv", 'en\tpt\n"Hi, he said\t"Oi, disse\nBye\tTchau\n')
    assert read(path).table["target"].to_pylist() == ['"Oi, disse', "Tchau"]


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("Quem foi?,Um poeta.\nOnde foi?,No Rio.\n", ["1", "2"]),
        ("1,Uma frase\n2,Outra frase\n", ["1", "2"]),
        ("Qual é o seu nome?,Opinião\nAna,Muito boa\n", ["Qual é o seu nome?", "Opinião"]),
        ("id,texto,\n1,Oi,\n", ["id", "texto"]),
        (",texto\n0,Oi\n", ["1", "texto"]),
    ],
)
def test_header_is_there_or_not(tmp_path, content, columns):
    path = write(tmp_path / "a.csv", content)
    found = read(path, columns={"text": columns[1]})
    assert found.columns == {"text": columns[1]}
    unused = " ".join(found.notes)
    assert columns[0] in unused


def test_folder_of_mixed_formats_in_the_order_of_its_paths(tmp_path):
    write(tmp_path / "b.jsonl", LINES.splitlines()[2])
    (tmp_path / "a").mkdir()
    write(tmp_path / "a" / "x.csv.gz", gzip.compress(csv().encode()))
    write(tmp_path / ".escondido.csv", "lixo")
    write(tmp_path / "README.md", "# Sobre")
    write(tmp_path / "foto.png", b"\x89PNG")
    records = read(tmp_path)
    assert records.table.to_pylist() == [*EXPECTED, EXPECTED[2]]
    assert "Passed over in the folder: foto.png, README.md" in " ".join(records.notes)


@pytest.mark.parametrize(
    "names", [("train", "validation", "test"), ("treino-00000-of-00001", "dev", "teste")]
)
def test_file_names_give_the_split(tmp_path, names):
    for number, name in enumerate(names):
        pq.write_table(pa.table({"text": [f"Olá {number}"]}), tmp_path / f"{name}.parquet")
    write(tmp_path / "prosa.json", "{}")
    found = read(tmp_path).table.to_pylist()
    assert {row["text"]: row["split"] for row in found} == {
        "Olá 0": "train",
        "Olá 1": "validation",
        "Olá 2": "test",
    }


def test_what_was_prepared_without_a_test_side_is_all_for_training(tmp_path):
    pq.write_table(pa.table({"text": ["Olá"]}), tmp_path / "train.parquet")
    write(tmp_path / "prosa.json", "{}")
    assert read(tmp_path).table["split"].to_pylist() == ["train"]


def test_one_file_named_train_is_no_split(tmp_path):
    write(tmp_path / "train.txt", "Olá.\nTchau.\n")
    assert read(tmp_path).table.column_names == ["text"]


def test_an_object_of_splits(tmp_path):
    table = read(write(tmp_path / "a.json", json.dumps({"train": ROWS, "test": ROWS[:1]}))).table
    assert table["split"].to_pylist() == ["train"] * 3 + ["test"]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (csv(), Kind.QUESTION_ANSWER),
        (LINES, Kind.QUESTION_ANSWER),
        (parquet(), Kind.QUESTION_ANSWER),
        (gzip.compress(csv("\t").encode()), Kind.QUESTION_ANSWER),
        ("Era uma vez, num reino,\numa menina.\n\nFim.", Kind.TEXT),
    ],
    ids=["csv", "jsonl", "parquet", "tsv.gz", "txt"],
)
def test_standard_input_tells_its_format_by_itself(monkeypatch, content, kind):
    data = content if isinstance(content, bytes) else content.encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    records = read("-")
    assert records.kind == kind
    assert records.source == "standard input"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_a_pipe_is_read_like_standard_input(tmp_path):
    os.mkfifo(tmp_path / "cano")
    writer = threading.Thread(target=(tmp_path / "cano").write_text, args=(LINES,))
    writer.start()
    assert read(tmp_path / "cano").table.to_pylist() == EXPECTED
    writer.join()


def test_bundled_samples_by_name_unless_a_path_has_it(tmp_path, monkeypatch):
    monkeypatch.setattr(samples, "NAMES", ("histórias",))
    monkeypatch.setattr(samples, "rows", lambda name: iter([{"text": f"Era uma vez em {name}."}]))
    assert read("histórias").table["text"].to_pylist() == ["Era uma vez em histórias."]
    write(tmp_path / "histórias", "Outra história.")
    assert read("histórias").table["text"].to_pylist() == ["Outra história."]


def test_data_larger_than_the_limit_is_mapped_from_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(prosa.data.read, "IN_MEMORY", 1000)
    texts = [f"A linha número {number} desta história." for number in range(5000)]
    before = pa.total_allocated_bytes()
    table = read(write(tmp_path / "a.txt", "\n".join(texts))).table
    assert table["text"].to_pylist() == texts
    assert pa.total_allocated_bytes() - before < table.nbytes / 4
    assert table["text"].num_chunks == 1


def test_opening_the_door_loads_no_heavy_library():
    code = "import sys, prosa.data.read; print([m for m in sys.argv[1:] if m in sys.modules])"
    heavy = ["torch", "transformers", "datasets", "pandas", "polars", "tokenizers"]
    done = subprocess.run(
        [sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "dados.csv", csv())
    assert read("~/dados.csv").table.num_rows == 3
    assert Path("~/dados.csv").expanduser() == tmp_path / "dados.csv"
