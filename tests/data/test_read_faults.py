"""Bad input gets one message: what is wrong, where, what was expected, what to do."""

import gzip
import json
import pickle
import random
import zipfile
from contextlib import suppress

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import prosa.data.read
from prosa.data import tables
from prosa.data.read import read
from prosa.errors import InputError, ProsaError

FAQ = 'pergunta,resposta\n"O que é?","Uma coisa.\nOutra."\nQuem?,Ana\n'


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refused(source, **arguments):
    """The one message with which a source is refused; it always comes with something to do."""
    with pytest.raises(InputError) as caught:
        read(source, **arguments)
    error = caught.value
    assert error.hint or error.expected
    assert "\n" not in str(error)
    return str(error)


@pytest.mark.parametrize(
    "content", ["", " \n\t\r\n", "\ufeff", b"\xff\xfe", gzip.compress(b"", mtime=0)]
)
@pytest.mark.parametrize("suffix", [".txt", ".csv", ".json", ".parquet", ""])
def test_empty_file(tmp_path, content, suffix):
    path = write(tmp_path / f"vazio{suffix}", content)
    assert refused(path).startswith(f"{path}: This file is empty.")


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", "texto\n"), ("a.json", "[]"), ("a.json", "{}"), ("a.json", '{"data": []}')],
)
def test_file_without_records(tmp_path, name, content):
    assert "no records" in refused(write(tmp_path / name, content))


@pytest.mark.parametrize("suffix", [".txt", ".md", ".txt.gz"])
def test_file_of_one_line_is_one_record(tmp_path, suffix):
    content = gzip.compress("Só isto.".encode()) if suffix.endswith("gz") else "Só isto."
    table = read(write(tmp_path / f"um{suffix}", content)).table
    assert table["text"].to_pylist() == ["Só isto."]


@pytest.mark.parametrize(
    ("row", "line", "found"),
    [
        ("Onde?\n", 5, 1),
        ("Onde?,Aqui,ali\n", 5, 3),
        ('"Onde\nfoi?",aqui,ali\n', 5, 3),
        ('\n\n"Onde?"\n', 7, 1),
    ],
)
def test_ragged_row_is_named_by_the_line_it_begins_on(tmp_path, row, line, found):
    path = write(tmp_path / "faq.csv", FAQ + row + FAQ)
    said = refused(path)
    assert said.startswith(f"{path}:{line}: This row has {found} column")
    assert "2 columns, as in the header: 'pergunta', 'resposta'" in said
    assert "double quotes" in said


def test_text_full_of_separators_is_no_table(tmp_path):
    path = write(tmp_path / "a.csv", "a," * 20_000 + "b\n")
    assert refused(path).startswith(f"{path}:1: This row has 20001 columns.")
    wide = write(
        tmp_path / "b.csv", ",".join(map("c{}".format, range(5000))) + "\n" + "x y," * 4999 + "z\n"
    )
    assert read(wide, columns={"text": "c4999"}).table["text"].to_pylist() == ["z"]


def test_ragged_row_far_behind_the_sample(tmp_path):
    path = write(
        tmp_path / "faq.csv", "sep=;\r\na;b\r\n" + "Oi, você;Olá\r\n" * 70_000 + "só um\r\n"
    )
    assert refused(path).startswith(f"{path}:70003: This row has 1 column.")


@pytest.mark.parametrize("rest", ["", "x,y\n" * 30_000])
def test_quote_that_never_closes_is_named_by_its_line(tmp_path, rest):
    path = write(tmp_path / "faq.csv", FAQ + 'Onde?,"Aqui\n' + rest)
    said = refused(path)
    assert said.startswith(f"{path}:5: A quote that opens in this row is never closed.")


def test_quote_that_never_closes_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "_ROW_CHARACTERS", 1000)
    path = write(tmp_path / "faq.csv", FAQ + 'Onde?,"Aqui\n' + "x,y\n" * 1000 + 'a,"b"\n')
    assert refused(path).startswith(f"{path}:5: A quote that opens in this row is never closed.")
    long = write(tmp_path / "longo.csv", FAQ + f"Onde?,{'x' * 5000}\n")
    assert read(long).table.num_rows == 3


