"""Documents of every kind that are broken, locked, empty or large."""

import time

import docx
import pypdf
import pytest

from prosa.errors import InputError
from prosa.search import documents, text
from prosa.search.build import build
from prosa.search.documents import find


def page_of(text):
    """A PDF page with a text layer, by hand: pypdf writes none."""
    writer = pypdf.PdfWriter()
    page = writer.add_blank_page(300, 300)
    if text:
        from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

        font = DictionaryObject(
            {
                NameObject("/Type"): NameObject("/Font"),
                NameObject("/Subtype"): NameObject("/Type1"),
                NameObject("/BaseFont"): NameObject("/Helvetica"),
            }
        )
        fonts = DictionaryObject({NameObject("/F1"): writer._add_object(font)})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode("latin-1"))
        page[NameObject("/Contents")] = writer._add_object(stream)
    return writer


def test_a_pdf_is_found_by_its_page(tmp_path):
    page_of("O cofre abre com duas chaves de bronze.").write(tmp_path / "cofre.pdf")
    hit = build(tmp_path / "cofre.pdf", tmp_path / "i").search("como abrir o cofre?")[0]
    assert hit.text == "O cofre abre com duas chaves de bronze."
    assert hit.location == "page 1"


def test_a_scan_and_an_encrypted_pdf_say_so(tmp_path):
    page_of("").write(tmp_path / "digitalizado.pdf")
    locked = page_of("Nada a ver aqui, siga em frente.")
    locked.encrypt("segredo", algorithm="RC4-128")
    locked.write(tmp_path / "trancado.pdf")
    for name, said in (("digitalizado.pdf", "without a text layer"), ("trancado.pdf", "password")):
        with pytest.raises(InputError, match=said) as caught:
            build(tmp_path / name, tmp_path / "i")
        assert name in str(caught.value)
        assert not (tmp_path / "i").exists()


def test_broken_files_are_one_message(tmp_path):
    good = docx.Document()
    good.add_heading("Chaves", 1)
    good.add_paragraph("A chave do cofre fica na recepção.")
    good.save(tmp_path / "bom.docx")
    whole = (tmp_path / "bom.docx").read_bytes()
    assert "Chaves" in build(tmp_path / "bom.docx", tmp_path / "bom").search("chave")[0].location
    broken = {
        "cortado.docx": whole[: len(whole) // 2],
        "falso.docx": b"isto nao e um docx",
        "velho.docx": b"\xd0\xcf\x11\xe0" + bytes(600),
        "cortado.pdf": b"%PDF-1.7\n1 0 obj\n<<",
        "vazio.txt": b"",
        "branco.txt": b" \n\n ",
        "binario.txt": bytes(range(256)) * 64,
        "vazio.docx": b"",
        "vazio.pdf": b"",
        "ruim.json": b'[{"pergunta": "a"},\n {"pergunta": }]',
    }
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError) as caught:
            build(tmp_path / name, tmp_path / "i")
        assert name in str(caught.value), name
        assert not (tmp_path / "i").exists()


def test_bad_documents_among_good_ones_are_named_and_passed_over(tmp_path):
    page_of("").write(tmp_path / "digitalizado.pdf")
    (tmp_path / "bom.txt").write_text("O sino toca ao meio-dia.\n", "utf-8")
    (tmp_path / "falso.docx").write_bytes(b"nada")
    made = build(tmp_path, tmp_path.parent / f"{tmp_path.name}-i")
    assert len(made.report.skipped) == 2
    assert "text layer" in " ".join(made.report.skipped.values())
    assert made.search("quando toca o sino?")[0].source.endswith("bom.txt")


def test_a_large_text_file_flows(tmp_path):
    """Lines without end and none at all."""
    words = "O número {n} da lista pertence ao armário {m} do corredor central.\n"
    text = "".join(words.format(n=n, m=n % 97) + "\n" * (n % 5 == 0) for n in range(8000))
    text += "palavra " * 20_000 + "\n\nA agulha dourada está no palheiro.\n"
    (tmp_path / "grande.txt").write_text(text, "utf-8")
    made = build(tmp_path / "grande.txt", tmp_path / "i")
    hit = made.search("onde está a agulha dourada?")[0]
    assert "palheiro" in hit.text
    assert max(len(one.text) for one in made.search("palavra")) < 20_000


