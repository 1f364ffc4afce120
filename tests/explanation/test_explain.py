"""`prosa explain`: a folder with a page and pictures."""

import sys

import pytest
from tests.models.conftest import character_tokenizer, encoder_model, small_model

import prosa as library
from prosa.models.pretrained import save


@pytest.fixture
def model(tmp_path):
    trained = small_model("ngram", character_tokenizer())
    save(trained.model, trained.tokenizer, tmp_path / "modelo")
    return tmp_path / "modelo"


def test_a_page_and_a_png_of_each(model, tmp_path, prosa):
    pytest.importorskip("resvg_py")
    code, out, _err = prosa("explain", model, "A coruja", "-o", tmp_path / "fotos" / "uma")
    assert code == 0
    files = {path.name for path in (tmp_path / "fotos" / "uma").iterdir()}
    assert files == {"index.html", "tokens.png", "next-word.png", "back-off.png"}
    assert all(name in out for name in files)
    assert max(map(len, out.splitlines())) <= 80
    assert "pip install" not in out


def test_the_result_as_json(model, tmp_path, prosa_json):
    pytest.importorskip("resvg_py")
    found = prosa_json("explain", model, "A coruja", "-o", "fotos")
    assert found["text"] == "A coruja"
    assert found["page"] == str(tmp_path / "fotos" / "index.html")
    assert [one["name"] for one in found["pictures"]] == ["tokens", "next-word", "back-off"]
    for one in found["pictures"]:
        assert set(one) == {"name", "title", "explanation", "image", "figures"}
        assert one["image"] == str(tmp_path / "fotos" / f"{one['name']}.png")


def test_without_the_package_there_is_the_page_and_a_line(model, tmp_path, prosa, monkeypatch):
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    code, out, _err = prosa("explain", model, "A coruja", "-o", "fotos")
    assert code == 0
    assert [path.name for path in (tmp_path / "fotos").iterdir()] == ["index.html"]
    assert "pip install" in out
    assert "pip install" not in (tmp_path / "fotos" / "index.html").read_text("utf-8")


def test_the_page_speaks_portuguese(model, tmp_path, prosa):
    code, _out, _err = prosa("explain", model, "A coruja", "-o", "fotos", "--lang", "pt")
    assert code == 0
    assert '<html lang="pt-BR">' in (tmp_path / "fotos" / "index.html").read_text("utf-8")


def test_a_gap_is_asked_for(tmp_path, prosa):
    trained = encoder_model()
    save(trained.model, trained.tokenizer, tmp_path / "modelo")
    code, out, _err = prosa("explain", "modelo", "A gata subiu no muro.")
    assert code == 0
    assert "[MASK]" in out
    assert "[MASK]" in (tmp_path / "modelo-explained" / "index.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["modelo", " "], "no text to look at"),
        (["modelo", "a" * 200], "pictures hold"),
        (["outro", "A coruja"], "no model 'outro'"),
        (["modelo", "A coruja", "-o", "modelo"], "something here already"),
        (["modelo"], "TEXT"),
    ],
)
def test_bad_input_is_one_message_and_leaves_nothing(model, tmp_path, prosa, words, message):
    before = sorted(tmp_path.rglob("*"))
    code, out, err = prosa("explain", *words)
    assert code == 2
    assert message in err
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_an_index_is_no_model(tmp_path, prosa, faq_file):
    assert prosa("index", faq_file, "-o", tmp_path / "indice")[0] == 0
    code, _out, err = prosa("explain", tmp_path / "indice", "O gato")
    assert code == 2
    assert "An index has no model inside" in err


def test_a_folder_is_replaced_only_when_asked(model, tmp_path, prosa):
    assert prosa("explain", model, "A coruja", "-o", "fotos")[0] == 0
    code, _out, err = prosa("explain", model, "O menino", "-o", "fotos")
    assert code == 2
    assert "--overwrite" in err
    assert "A coruja" in (tmp_path / "fotos" / "index.html").read_text("utf-8")
    assert prosa("explain", model, "O menino", "-o", "fotos", "--overwrite")[0] == 0
    assert "O menino" in (tmp_path / "fotos" / "index.html").read_text("utf-8")


def test_from_python(model, tmp_path):
    done = library.explain(model, "A coruja", tmp_path / "fotos")
    assert done.page.is_file()
    assert [picture.name for picture in done.pictures] == ["tokens", "next-word", "back-off"]
    assert done.pictures[1].figures["candidates"]