def test_quote_that_closes_too_early_is_named_by_its_line(tmp_path):
    path = write(tmp_path / "faq.csv", FAQ + 'Onde?,"Na "praça" da vila"\n')
    said = refused(path)
    assert said.startswith(f"{path}:5: After the quote that closes a value there is more text.")


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("a.jsonl", '{"texto": "a"}\n{"texto": "b"\n{"texto": "c"}\n', "2:14"),
        ("a.jsonl", '{"texto": "a"\n{"texto": "b"}\n', "1:14"),
        ("a.jsonl", '\n{"texto": "a"}\n\n  {"texto": b}\n', "4:13"),
        ("a.json", '[{"texto": "a"},\n {"texto": "b",}]', "2:16"),
        ("a.json", '[{"texto": "a"}\n {"texto": "b"}]', "2:2"),
        ("a.json", '[{"texto": "a"},\n {"texto": "b', "2:12"),
        ("a.json", '[{"texto": "a"},\n\n', "3:1"),
        ("a.json", '{"data": [\n{"texto": "a"},\n{"texto" "b"}]}', "3:10"),
        ("a.json", '[{"texto": "a"}]\nfim', "2:1"),
        ("a.yaml", "- texto: a\n  - b\n", "2:3"),
    ],
)
def test_broken_json_is_named_by_line_and_column(tmp_path, name, content, place):
    path = write(tmp_path / name, content)
    said = refused(path)
    assert said.startswith(f"{path}:{place}: This is not valid")
    assert "Mend that place" in said


def test_broken_json_far_into_a_long_list(tmp_path):
    row = json.dumps({"texto": "Era uma vez. " * 100})
    path = write(tmp_path / "a.json", "[\n" + f"{row},\n" * 3000 + '{"texto": nada}\n]')
    assert refused(path).startswith(f"{path}:3002:11: This is not valid JSON (Expecting value).")


@pytest.mark.parametrize("content", ["[1, 2]", '[{"a": "b"}, null]', '"só"\n3\n'])
def test_json_that_holds_no_records(tmp_path, content):
    assert "neither an object nor a text" in refused(write(tmp_path / "a.json", content))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            [{"messages": [{"role": "user", "content": "Oi"}]}, {"messages": 3}],
            "messages: Record 2",
        ),
        ([{"translation": {"en": "a", "pt": "b"}}, {"translation": 3}], "translation.en: Record 2"),
        (
            [{"context": "c", "question": "q", "answers": {"text": ["c"], "answer_start": ["x"]}}],
            "answers: Record 1",
        ),
        ({"data": [{"paragraphs": [{"context": "c", "qas": [3]}]}]}, "Record 1 has another form"),
        (
            {"data": [{"paragraphs": []}, {"story": "a", "questions": 3, "answers": 3}]},
            "Record 2 has",
        ),
    ],
)
def test_values_of_another_shape_are_named_by_their_record(tmp_path, rows, said):
    path = write(tmp_path / "a.json", json.dumps(rows))
    assert f"{path}:" in refused(path)
    assert said in refused(path)


def test_json_nested_beyond_reason(tmp_path):
    assert "nested too deeply" in refused(write(tmp_path / "a.json", '[{"a":' + "[" * 200_000))


BINARY = {
    "PNG": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "PDF": b"%PDF-1.7\n%\xe2\xe3",
    "pickle": pickle.dumps({"texto": ["Olá"]}),
    "binary data": np.random.default_rng(0).bytes(5000),
    "binary": "Olá".encode() * 100 + b"\0",
}


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".json", ".parquet", ""])
@pytest.mark.parametrize("what", BINARY)
def test_binary_data_under_any_name(tmp_path, what, suffix):
    path = write(tmp_path / f"dados{suffix}", BINARY[what])
    said = refused(path)
    assert said.startswith(f"{path}: This is not text but")
    assert what in said


def test_office_document_renamed(tmp_path):
    with zipfile.ZipFile(tmp_path / "texto.txt", "w") as file:
        file.writestr("word/document.xml", "<x/>")
    assert "zip (docx" in refused(tmp_path / "texto.txt")


def test_latin_1_is_decoded_and_told(tmp_path):
    records = read(write(tmp_path / "a.txt", "Coração de “mãe” não se engana.\n".encode("cp1252")))
    assert records.table["text"].to_pylist() == ["Coração de “mãe” não se engana."]
    assert any("a.txt: read as cp1252" in note for note in records.notes)


def test_a_few_bytes_of_invalid_utf_8_lose_nothing_and_are_told(tmp_path):
    content = "A ação.\n".encode() * 50 + "A emoção.\n".encode("latin-1") + "À mão\x9d.\n".encode()
    content += b"\x81\n"
    records = read(write(tmp_path / "a.txt", content), records="line")
    assert records.table["text"].to_pylist()[-3:] == ["A emoção.", "À mão\x9d.", "\x81"]
    told = "a.txt: 3 bytes are not valid UTF-8 (first on line 51, 53)"
    assert any(told in note for note in records.notes)


def test_a_torn_packed_file(tmp_path):
    whole = gzip.compress(json.dumps([{"texto": "Olá " * n} for n in range(99)]).encode())
    assert "cut short" in refused(write(tmp_path / "a.json.gz", whole[:-20]))
    packed = pa.compress(b"Ol\xc3\xa1 " * 999, "zstd", asbytes=True)
    assert "cut short" in refused(write(tmp_path / "a.txt.zst", packed[:-9]))


