"""Building, changing and searching an index through its public doors."""

import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("lxml")

from prosa.errors import InputError, ProsaError
from prosa.search import documents, folder, text
from prosa.search.build import build
from prosa.search.index import open_index
from prosa.search.store import FORMAT

CAFE = "O café da manhã é servido das seis às dez horas no salão azul."
PISCINA = "A piscina aquecida fecha às oito da noite e abre ao amanhecer."


@pytest.fixture
def docs(tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "cafe.md").write_text(f"# Refeições\n\n{CAFE}\n", "utf-8")
    (folder / "lazer.txt").write_text(f"{PISCINA}\n", "utf-8")
    (folder / "pagina.html").write_text(
        "<html><body><h1>Garagem</h1><script>roubar()</script>"
        "<p>O estacionamento custa trinta reais por dia.</p></body></html>",
        "utf-8",
    )
    return folder


def test_finds_a_passage_with_its_place_whatever_accents_are_typed(docs, tmp_path):
    index = build(docs, tmp_path / "indice")

    hit = index.search("a que horas servem o cafe da manha?")[0]

    assert hit.text == CAFE
    assert hit.source.endswith("cafe.md")
    assert "Refeições" in hit.location


def test_finds_a_misspelt_word_and_leaves_scripts_out(docs, tmp_path):
    index = build(docs, tmp_path / "indice")

    assert index.search("estacionamneto")[0].text == "O estacionamento custa trinta reais por dia."
    assert index.search("roubar") == []


def test_only_what_changed_is_read_again(docs, tmp_path):
    build(docs, tmp_path / "indice")
    (docs / "lazer.txt").write_text("A sauna abre às quartas.\n", "utf-8")
    (docs / "pagina.html").unlink()
    (docs / "novo.txt").write_text("O elevador panorâmico está em obras.\n", "utf-8")

    report = build(docs, tmp_path / "indice").report

    assert [len(part) for part in (report.added, report.replaced, report.removed)] == [1, 1, 1]
    assert len(report.kept) == 1
    index = open_index(tmp_path / "indice")
    assert index.search("piscina") == []
    assert "sauna" in index.search("quando abre a sauna?")[0].text
    assert index.search("café da manhã")[0].text == CAFE


