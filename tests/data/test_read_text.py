"""What a record of plain text is, and that nothing of the text is lost."""

import gzip

import pytest

from prosa.data import text
from prosa.data.kinds import Kind
from prosa.data.read import read

SENTENCES = ["O gato subiu no telhado.", "A vizinha chamou: — Desce!", "E ele não desceu?", "Não."]
WRAPPED = """Era uma vez, num reino muito distante, uma menina que gostava de
contar as estrelas. Todas as noites ela subia ao telhado da casa da
avó, levava um caderno e um lápis, e escrevia um número novo ao lado
do número da noite anterior, até que o caderno acabou e ela teve de
pedir outro à mãe, que não sabia de nada e achou muita graça naquilo.
Foi assim que a família inteira passou a subir ao telhado com ela e
descobriu que o céu, visto dali, era bem maior do que parecia."""


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def texts(path, **arguments):
    records = read(path, **arguments)
    assert records.kind == Kind.TEXT
    assert records.table.column_names == ["text"]
    return records.table["text"].to_pylist()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "{end}", "{end}{end} {end}"])
def test_sentences_on_lines_are_records(tmp_path, end, last):
    path = write(tmp_path / "a.txt", end.join(SENTENCES) + last.format(end=end))
    assert texts(path) == SENTENCES


@pytest.mark.parametrize(
    "lines",
    [
        ["banana", "maçã", "pêra", "caju"],
        ["Juros sobem outra vez", "Time vence fora", "Chuva alaga a praça"],
        ["o gato subiu no telhado .", "a vizinha chamou .", "ele não desceu ."],
        [f"{'frase ' * n}sem ponto nem maiúscula alguma" for n in range(1, 20)],
    ],
)
def test_short_items_on_lines_are_records(tmp_path, lines):
    assert texts(write(tmp_path / "a.txt", "\n".join(lines))) == lines


@pytest.mark.parametrize(
    "content",
    [WRAPPED, "\n\n".join(SENTENCES), "# Título\n\nUm parágrafo.\nOutra linha.", "Uma linha só."],
)
@pytest.mark.parametrize("name", ["a.txt", "a.md"])
def test_running_text_is_one_record(tmp_path, content, name):
    assert texts(write(tmp_path / name, content + "\n")) == [content]


def test_wrapped_lines_with_windows_ends_are_running_text(tmp_path):
    path = write(tmp_path / "a.txt", WRAPPED.replace("\n", "\r\n"))
    assert texts(path) == [WRAPPED]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ("line", ["Um,", "dois.", "Três."]),
        ("paragraph", ["Um,\ndois.", "Três."]),
        ("file", ["Um,\ndois.\n \n\nTrês."]),
    ],
)
def test_what_a_record_is_can_be_said(tmp_path, records, expected):
    path = write(tmp_path / "a.txt.gz", gzip.compress("Um,\ndois.\n \n\nTrês.\n".encode()))
    assert texts(path, records=records) == expected


def test_raw_lines_stay_as_they_stand(tmp_path):
    content = "  um  \r\n\n\u2028dois\x0ctrês\x85\n\t\n# quatro"
    assert texts(write(tmp_path / "a.txt", content), raw=True) == [
        "  um  \r",
        "\u2028dois\x0ctrês\x85",
        "# quatro",
    ]


def test_files_in_a_folder_are_documents(tmp_path):
    for number in range(3):
        write(tmp_path / f"{number}.txt", f"Título {number}\nUma frase.\nOutra frase.")
    found = texts(tmp_path)
    assert found == [f"Título {n}\nUma frase.\nOutra frase." for n in range(3)]
    assert texts(tmp_path, records="line")[:2] == ["Título 0", "Uma frase."]


def test_long_lists_in_a_folder_stay_lists(tmp_path):
    for name in ("a", "b"):
        write(tmp_path / f"{name}.txt", f"Uma frase de {name}.\n" * text.SHARD_LINES)
    assert len(texts(tmp_path)) == 2 * text.SHARD_LINES


@pytest.mark.parametrize(
    ("paragraph", "start"),
    [
        ("Um parágrafo que fala de tudo.\nEle tem linhas.\n\n", "Um parágrafo"),
        ("uma linha que continua\ne continua\n", ""),
        ("Uma frase sem fim de linha. ", "Uma"),
        ("palavras sem ponto ", ""),
        ("ininterrupto", ""),
    ],
)
def test_long_running_text_is_cut_at_the_best_border(tmp_path, monkeypatch, paragraph, start):
    monkeypatch.setattr(text, "WHOLE", 8000)
    monkeypatch.setattr(text, "PIECE", 1000)
    monkeypatch.setattr(text, "_BLOCK", 3000)
    whole = paragraph * (60_000 // len(paragraph))
    path = write(tmp_path / "a.txt", whole)
    pieces = texts(path, records="file")
    assert len(pieces) > 30
    assert max(map(len, pieces)) <= 1000
    assert all(piece.startswith(start) for piece in pieces)
    assert "".join(pieces).replace("\n", "") == whole.replace("\n", "")
    assert "piece of about 1 MB" in " ".join(read(path, records="file").notes)


def test_a_long_line_among_others_stays_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "_BLOCK", 100)
    lines = ["Curta.", "Longa e sem fim " * 50 + ".", "Outra curta."]
    assert texts(write(tmp_path / "a.txt", "\n".join(lines))) == lines
    assert texts(write(tmp_path / "b.txt", "x" * 1000)) == ["x" * 1000]


def test_what_a_record_is_was_told(tmp_path):
    assert "a record is a line" in " ".join(read(write(tmp_path / "a.txt", "Um.\nDois.")).notes)
    assert "a whole file" in " ".join(read(write(tmp_path / "a.txt", WRAPPED)).notes)
    assert "as it stands" in " ".join(read(tmp_path / "a.txt", raw=True).notes)
