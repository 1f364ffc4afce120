"""Documents that are dropped in: kept under their names, read or refused, asked, filled in."""

import pytest

from prosa.answering.answerer import Answerer
from prosa.errors import InputError
from prosa.search.index import open_index
from prosa.server.collection import Collection, collections, file_name, free_name
from prosa.verbs.answering import index

CAFE = "O café da manhã é servido das seis às dez horas no salão azul."
PISCINA = "A piscina aquecida fecha às oito da noite e abre ao amanhecer."


@pytest.fixture
def made(tmp_path):
    return Collection(tmp_path / "indices", "hotel")


@pytest.fixture
def upload(tmp_path):
    """A file as the page keeps it: under a name of its own in a folder for temporary ones."""

    def write(name, content):
        folder = tmp_path / "gradio"
        folder.mkdir(exist_ok=True)
        path = folder / f"{len(list(folder.iterdir()))}.upload"
        path = path.with_suffix("." + name.rsplit(".", 1)[-1]) if "." in name else path
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return name, path

    return write


def ask(made, question):
    return Answerer(open_index(made.place), 0.5).ask(question)


def test_documents_keep_their_names_and_answer(made, upload, tmp_path):
    report = made.add([upload("Café da manhã.txt", CAFE), upload("lazer.md", PISCINA)])
    assert sorted(report.added) == ["Café da manhã.txt", "lazer.md"]
    assert made.documents() == {"Café da manhã.txt": 1, "lazer.md": 1}
    assert collections(tmp_path / "indices") == ["hotel"]
    answer = ask(made, "A que horas é servido o café da manhã?")
    assert answer.citations[0].source == "Café da manhã.txt"
    assert "dez horas" in answer.answer


def test_what_cannot_be_read_is_said_by_name_and_not_kept(made, upload, tmp_path):
    report = made.add(
        [
            upload("lazer.txt", PISCINA),
            upload("foto.pdf", b"\x89PNG\r\n\x1a\n nothing"),
            upload("tabela.csv", b'a,b\n"1,2\n3'),
            upload("vazio.txt", ""),
            upload("filme.mp4", b"\0\0\0 ftyp"),
        ],
    )
    assert report.added == ["lazer.txt"]
    assert {"foto.pdf", "vazio.txt", "filme.mp4"} <= set(report.skipped)
    assert not any(str(tmp_path) in why for why in report.skipped.values())
    kept = tmp_path / "indices" / "hotel.documents" / "files"
    assert {path.name for path in kept.iterdir()} == {"lazer.txt"} | (
        {"tabela.csv"} - set(report.skipped)
    )


def test_where_nothing_can_be_read_nothing_stays(made, upload, tmp_path):
    with pytest.raises(InputError) as told:
        made.add([upload("foto.pdf", b"no pdf at all")])
    assert "foto.pdf" in str(told.value)
    assert str(tmp_path) not in str(told.value)
    assert made.documents() == {}
    assert not (tmp_path / "indices" / "hotel.documents").exists()
    assert collections(tmp_path / "indices") == []


def test_a_broken_table_is_named_without_its_place(made, upload, tmp_path):
    with pytest.raises(InputError) as told:
        made.add([upload("dados.json", "{nope")])
    assert "dados.json" in str(told.value)
    assert str(tmp_path) not in str(told.value)


def test_a_document_of_the_same_name_takes_its_place_and_one_can_be_taken_out(made, upload):
    made.add([upload("a.txt", CAFE), upload("b.txt", PISCINA)])
    report = made.add([upload("a.txt", "O elevador para no quinto andar.")])
    assert report.replaced == ["a.txt"]
    made.remove(["b.txt"])
    assert list(made.documents()) == ["a.txt"]
    with pytest.raises(InputError, match=r"b\.txt"):
        made.remove(["b.txt"])
    made.remove(["a.txt"])
    assert not made.place.exists()
    assert made.documents() == {}


def test_two_of_one_name_in_one_drop_are_both_read(made, upload):
    made.add([upload("sub/a.txt", CAFE), upload("other/a.txt", PISCINA)])
    assert set(made.documents()) == {"a.txt", "a (2).txt"}


def test_a_question_without_an_answer_is_listed_filled_in_and_answered(made, upload):
    made.add([upload("cafe.txt", CAFE)])
    question = "Vocês aceitam <b>cachorros</b> no hotel?"
    for _time in range(2):
        answer = ask(made, question)
        assert answer.abstained
        made.note(answer)
    made.note(ask(made, "Quantos dragões cabem em Zorblax?"))
    assert list(made.unanswered().items()) == [
        ("Quantos dragões cabem em Zorblax?", 1),
        (question, 2),
    ]
    made.fill_in(question, "Sim, até dez quilos & sem custo.")
    assert list(made.unanswered()) == ["Quantos dragões cabem em Zorblax?"]
    answer = ask(made, question)
    assert answer.answer == "Sim, até dez quilos & sem custo."
    assert answer.citations[0].source == "your own answers"
    made.dismiss("Quantos dragões cabem em Zorblax?")
    assert made.unanswered() == {}
    made.fill_in("E gatos?", "Também.")
    assert made.documents()["your own answers"] == 2
    made.remove(["cafe.txt"])
    assert list(made.documents()) == ["your own answers"]


@pytest.mark.parametrize("pair", [("", "x"), ("x?", ""), ("x?", " \n")])
def test_an_empty_answer_is_refused(made, upload, pair):
    made.add([upload("cafe.txt", CAFE)])
    with pytest.raises(InputError, match="empty"):
        made.fill_in(*pair)


def test_a_broken_list_begins_anew(made, upload, tmp_path):
    made.add([upload("cafe.txt", CAFE)])
    (tmp_path / "indices" / "hotel.documents" / "unanswered.json").write_text("[1, {", "utf-8")
    assert made.unanswered() == {}
    made.note(ask(made, "Quantos dragões cabem em Zorblax?"))
    assert len(made.unanswered()) == 1


@pytest.mark.parametrize("name", ["../x", "", "a/b", ".x", "..", "a\0"])
def test_a_name_leads_nowhere_else(tmp_path, name):
    with pytest.raises(InputError):
        Collection(tmp_path, name)


def test_names_of_files_are_theirs_alone():
    assert file_name("../../etc/passwd") == "passwd"
    assert file_name("Relatório final (2).docx") == "Relatório final (2).docx"
    assert file_name(".bashrc") == "bashrc"
    for name in ("", "..", "/", "\0"):
        with pytest.raises(InputError):
            file_name(name)


def test_a_new_collection_has_a_name_of_its_own(made, upload, tmp_path):
    folder = tmp_path / "indices"
    assert free_name(folder, "Hotel") == "hotel"
    made.add([upload("cafe.txt", CAFE)])
    assert free_name(folder, "Hotel!") == "hotel-2"
    assert free_name(folder, "???") == "data"


def test_an_index_of_the_terminal_takes_more_documents_and_gives_them_back(upload, tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "cafe.txt").write_text(CAFE, "utf-8")
    index("docs", tmp_path / "indices" / "Meu_Hotel")
    made = Collection(tmp_path / "indices", "Meu_Hotel")
    made.add([upload("lazer.txt", PISCINA)])
    assert set(made.documents()) == {"docs/cafe.txt", "lazer.txt"}
    made.remove(["docs/cafe.txt"])
    assert set(made.documents()) == {"lazer.txt"}
    assert (tmp_path / "docs" / "cafe.txt").exists()