@pytest.mark.parametrize("step", ["add", "remove", "commit"])
def test_a_run_that_is_cut_off_leaves_the_old_state_and_the_next_finishes(
    docs, tmp_path, monkeypatch, step
):
    build(docs, tmp_path / "indice")
    (docs / "lazer.txt").write_text("A sauna abre às quartas.\n", "utf-8")
    (docs / "pagina.html").unlink()

    def killed(*_arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(folder._Writer, step, killed)
        with pytest.raises(KeyboardInterrupt):
            build(docs, tmp_path / "indice")

    assert open_index(tmp_path / "indice").search("piscina")[0].text == PISCINA
    assert open_index(tmp_path / "indice").search("estacionamento")
    assert "sauna" in build(docs, tmp_path / "indice").search("sauna")[0].text
    assert open_index(tmp_path / "indice").search("piscina") == []


def test_an_index_that_is_open_stays_as_it_was_when_another_run_changes_it(docs, tmp_path):
    build(docs, tmp_path / "indice")
    opened = open_index(tmp_path / "indice")
    (docs / "lazer.txt").write_text("A sauna abre às quartas.\n", "utf-8")
    build(docs, tmp_path / "indice")

    assert opened.search("piscina")[0].text == PISCINA


def test_an_index_among_the_documents_is_none_of_them(docs):
    build(docs, docs / "indice")
    again = build(docs, docs / "indice")

    assert len(again.report.kept) == 3
    assert again.report.added == []
    with pytest.raises(InputError, match="no document"):
        build(docs / "indice", docs / "outro")


def test_a_file_of_a_folder_that_cannot_be_opened_is_named_and_passed_over(docs, tmp_path):
    (docs / "solto.txt").symlink_to("nada.txt")

    report = build(docs, tmp_path / "indice").report

    assert [name.rpartition("/")[2] for name in report.skipped] == ["solto.txt"]
    with pytest.raises(InputError):
        build(docs / "solto.txt", tmp_path / "outro")


def test_what_is_no_index_is_never_replaced(docs, tmp_path):
    (tmp_path / "notas").write_text("minhas", "utf-8")
    for place in (docs, tmp_path / "notas"):
        with pytest.raises(InputError, match="stays as it is") as caught:
            build(docs, place)
        assert "--overwrite" not in str(caught.value)


def test_a_first_run_that_fails_leaves_nothing(docs, tmp_path, monkeypatch):
    monkeypatch.setattr(folder._Writer, "commit", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        build(docs, tmp_path / "indice")

    assert [path.name for path in tmp_path.iterdir()] == ["docs"]


@pytest.mark.parametrize(
    "fault",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        ValueError("An IO error occurred: 'No space left on device (os error 28)'"),
        ValueError("An error occurred in a thread: 'An index writer was killed..'"),
    ],
)
@pytest.mark.parametrize("step", ["add", "commit"])
def test_a_full_disk_is_one_message_and_leaves_the_old_state_alone(
    docs, tmp_path, monkeypatch, step, fault
):
    build(docs, tmp_path / "indice")
    (docs / "lazer.txt").write_text("A sauna abre às quartas.\n", "utf-8")

    def full(*_arguments):
        raise fault

    monkeypatch.setattr(folder._Writer, step, full)
    monkeypatch.setattr(folder, "disk_usage", lambda _place: SimpleNamespace(free=1000))
    for place in ("indice", "outro"):
        with pytest.raises(ProsaError, match="disk is full"):
            build(docs, tmp_path / place)

    assert open_index(tmp_path / "indice").search("piscina")[0].text == PISCINA
    assert not list(tmp_path.glob("*outro*"))


def test_a_pair_keeps_every_wording(tmp_path):
    rows = [
        {"pergunta": "Vocês entregam no sábado?", "resposta": "Entregamos até o meio-dia."},
        {"pergunta": "Tem entrega no fim de semana?", "resposta": "Entregamos até o meio-dia."},
        {"pergunta": "Aceitam cartão?", "resposta": "Aceitamos cartões e Pix."},
    ]
    (tmp_path / "faq.json").write_text(json.dumps(rows), "utf-8")

    hit = build(tmp_path / "faq.json", tmp_path / "indice").search("entrega no sabado")[0]

    assert hit.text == "Entregamos até o meio-dia."
    assert len(hit.passage.wordings) == 2


def test_an_index_of_a_newer_version_and_an_empty_question_are_said(docs, tmp_path):
    index = build(docs, tmp_path / "indice")
    with pytest.raises(InputError, match="empty"):
        index.search("  ")

    path = tmp_path / "indice" / folder.NAME
    path.write_text(path.read_text("utf-8").replace(f'"format": {FORMAT}', '"format": 99'), "utf-8")
    with pytest.raises(InputError, match="newer version"):
        open_index(tmp_path / "indice")


def test_a_bad_document_among_others_is_named_and_passed_over(docs, tmp_path):
    (docs / "vazio.txt").write_text("", "utf-8")

    report = build(docs, tmp_path / "indice").report

    assert any(name.endswith("vazio.txt") for name in report.skipped)
    with pytest.raises(InputError, match="empty"):
        build(docs / "vazio.txt", tmp_path / "outro")
    assert len(open_index(tmp_path / "indice").search("x" * 20_000 + " piscina")) == 1


def test_a_wording_that_is_held_out_counts_for_nothing(tmp_path):
    rows = [
        {"pergunta": "Vocês entregam no sábado?", "resposta": "Entregamos até o meio-dia."},
        {"pergunta": "Tem entrega no domingo?", "resposta": "Entregamos até o meio-dia."},
        {"pergunta": "Aceitam cartão?", "resposta": "Aceitamos cartões e Pix."},
    ]
    index = build(rows, tmp_path / "com")
    [pair] = [row.id for row in index.store.rows(index.store.ids()) if row.passage.wordings[1:]]

    assert index.find("domingo").ids == [pair]
    assert index.find("domingo", without=(pair, 1)).ids == []
    assert index.find("entregam", without=(pair, 1)).ids == [pair]
    assert index.find("entregam", gone=[pair]).ids == []


def refuse(monkeypatch, place, number=errno.EIO):
    """Let the system refuse to open a file, or to list a folder."""
    real_open, real_scan = io.open, os.scandir

    def refused(path):
        if isinstance(path, str | os.PathLike) and Path(path) == place:
            raise OSError(number, os.strerror(number), str(path))

    def opened(path, *more, **options):
        refused(path)
        return real_open(path, *more, **options)

    def listed(path="."):
        refused(path)
        return real_scan(path)

    monkeypatch.setattr(io, "open", opened)
    monkeypatch.setattr(os, "scandir", listed)


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.ESTALE])
def test_a_file_that_cannot_be_read_for_a_moment_stays_in_the_index(
    docs, tmp_path, monkeypatch, number
):
    build(docs, tmp_path / "indice")
    (docs / "lazer.txt").write_text("A sauna abre às quartas.\n", "utf-8")
    with monkeypatch.context() as patch:
        refuse(patch, docs / "lazer.txt", number)
        report = build(docs, tmp_path / "indice").report

    [(name, why)] = report.skipped.items()
    assert name.endswith("lazer.txt")
    assert os.strerror(number) in why
    assert "stays" in why
    assert len(report.kept) == 3
    assert report.removed == report.replaced == []
    assert open_index(tmp_path / "indice").search("piscina")[0].text == PISCINA
    assert "sauna" in build(docs, tmp_path / "indice").search("sauna")[0].text


