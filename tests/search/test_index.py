"""Building, changing and searching an index through its public doors."""

import json

import pytest

pytest.importorskip("lxml")

from prosa.errors import InputError
from prosa.search import building, manifest
from prosa.search.forward import Unit
from prosa.search.index import build, open_index

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


@pytest.mark.parametrize("step", ["store.save_arrays", "manifest.write", "inverted.build"])
def test_a_run_that_is_cut_off_leaves_the_old_state_and_the_next_finishes(
    docs, tmp_path, monkeypatch, step
):
    build(docs, tmp_path / "indice")
    (docs / "lazer.txt").write_text("A sauna abre às quartas.\n", "utf-8")

    def killed(*_arguments):
        raise KeyboardInterrupt

    module, name = step.split(".")
    with monkeypatch.context() as patch:
        patch.setattr(getattr(building, module), name, killed)
        with pytest.raises(KeyboardInterrupt):
            build(docs, tmp_path / "indice")

    assert open_index(tmp_path / "indice").search("piscina")[0].text == PISCINA
    assert "sauna" in build(docs, tmp_path / "indice").search("sauna")[0].text


def test_an_index_that_is_open_stays_as_it_was_when_another_run_changes_it(docs, tmp_path):
    build(docs, tmp_path / "indice")
    opened = open_index(tmp_path / "indice")
    (docs / "lazer.txt").write_text("A sauna abre às quartas.\n", "utf-8")
    build(docs, tmp_path / "indice")

    assert opened.search("piscina")[0].text == PISCINA


def test_an_index_that_changes_while_it_is_opened_opens_in_its_new_state(
    docs, tmp_path, monkeypatch
):
    build(docs, tmp_path / "indice")
    old = manifest.read(tmp_path / "indice")
    (docs / "lazer.txt").write_text("A sauna abre às quartas.\n", "utf-8")
    build(docs, tmp_path / "indice")
    seen = iter([old])
    real = manifest.read
    monkeypatch.setattr(manifest, "read", lambda folder: next(seen, None) or real(folder))

    assert "sauna" in open_index(tmp_path / "indice").search("sauna")[0].text


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
    monkeypatch.setattr(building.manifest, "write", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        build(docs, tmp_path / "indice")

    assert [path.name for path in tmp_path.iterdir()] == ["docs"]


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

    path = tmp_path / "indice" / manifest.NAME
    path.write_text(
        path.read_text("utf-8").replace(f'"format": {manifest.FORMAT}', '"format": 99'), "utf-8"
    )
    with pytest.raises(InputError, match="newer version"):
        open_index(tmp_path / "indice")


def test_a_bad_document_among_others_is_named_and_passed_over(docs, tmp_path):
    (docs / "vazio.txt").write_text("", "utf-8")

    report = build(docs, tmp_path / "indice").report

    assert any(name.endswith("vazio.txt") for name in report.skipped)
    with pytest.raises(InputError, match="empty"):
        build(docs / "vazio.txt", tmp_path / "outro")
    assert len(open_index(tmp_path / "indice").search("x" * 20_000 + " piscina")) == 1


def test_a_wording_that_is_held_out_is_searched_for_as_if_it_were_not_there(tmp_path):
    """The first search gives the scores of an index that was made without the wording."""
    rows = [
        {"pergunta": "Vocês entregam no sábado?", "resposta": "Entregamos até o meio-dia."},
        {"pergunta": "Tem entrega no domingo?", "resposta": "Entregamos até o meio-dia."},
        {"pergunta": "Aceitam cartão?", "resposta": "Aceitamos cartões e Pix."},
    ]
    searcher = build(rows, tmp_path / "com").searcher
    unit = int((searcher.arrays.forward.unit_kinds == Unit.WORDING).nonzero()[0][1])

    assert 0 in searcher.find("domingo").passages
    assert 0 not in searcher.find("domingo", without_unit=unit).passages
    assert 0 in searcher.find("entregam", without_unit=unit).passages