def test_a_group_of_the_author_is_no_answer(tmp_path):
    """The column is a topic here: every answer of it is found."""
    (tmp_path / "faq.csv").write_text(
        "question,answer,group\n"
        "Onde fica a loja?,Na rua das Flores.,loja\n"
        "Quando abre a loja?,Das nove às dezoito horas.,loja\n"
        "A loja abre que horas?,Das nove às dezoito horas.,horários\n",
        "utf-8",
    )
    made = build(tmp_path / "faq.csv", tmp_path / "i")
    assert len(made) == 2
    assert made.search("Onde fica a loja?")[0].text == "Na rua das Flores."
    hit = made.search("Quando abre a loja?")[0]
    assert hit.text == "Das nove às dezoito horas."
    assert len(hit.passage.wordings) == 2


def test_text_in_a_form_is_kept_and_its_controls_are_not(tmp_path):
    (tmp_path / "pagina.html").write_text(
        "<html><body><form action='/x'><h1>Matrículas</h1>"
        "<p>As matrículas vão até o dia vinte de março.</p>"
        "<select><option>Acre</option><option>Alagoas</option></select>"
        "<button>Enviar agora</button><input value='Buscar'><textarea>Escreva aqui</textarea>"
        "<datalist><option>Sugestão</option></datalist>"
        "<div>O pagamento se faz na tesouraria.</div></form></body></html>",
        "utf-8",
    )
    made = build(tmp_path / "pagina.html", tmp_path / "i")
    hit = made.search("até quando vão as matrículas?")[0]
    assert hit.text.startswith("As matrículas vão até o dia vinte de março.")
    assert hit.location.endswith("Matrículas")
    assert "tesouraria" in made.search("onde se faz o pagamento?")[0].text
    for control in ("Alagoas", "Enviar", "Buscar", "Escreva", "Sugestão"):
        assert made.search(control) == []


def test_a_large_document_that_breaks_off_is_passed_over_whole(tmp_path):
    """More passages than are written at once stand before the fault; none of them stays."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.txt").write_text("O sino toca ao meio-dia.", "utf-8")
    (docs / "z.txt").write_text("A torre é de pedra.", "utf-8")
    long = "".join(f"O armário {n} guarda a caixa {n}, de madeira escura.\n\n" for n in range(9000))
    (docs / "m.txt").write_text(long, "utf-8")
    whole = build(docs, tmp_path / "inteiro")

    real = text.plain

    def torn(path, name):
        for number, block in enumerate(real(path, name)):
            if path.name == "m.txt" and number > 7000:
                raise InputError("torn", path=name)
            yield block

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(documents._READERS, ".txt", torn)
        made = build(docs, tmp_path / "i")
    assert [name.rpartition("/")[2] for name in made.report.skipped] == ["m.txt"]
    assert len(made) == 2 < len(whole)
    assert made.search("armário caixa madeira") == []
    assert "sino" in made.search("sino")[0].text
    assert "torre" in made.search("torre de pedra")[0].text


RUNS = [
    ".", "!", "…", "-", "=", "*", "_", "|", "#", "[", "![", "<", "<!--", " ", ". ", "**a ", "*_",
    "_a ", "~~a", "[a](", "![a](", "[a][", "](", "|---", "a.b.", ' "', "# ", "*[a](b)", "<p>",
    "a-\n",
]  # fmt: skip


@pytest.mark.parametrize("name", ["a.md", "a.txt", "a.html"])
@pytest.mark.parametrize("first", ["", "# x", "| "])
def test_time_grows_with_the_length_whatever_stands_there(tmp_path, name, first):
    """Four times the text takes sixteen times as long where time is quadratic."""

    def seconds(run, length):
        content = "Uma linha.\n\n" + first + (run * length)[:length] + "x"
        (tmp_path / name).write_text(content, "utf-8")
        start = time.perf_counter()
        for document in find(str(tmp_path / name)):
            list(document.passages())
        return time.perf_counter() - start

    for run in RUNS:
        assert seconds(run, 60_000) < 10 * seconds(run, 15_000) + 0.5, run