def test_a_source_that_the_system_refuses_to_look_at_is_one_message(docs, tmp_path, monkeypatch):
    build(docs, tmp_path / "indice")
    real = os.stat

    def refused(path, **options):
        if isinstance(path, str | os.PathLike) and Path(path).is_relative_to(docs):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", refused)
        with pytest.raises(InputError, match="Permission denied"):
            build(docs / "lazer.txt", tmp_path / "indice")
    assert open_index(tmp_path / "indice").search("piscina")[0].text == PISCINA


def test_a_file_that_breaks_off_while_it_is_read_stays_as_it_was(docs, tmp_path, monkeypatch):
    build(docs, tmp_path / "indice")
    (docs / "lazer.txt").write_text("A sauna abre às quartas.\n", "utf-8")
    (docs / "novo.txt").write_text("O elevador panorâmico está em obras.\n", "utf-8")

    def broken(path, name):
        if path.name == "lazer.txt":
            raise OSError(errno.EIO, "Input/output error")
        yield from text.plain(path, name)

    with monkeypatch.context() as patch:
        patch.setitem(documents._READERS, ".txt", broken)
        made = build(docs, tmp_path / "indice")

    assert "stays" in next(iter(made.report.skipped.values()))
    assert [name.rpartition("/")[2] for name in made.report.added] == ["novo.txt"]
    assert made.report.replaced == []
    assert made.search("piscina")[0].text == PISCINA
    assert made.search("piscina")[0].source.endswith("lazer.txt")
    assert "elevador" in made.search("elevador")[0].text
    assert made.search("café da manhã")[0].source.endswith("cafe.md")
    assert "sauna" in build(docs, tmp_path / "indice").search("sauna")[0].text


def test_a_folder_that_cannot_be_listed_for_a_moment_keeps_its_documents(
    docs, tmp_path, monkeypatch
):
    (docs / "rede").mkdir()
    (docs / "rede" / "elevador.txt").write_text("O elevador está em obras.\n", "utf-8")
    build(docs, tmp_path / "indice")
    with monkeypatch.context() as patch:
        refuse(patch, docs / "rede")
        report = build(docs, tmp_path / "indice").report

    assert [name.rpartition("/")[2] for name in report.skipped] == ["rede"]
    assert report.removed == []
    assert "elevador" in open_index(tmp_path / "indice").search("elevador")[0].text


FIRST = """
import sys
from prosa.cli.app import run
from prosa.search import changes
real = changes.documents.find
def waits(source):
    print("pronto", flush=True)
    sys.stdin.readline()
    return real(source)
changes.documents.find = waits
sys.exit(run(["index", "docs", "-o", "indice"]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no locks there")
def test_of_two_first_runs_one_makes_the_index_and_the_other_says_so(docs, tmp_path):
    first = subprocess.Popen(
        [sys.executable, "-c", FIRST], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path
    )
    with first:
        first.stdout.readline()
        with pytest.raises(ProsaError, match=r"Another run .*/indice'"):
            build(docs, tmp_path / "indice")
        first.communicate(b"\n")
    assert first.returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["docs", "indice"]
    assert open_index(tmp_path / "indice").search("piscina")[0].text == PISCINA


def test_what_a_first_run_that_was_killed_has_left_is_taken_up(docs, tmp_path):
    build(docs, tmp_path / "indice")
    (tmp_path / "indice" / folder.NAME).unlink()  # it is written last
    with pytest.raises(InputError, match="no index here"):
        open_index(tmp_path / "indice")

    assert build(docs, tmp_path / "indice").search("piscina")[0].text == PISCINA


def test_an_index_of_the_old_format_is_said_to_need_indexing_again(docs, tmp_path):
    build(docs, tmp_path / "indice")
    path = tmp_path / "indice" / folder.NAME
    path.write_text(json.dumps({"format": 1, "documents": [{"number": 1}]}), "utf-8")
    for door in (open_index, lambda folder: build(docs, folder)):
        with pytest.raises(InputError, match=r"older version.*Index again"):
            door(tmp_path / "indice")
