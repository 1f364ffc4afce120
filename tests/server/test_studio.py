"""The page in a real browser: from an empty disk to models that are compared."""

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.fixtures import NOUNS, VERBS, sentences
from tests.server.browser import needs_browser

from prosa.server.studio.page import preferred

pytestmark = needs_browser
HTML = "<img src=x onerror=alert(1)>"


@pytest.fixture
def drop(tmp_path):
    """Drop a file into the tab that is open."""

    def call(visit, content, name="faq.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        visit.page.locator("input[type=file]").first.set_input_files(path)

    return call


def faq():
    rows = [f"Onde o {n} {v}?,O {n} {v} no jardim." for n in NOUNS for v in VERBS]
    return "\n".join(["Pergunta,Resposta", *rows])


def start(visit, minutes="0.15"):
    visit.page.get_by_role("button", name="Start training").wait_for()
    visit.page.get_by_label("Minutes").fill(minutes)
    visit.page.get_by_role("button", name="Start training").click()


def ask(visit, question):
    """Say something in the tab Chat; gives the reply when it is complete."""
    box = visit.page.get_by_role("textbox", name="Message")
    box.fill(question)
    box.press("Enter")
    reply = visit.page.get_by_test_id("bot").last
    expect(reply).to_contain_text(re.compile(r"\w"))
    visit.page.locator("button.submit-button").filter(visible=True).wait_for()
    return reply.inner_text()


def test_browsers_language():
    assert preferred("pt-BR,pt;q=0.9,en;q=0.8") == "pt_BR"
    assert preferred("en-US,en;q=0.9,pt;q=0.8") == "en"
    assert preferred("fr,pt;q=0.3") == "pt_BR"
    assert preferred("") == preferred("xx;q=nonsense,,;") == preferred("pt;q=0") == "en"


@pytest.mark.parametrize("language", ["en", "pt"])
def test_empty_disk_leads_somewhere(studio, language):
    visit = studio(language=language)
    assert visit.page.url.rstrip("/").endswith(f"/{language}")
    own = {"en": "Begin with a file of mine", "pt": "Começar com um arquivo meu"}[language]
    lang = {"en": "en", "pt": "pt-BR"}[language]
    assert visit.page.evaluate("document.documentElement.lang") == lang
    visit.page.get_by_role("button", name=own).focus()
    visit.page.keyboard.press("Enter")
    visit.page.get_by_role("tabpanel").get_by_role("radio").first.wait_for()
    assert visit.faults() == []


def test_train_from_a_dropped_file_and_compare(studio, tmp_path, drop, prosa):
    prosa("train", drop_ngram(tmp_path), "--family", "ngram", "-o", tmp_path / "runs" / "n <b>")
    visit = studio()
    page = visit.page
    visit.tab("Train")
    drop(visit, faq().replace("gato", HTML))
    page.get_by_role("heading", name="faq.csv: questions and answers").wait_for()
    assert (
        page.get_by_role("cell", name=f"Onde o {HTML} corre?")
        .or_(page.get_by_role("cell").filter(has_text=HTML))
        .count()
    )
    page.get_by_text(re.compile("About .* parameters. Good for")).wait_for()
    page.get_by_label("Learn every record").uncheck()
    start(visit)
    page.get_by_text("It is called faq-decoder").wait_for()
    assert visit.faults() == []
    assert visit.too_wide() <= 0
    page.get_by_role("button", name="Chat with it").click()
    assert ask(visit, "Onde o pato corre?")

    again = studio()  # the page opened anew shows it
    again.tab("Train")
    again.page.get_by_text("It is called faq-decoder").wait_for()
    assert not again.page.get_by_role("button", name="Begin with a file of mine").is_visible()

    visit.tab("Compare")
    for name in ("faq-decoder", "n <b>"):
        page.get_by_role("checkbox", name=name).check()
    page.get_by_label("Prompt").fill("Onde o pato corre?")
    page.get_by_role("button", name="Answers side by side").click()
    page.get_by_text("tokens/s").nth(1).wait_for()
    page.get_by_role("button", name="Blind vote").click()
    page.get_by_role("button", name="A is better").click()
    page.get_by_role("table", name="Ranking by blind votes").wait_for()
    assert (tmp_path / "runs" / ".studio" / "votes.jsonl").read_text().count("\n") == 1
    page.get_by_text("Measure them on data").click()
    page.get_by_role("listbox", name="Data").or_(page.get_by_label("Data", exact=True)).click()
    page.get_by_role("option", name="faq.csv").click()
    page.get_by_role("button", name="Measure", exact=True).click()
    report = page.frame_locator("iframe.report")
    report.get_by_text("faq.csv (test)").wait_for()
    assert ".studio" not in report.locator("body").inner_text()
    assert visit.faults() == []


def drop_ngram(tmp_path):
    path = tmp_path / "frases.txt"
    path.write_text("\n".join(sentences()), encoding="utf-8")
    return path


def test_stop_keeps_the_model_and_closing_the_page_does_not_stop_it(studio, drop):
    visit = studio()
    visit.tab("Train")
    drop(visit, faq())
    start(visit, minutes="5")
    visit.page.get_by_role("button", name="Stop and keep").wait_for()
    visit.page.close()
    again = studio(language="pt", width=390)
    again.tab("Treinar")
    again.page.get_by_text(re.compile("^Passo \\d")).wait_for()
    again.page.get_by_role("button", name="Parar").click()
    again.page.get_by_text("faq-decoder").last.wait_for()
    assert again.page.get_by_text("o modelo está guardado").count()
    assert again.too_wide() <= 0


def test_what_was_misunderstood_is_set_right(studio, drop):
    visit = studio()
    page = visit.page
    visit.tab("Train")
    drop(visit, "um,dois\n" + "\n".join(f"casa {n},o {n} dorme" for n in NOUNS * 3))
    page.get_by_text("This is not what it is?").click()
    page.get_by_label("It holds").click()
    page.get_by_role("option", name="texts", exact=True).click()
    page.get_by_label("Column of: text").click()
    page.get_by_role("option", name="dois").click()
    page.get_by_role("button", name="Understand it so").click()
    page.get_by_role("heading", name="faq.csv: texts").wait_for()
    assert page.get_by_role("cell", name="o gato dorme").count()


NOT_WHAT_THEY_SAY = {
    "vazio.csv": b"",
    "foto.csv": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(200),
    "dados.parquet": b"PAR1nonsense",
    "dados.json": '{"a": [1,',
    "virus.exe": b"MZ\0\0",
}


def test_files_that_are_not_what_they_say(studio, drop):
    for name, content in NOT_WHAT_THEY_SAY.items():
        visit = studio()
        visit.tab("Train")
        drop(visit, content, name)
        text = visit.alert()
        assert name in text
        assert ".studio" not in text
        assert "/tmp" not in text


def test_name_of_a_file_leads_nowhere_and_is_text(studio, tmp_path):
    visit = studio()
    visit.tab("Train")
    payload = {"name": "../../<b>x</b>.csv", "mimeType": "text/csv", "buffer": faq().encode()}
    visit.page.locator("input[type=file]").first.set_input_files(payload)
    visit.page.get_by_role("heading", name="questions and answers").wait_for()
    kept = [path.parents[1] for path in tmp_path.rglob("*.csv")]
    assert kept == [tmp_path / "runs" / ".studio" / "data"]


def test_faults_are_said_where_the_person_is(studio, tmp_path):
    broken = tmp_path / "runs" / "leer"
    broken.mkdir(parents=True)
    (broken / "config.json").write_text('{"model_type": "<b>x</b>"}')
    visit = studio()
    page = visit.page
    visit.tab("Train")
    page.get_by_role("button", name="Use this text").click()
    assert "There is no text" in visit.alert()
    page.get_by_label("Or paste text here").fill("\n".join(sentences()))
    page.get_by_role("button", name="Use this text").click()
    page.get_by_role("heading", name="text.txt: texts").wait_for()
    for minutes in ("-1", "0"):
        start(visit, minutes=minutes)
        assert "minutes" in visit.alert()
    visit.tab("Compare")
    page.get_by_role("button", name="Answers side by side").click()
    assert "Choose 1 model" in visit.alert()
    page.get_by_role("checkbox", name="leer").check()
    for prompt, said in (("  ", "empty"), ("a" * 200_000, "200,000 characters")):
        page.get_by_label("Prompt").fill(prompt)
        page.get_by_role("button", name="Answers side by side").click()
        expect(page.get_by_role("alert").filter(visible=True)).to_contain_text(said)
    page.get_by_label("Prompt").fill("Olá")
    page.get_by_role("button", name="Answers side by side").click()
    page.get_by_role("article").get_by_text("leer/model.safetensors").wait_for()
    page.get_by_text("Measure them on data").click()
    page.get_by_role("button", name="Measure", exact=True).click()
    expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("Choose data")
    assert visit.faults() == []


@pytest.mark.slow
def test_from_the_mental_health_faq_to_a_chat(studio):
    """A person with a file gets to a chat without typing a command; the time is printed."""
    data = Path(__file__).parents[3] / "shared" / "data" / "mental-health-faq"
    if not data.exists():
        pytest.skip("the shared data are not here")
    began = time.monotonic()
    visit = studio()
    page = visit.page
    page.get_by_role("button", name="Begin with a file of mine").click()
    page.locator("input[type=file]").first.set_input_files(data / "Mental_Health_FAQ.csv")
    start(visit, minutes="1.5")
    page.get_by_role("button", name="Chat with it").click(timeout=240_000)
    page.get_by_role("tab", name="Chat").and_(page.locator("[aria-selected=true]")).wait_for()
    answer = ask(visit, "What does it mean to have a mental illness?")
    print(f"{time.monotonic() - began:.0f} s from an empty disk to: {answer}")  # noqa: T201
