"""A first row of data is a record; a first row of names is none, also of names nobody knows."""

import pytest

from prosa.data.kinds import Kind
from prosa.data.read import read

REVIEWS = [
    "ótimo filme",
    "roteiro fraco e sem graça alguma do começo ao fim",
    "atores excelentes",
    "perdi meu tempo vendo isso",
    "a trilha sonora emociona muito",
    "não recomendo para ninguém",
] * 3
MOODS = ["positivo", "negativo"] * 9
LABELLED = list(zip(REVIEWS, MOODS, strict=True))
PAIRS = [
    ("bom dia a todos", "good morning everyone"),
    ("onde fica a praça", "where is the square"),
    ("eu moro numa casa amarela", "I live in a yellow house"),
    ("até amanhã", "see you tomorrow"),
]
ANSWERS = [
    ("O que é prosa?", "Um texto"),
    ("Quem escreveu?", "Ana"),
    ("Onde fica o rio?", "Longe daqui"),
]
CHAT = [
    ("quem é você", "sou um robô que conversa"),
    ("como vai a família", "vai muito bem obrigado"),
    ("me conte uma piada", "era uma vez um pinto sem graça"),
]
HEADERS = [
    ("coluna_a", "valor"),
    ("avaliacao_do_cliente", "tom_geral"),
    ("Opinião", "Tom"),
    ("Nome completo do produto", "Opinião geral dada"),
    ("texto", "rótulo"),
    ("xyz", "abc"),
]


def write(path, rows, delimiter=","):
    path.write_text("".join(delimiter.join(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("count", [2, 6, 18])
def test_a_labelled_table_without_a_header_keeps_its_first_row(tmp_path, delimiter, count):
    rows = [LABELLED[0], LABELLED[2], *LABELLED[1 : count - 1]]
    path = write(tmp_path / "a.csv", rows, delimiter)
    records = read(path, columns={"text": "1", "label": "2"})
    assert records.table.to_pylist() == [{"text": t, "label": m} for t, m in rows]


def test_a_label_may_stand_before_its_text(tmp_path):
    rows = [(mood, text) for text, mood in LABELLED]
    records = read(write(tmp_path / "a.csv", rows))
    assert records.kind == Kind.LABELLED
    assert records.table.num_rows == len(rows)


@pytest.mark.parametrize("rows", [PAIRS, ANSWERS, CHAT])
def test_pairs_and_questions_without_a_header_keep_their_first_row(tmp_path, rows):
    for kind in (Kind.PAIR, Kind.QUESTION_ANSWER):
        table = read(write(tmp_path / "a.csv", rows), kind=kind).table
        assert [tuple(row.values()) for row in table.to_pylist()] == rows


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("rows", [LABELLED, PAIRS, ANSWERS, CHAT])
def test_names_stay_names(tmp_path, header, rows):
    path = write(tmp_path / "a.csv", [header, *rows])
    assert read(path, kind="pair", columns={}).table.num_rows == len(rows)
    again = write(tmp_path / "b.csv", [header, *rows, header])
    assert read(again, kind="pair").columns["source"] == header[0]


def test_a_name_that_the_person_gives_makes_a_header(tmp_path):
    header = ("um texto de gente", "outro texto de gente")
    path = write(tmp_path / "a.csv", [header, *PAIRS])
    records = read(path, columns={"source": "um texto de gente", "target": header[1]})
    assert records.table.num_rows == len(PAIRS)


def test_a_file_of_names_alone_holds_no_records(tmp_path):
    path = write(tmp_path / "a.csv", [("nome completo da pessoa", "texto")])
    with pytest.raises(Exception, match="no records"):
        read(path)
