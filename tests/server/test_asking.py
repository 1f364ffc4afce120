"""The tab Ask in a real browser: documents dropped in, asked, and a question that is filled in."""

import pytest
from tests.server.browser import needs_browser

pytestmark = needs_browser

CAFE = "O café da manhã é servido das seis às dez horas <img src=x onerror=alert(1)>. Depois fecha."
PISCINA = "A piscina aquecida fecha às oito da noite e abre ao amanhecer. Crianças nadam de manhã."


class Ask:
    """What a person does in the tab."""

    def __init__(self, visit):
        self.visit, self.page = visit, visit.page
        visit.tab("Ask")
        self.question = self.page.get_by_role("textbox", name="Question")

    def drop(self, *paths):
        places = self.page.locator(
            "[id$=panel]:not([style*=none]) input[type=file], input[type=file]"
        )
        places.last.set_input_files([str(path) for path in paths])

    def ask(self, text):
        self.question.fill(text)
        self.question.press("Enter")

    def table(self, name):
        return self.page.get_by_role("row").filter(has_text=name)

    def until_gone(self, text):
        self.page.get_by_text(text).filter(visible=True).wait_for(state="detached")


@pytest.fixture
def documents(tmp_path):
    folder = tmp_path / "meus"
    folder.mkdir()
    (folder / "Café da manhã (novo).txt").write_text(CAFE, "utf-8")
    (folder / "lazer.md").write_text(f"# Lazer & <b>piscina</b>\n\n{PISCINA}\n", "utf-8")
    (folder / "foto.pdf").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "filme.mp4").write_bytes(b"\0\0\0\x20ftypisom")
    (folder / "vazio.txt").write_bytes(b"")
    return folder


def test_documents_are_dropped_asked_and_filled_in(studio, documents, tmp_path):
    here = Ask(studio(width=390))
    assert here.visit.faults() == []
    here.drop(*sorted(documents.iterdir()))
    here.table("lazer.md").filter(has_text="1 passage").wait_for()
    for name in ("foto.pdf", "filme.mp4", "vazio.txt"):
        told = here.table(name).inner_text()
        assert "not read" in told
        assert str(tmp_path) not in told
        assert "gradio" not in told
    here.table("Café da manhã (novo).txt").filter(has_text="1 passage").wait_for()

    here.ask("A que horas é servido o café da manhã?")
    answer = here.page.get_by_role("status").filter(has_text="<img src=x")
    answer.wait_for()
    assert "Confidence" in answer.inner_text()
    summary = answer.locator("summary").first
    assert summary.inner_text().startswith("[1] Café da manhã (novo).txt")
    summary.click()
    assert "Depois fecha" in answer.locator("details").first.inner_text()
    assert here.visit.faults() == []
    assert here.visit.too_wide() <= 0

    asked = "Vocês aceitam <i>cachorros</i>?"
    here.ask(asked)
    here.page.get_by_text("I did not find this in the documents").wait_for()
    here.page.get_by_text("Not answered yet: 1").wait_for()
    assert here.page.get_by_role("radio", name=asked).is_checked()
    here.page.get_by_role("button", name="Keep the answer").click()
    assert "empty" in here.visit.alert()
    here.page.get_by_label("Your answer").fill("Sim, até <b>dez</b> quilos.")
    here.page.get_by_role("button", name="Keep the answer").click()
    here.page.get_by_text("Not answered yet: 0").wait_for()
    here.ask(asked)
    here.page.get_by_role("status").filter(has_text="Sim, até <b>dez</b> quilos.").wait_for()
    assert here.page.get_by_text("your own answers, row 1").count() == 1
    assert here.visit.faults() == []


def test_documents_are_taken_out_and_the_page_remembers_the_others(studio, documents):
    here = Ask(studio(dark=True))
    here.drop(documents / "lazer.md", documents / "Café da manhã (novo).txt")
    here.table("lazer.md").wait_for()
    here.page.reload()
    here = Ask(here.visit)
    here.table("lazer.md").wait_for()
    here.page.get_by_text("Take documents out").click()
    here.page.get_by_role("checkbox", name="lazer.md").check()
    here.page.get_by_role("button", name="Take these out").click()
    here.table("lazer.md").wait_for(state="detached")
    assert here.table("Café da manhã (novo).txt").count() == 1
    assert here.visit.faults() == []


def test_a_fault_is_said_in_the_tab(studio, documents, tmp_path):
    here = Ask(studio())
    here.ask("Oi?")
    assert "no documents yet" in here.visit.alert()
    here.drop(documents / "foto.pdf")
    here.page.get_by_role("alert").filter(has_text="foto.pdf").wait_for()
    assert str(tmp_path) not in here.visit.alert()
    assert not list((tmp_path / "runs").glob("foto*"))
    here.drop(documents / "lazer.md")
    here.table("lazer.md").wait_for()
    here.ask(" ")
    here.page.get_by_role("alert").filter(has_text="The question is empty").wait_for()