def test_a_torn_parquet_file(tmp_path):
    pq.write_table(pa.table({"text": ["Olá"] * 99}), tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    assert "parquet file is broken" in refused(write(tmp_path / "b.parquet", whole[:-9]))
    assert "parquet file is broken" in refused(write(tmp_path / "c.parquet", "Olá, mundo."))


def test_a_single_line_of_50_mb(tmp_path):
    sentence = "Era uma vez uma linha que não acabava. "
    path = write(tmp_path / "a.txt", sentence * (50_000_000 // len(sentence.encode())))
    pieces = read(path).table["text"].to_pylist()
    assert max(map(len, pieces)) <= 1 << 20
    assert sum(piece.count("não acabava") for piece in pieces) == 50_000_000 // len(
        sentence.encode()
    )
    assert all(piece.startswith("Era") for piece in pieces)


def test_folder_without_data(tmp_path):
    said = refused(tmp_path)
    assert "no data in this folder" in said
    assert "txt, md, csv, tsv, json, jsonl, yaml, parquet" in said
    write(tmp_path / "foto.jpg", b"\xff\xd8\xff")
    write(tmp_path / "LICENSE.md", "MIT")
    assert "Found: foto.jpg, LICENSE.md" in refused(tmp_path)


def test_folder_of_different_kinds(tmp_path):
    write(tmp_path / "a.txt", "Olá.")
    write(tmp_path / "b.csv", FAQ)
    said = refused(tmp_path)
    assert f"{tmp_path / 'b.csv'}: This holds question-answer, but '{tmp_path / 'a.txt'}'" in said
    assert read(tmp_path / "b.csv", kind="text").table.num_rows == 2


def test_empty_file_in_a_folder_is_passed_over(tmp_path):
    write(tmp_path / "a.txt", "")
    write(tmp_path / "b.txt", "Olá.")
    records = read(tmp_path)
    assert records.table["text"].to_pylist() == ["Olá."]
    assert any("a.txt: empty, passed over" in note for note in records.notes)


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("livros.txt", "livro.txt"),
        ("LIVRO.TXT", "livro.txt"),
        ("livro.csv", "livro.txt"),
        ("historia", "historias"),
        ("nada/livro.txt", "no folder 'nada'"),
        ("zzz", "there are: dados, livro.txt"),
        ("dados/xyz", "there are: -"),
    ],
)
def test_unknown_path_says_what_is_near(tmp_path, asked, near):
    write(tmp_path / "livro.txt", "Olá.")
    (tmp_path / "dados").mkdir()
    said = refused(asked)
    assert f"no file, folder or sample '{asked}'" in said
    assert near in said
    assert "historias, perguntas" in said


def test_hub_without_a_network_says_so():
    said = refused("organização-que-não-há/dados".replace("ç", "c").replace("ã", "a"))
    assert "the Hugging Face hub cannot be reached" in said


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"])
def test_names_that_no_file_can_have(name):
    assert "no file, folder or sample" in refused(name)


def test_file_type_that_is_not_read(tmp_path):
    said = refused(write(tmp_path / "página.html", "<p>Olá"))
    assert "type '.html' are not read" in said
    assert "parquet" in said


def test_text_has_no_columns(tmp_path):
    path = write(tmp_path / "a.txt", "Olá.")
    assert "Plain text has no columns" in refused(path, kind="question-answer")
    assert "Plain text has no columns" in refused(path, columns={"text": "a"})


def test_records_of_an_unknown_sort(tmp_path):
    assert "line, paragraph, file" in refused(write(tmp_path / "a.txt", "Olá."), records="frase")


def test_an_unknown_split_is_named(tmp_path):
    rows = [{"text": "Olá", "split": "train"}] * 3000 + [{"text": "Olá", "split": "metade"}]
    assert "'metade' is no split" in refused(rows)


def test_full_disk_for_working_files(tmp_path, monkeypatch):
    (tmp_path / "cheio").mkdir()
    if not (tmp_path / "/dev/full").exists():
        pytest.skip("needs /dev/full")
    (tmp_path / "cheio" / "records.arrow").symlink_to("/dev/full")
    monkeypatch.setattr(prosa.data.read, "IN_MEMORY", 1000)
    monkeypatch.setattr(prosa.data.read, "scratch", lambda: tmp_path / "cheio")
    with pytest.raises(ProsaError, match=r"disk is full.*PROSA_CACHE"):
        read(write(tmp_path / "a.txt", "Uma linha.\n" * 100_000))


def damaged(content, generator):
    """A file with a piece cut out, doubled, overwritten or swapped for noise."""
    start, end = sorted(generator.choices(range(len(content) + 1), k=2))
    piece = generator.choice(
        [
            b"",
            content[start:end] * 2,
            b'"',
            b"\n",
            b"{",
            b"]",
            b",",
            b"\xe9",
            b"\0",
            generator.randbytes(9),
        ]
    )
    return content[:start] + piece + content[generator.choice([start, end]) :]


def test_damaged_files_are_read_or_refused_and_nothing_else(tmp_path):
    generator = random.Random(0)
    rows = [{"pergunta": f"É {n}?", "resposta": "Sim,\n" * (n % 3)} for n in range(12)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    whole = {
        "a.csv": (FAQ * 3).encode(),
        "a.json": json.dumps(rows, ensure_ascii=False, indent=1).encode(),
        "a.jsonl": "\n".join(map(json.dumps, rows)).encode(),
        "a.yaml": json.dumps(rows).encode(),
        "a.txt": FAQ.encode("utf-16"),
        "a.tsv.gz": gzip.compress(FAQ.replace(",", "\t").encode()),
        "a.parquet": (tmp_path / "a.parquet").read_bytes(),
    }
    refusals = 0
    for name, content in whole.items():
        for _number in range(60):
            try:
                assert read(write(tmp_path / name, damaged(content, generator))).table.num_rows
            except InputError:
                refusals += 1
    assert 100 < refusals < 400


def test_a_row_without_a_split_is_for_training(tmp_path):
    rows = [{"texto": f"Olá {n}", **({"split": "test"} if n % 2 else {})} for n in range(5000)]
    del rows[4001]["split"]
    lines = "\n".join(map(json.dumps, rows)) + '\n{"texto": "Tchau"}' * 2000
    table = read(write(tmp_path / "a.jsonl", lines)).table
    assert table["split"].to_pylist()[:2] == ["train", "test"]
    assert table["split"].to_pylist()[4001:] == [
        "train",
        "train",
        *["test", "train"] * 499,
        *["train"] * 1999,
    ]


DIGITS = "7" * 5000


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", '[{{"texto": "Olá", "id": {value}}}, {{"texto": "Tchau"}}]'),
        ("b.json", '{{"data": [{{"texto": "Olá", "id": {value}}}]}}'),
        ("a.jsonl", '{{"texto": "Olá", "id": 1}}\n{{"texto": "Tchau", "id": {value}}}\n'),
        ("a.yaml", "- texto: Olá\n  id: {value}\n"),
        ("a.csv", "texto,id\nOlá,{value}\n"),
    ],
)
@pytest.mark.parametrize(
    "value", [DIGITS, "-" + DIGITS, "1e999", "-1e999", "NaN", "1" + "0" * 400 + ".5"]
)
def test_numbers_beyond_reason_are_values_like_others(tmp_path, name, content, value):
    path = write(tmp_path / name, content.format(value=value))
    assert read(path).table["text"].to_pylist()[0] == "Olá"
    told = read(path, columns={"text": "id"}).table["text"].to_pylist()
    assert any(value in text for text in told) or value[-1] != "7"


def test_whole_numbers_of_any_size_from_python():
    assert (
        read([{"texto": "Olá", "label": int("7" * 4000) ** 2}], kind="labelled")
        .table["label"][0]
        .as_py()[:2]
    )
    assert "answers: Record 1" in refused(
        [{"context": "c", "question": "q", "answers": [{"text": "c", "start": float("inf")}]}]
    )


@pytest.mark.parametrize("depth", [500, 100_000])
@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("a.json", '[{"messages": ', "}]"),
        ("b.json", '{"messages": ', "}"),
        ("a.jsonl", '{"texto": "Olá"}\n{"texto": ', "}\n"),
        ("a.yaml", "- texto: ", "\n"),
    ],
)
def test_values_in_values_without_end(tmp_path, name, before, after, depth):
    path = write(tmp_path / name, f"{before}{'[' * depth}{']' * depth}{after}")
    with suppress(InputError):
        assert read(path).table.num_rows


def test_halves_of_characters_reach_no_name_and_no_message(tmp_path):
    rows = [{"texto": "a \ud83d", "b\udc41": "x", "messages": "\udc41"}] * 3
    for content in (json.dumps(rows), "\n".join(map(json.dumps, rows))):
        records = read(write(tmp_path / "a.json", content))
        assert records.table["text"].to_pylist() == ["a \ufffd"] * 3
        " ".join(records.notes).encode()
    refused([{"texto": "a", "split": "train"}] * 3000 + [{"split": "metade\ud83d"}]).encode()


@pytest.mark.parametrize("sign", ['"', "\r", " ", "\t", "é", "a"])
def test_any_sign_may_be_named_as_the_separator(tmp_path, sign):
    path = write(tmp_path / "a.csv", f"sep={sign}\ntexto{sign}n\nOlá{sign}x\n")
    with suppress(InputError):
        read(path, kind="text")
