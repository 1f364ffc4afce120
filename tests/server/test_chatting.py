"""The tab Chat in a real browser: what is said is text, kept, and can be taken back."""

import json
import shutil
import time

import pytest
from tests.server.browser import needs_browser

from prosa.cli.app import run
from prosa.server.engines import Engine
from prosa.verbs.answering import index

pytestmark = needs_browser

MARKUP = 'O <b>gato</b> & "cão" &lt;i&gt; <script>alert(1)</script>\n   dois'
FRASES = "<b>frases & cia"  # a folder may be called so
CAFE = "O café da manhã é servido das seis às dez horas no salão <i>azul</i>. Depois fecha."


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A tiny model that continues, one that answers, and documents."""
    folder = tmp_path_factory.mktemp("trained")
    lines, faq = folder / "frases.txt", folder / "faq.csv"
    lines.write_text("\n".join(f"O gato dorme na praça {n}." for n in range(90)), "utf-8")
    rows = [f"Onde o gato número {n} dorme?,O gato {n} dorme no jardim." for n in range(60)]
    faq.write_text("Pergunta,Resposta\n" + "\n".join(rows), "utf-8")
    (folder / "cafe.txt").write_text(CAFE, "utf-8")
    quick = ["--steps", "2", "--context", "32", "--hidden-size", "16", "--layers", "1"]
    runs = folder / "runs"
    for name, data, flags in (
        (FRASES, lines, ["--family", "ngram"]),
        ("faq", faq, ["--family", "decoder", *quick]),
    ):
        place = ["--vocabulary", "300", "-o", str(runs / name)]
        assert run(["train", str(data), *flags, *place]) == 0
    index(folder / "cafe.txt", runs / "hotel", encoder="none")
    return runs


@pytest.fixture
def chat(studio, trained, tmp_path):
    shutil.copytree(trained, tmp_path / "runs", dirs_exist_ok=True)
    return lambda **options: Chat(studio(**options))


class Chat:
    """What a person does in the tab."""

    def __init__(self, visit):
        self.visit, self.page = visit, visit.page
        self.box = self.page.get_by_role("textbox", name="Message", exact=True)

    def choose(self, name):
        self.page.get_by_label("Model or documents").click()
        self.page.get_by_role("option", name=name, exact=True).click()

    def say(self, text):
        self.box.fill(text)
        self.box.press("Enter")

    def bubble(self, role, number):
        return self.page.get_by_test_id(role).nth(number)

    def wait(self, bubbles):
        """Until so many replies are there and the box waits for a message."""
        self.bubble("bot", bubbles - 1).wait_for()
        self.page.locator("button.submit-button").filter(visible=True).wait_for()

    def press(self, label, number=0):
        self.page.get_by_role("button", name=label, exact=True).nth(number).click()

    def until(self, holds):
        """Until something holds that the page does not show."""
        for _try in range(200):
            if holds():
                return
            time.sleep(0.05)
        raise AssertionError("it does not come to hold")


def kept(tmp_path):
    files = (tmp_path / "runs" / ".studio" / "conversations").glob("*.json")
    return [json.loads(path.read_text("utf-8")) for path in files]


def test_what_is_said_is_shown_copied_and_edited_as_it_stands(chat, tmp_path):
    here = chat()
    here.visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    here.choose(FRASES)
    here.say(MARKUP)
    here.wait(1)
    assert here.bubble("user", 0).inner_text() == MARKUP
    assert "it continues" in here.bubble("bot", 0).inner_text()
    here.press("Copy message")
    assert here.page.evaluate("navigator.clipboard.readText()") == MARKUP
    here.press("Edit")
    area = here.page.locator(".conversation textarea")
    assert area.input_value() == MARKUP
    area.fill("O gato <em>")
    here.press("Submit")
    here.page.get_by_text("O gato <em>").wait_for()
    here.wait(1)
    assert here.visit.faults() == []
    (conversation,) = kept(tmp_path)
    assert [one["role"] for one in conversation["messages"]] == ["user", "assistant"]
    assert conversation["messages"][0]["content"] == "O gato <em>"


def test_a_reply_is_stopped_asked_for_again_and_taken_back(chat, tmp_path, monkeypatch):
    tries, closed = [], []

    def slow(_engine, messages, decoding=None):
        tries.append((messages[-1]["content"], decoding.temperature))
        try:
            for number in range(1000):
                time.sleep(0.02)
                yield f"{len(tries)}.{number} "
        finally:
            closed.append(len(tries))

    monkeypatch.setattr(Engine, "chat", slow)
    here = chat()
    here.choose("faq")
    here.say("Conte até mil")
    here.page.get_by_text("1.5 ").wait_for()
    here.page.locator("button.stop-button").filter(visible=True).click()
    here.wait(1)
    here.until(lambda: closed == [1] and kept(tmp_path))
    (conversation,) = kept(tmp_path)
    assert conversation["messages"][1]["content"].startswith("1.0 1.1")
    here.press("Retry")
    here.page.get_by_text("2.5 ").wait_for()
    here.page.locator("button.stop-button").filter(visible=True).click()
    here.wait(1)
    here.until(lambda: closed == [1, 2])
    (conversation,) = kept(tmp_path)
    assert conversation["messages"][1]["content"].startswith("2.0 2.1")
    assert len(conversation["messages"]) == 2
    assert tries == [("Conte até mil", 0), ("Conte até mil", 0.8)]
    here.press("Undo")
    here.page.wait_for_function("document.querySelectorAll('[data-testid=bot]').length === 0")
    assert here.box.input_value() == "Conte até mil"
    assert kept(tmp_path)[0]["messages"] == []


def test_conversations_are_found_again_renamed_and_deleted(chat, tmp_path):
    here = chat(language="en", width=390, dark=True)
    here.choose("hotel")
    here.say("A que horas é servido o café da manhã?")
    here.wait(1)
    reply = here.bubble("bot", 0)
    assert "<i>azul</i>" in reply.inner_text()
    reply.locator("summary").click()
    assert "Depois fecha." in reply.locator("details").inner_text()
    assert reply.locator("summary").inner_text().startswith("[1]")
    assert here.visit.faults() == []
    assert here.visit.too_wide() <= 0

    again = Chat(here.visit)
    again.page.reload()
    again.page.get_by_text("Conversations", exact=True).click()
    again.page.get_by_label("Search in all conversations").fill("cafe MANHA")
    found = again.page.get_by_role("radio", name="A que horas é servido o café da manhã?")
    found.click()
    again.bubble("bot", 0).wait_for()
    title = again.page.get_by_role("textbox", name="Title")
    title.fill("Hotel <b>")
    title.press("Enter")
    again.page.get_by_role("radio", name="Hotel <b>").wait_for()
    assert kept(tmp_path)[0]["title"] == "Hotel <b>"
    assert again.visit.faults() == []
    assert again.visit.too_wide() <= 0
    again.press("Delete")
    again.bubble("bot", 0).wait_for(state="detached")
    assert kept(tmp_path) == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("palavra " * 300, "tokens"),
        ("mil " * 10_000, "39,999 characters"),
        (" ", "empty"),
        pytest.param("mil " * 2_500_000, "9,999,999 characters", marks=pytest.mark.slow),
    ],
)
def test_what_cannot_be_answered_is_said_and_stays_in_the_box(chat, tmp_path, said, told):
    here = chat()
    here.choose("faq")
    # Typing it, or Playwright's `fill`, takes much longer than a person's paste.
    paste = "(box, text) => { box.value = text; box.dispatchEvent(new Event('input')) }"
    here.box.evaluate(paste, said)
    here.box.press("Enter")
    here.page.get_by_role("alert").filter(has_text=told).wait_for()
    assert here.box.input_value() == said
    assert here.page.get_by_test_id("user").count() == 0
    assert kept(tmp_path) == []
    if len(said) < 10_000:
        here.page.wait_for_timeout(500)  # the event ends after its last step is shown
        here.say("Onde o gato dorme?")
        here.wait(1)
        assert len(kept(tmp_path)) == 1


@pytest.fixture
def counting(monkeypatch):
    """Models that count for twenty seconds."""

    def slow(_engine, _messages, _decoding=None):
        for number in range(1000):
            time.sleep(0.02)
            yield f"{number} "

    monkeypatch.setattr(Engine, "chat", slow)


@pytest.mark.usefixtures("counting")
def test_a_new_conversation_leaves_one_whose_reply_is_being_written(chat, tmp_path):
    here = chat()
    here.choose("faq")
    here.say("Conte")
    here.page.get_by_text("5 6").wait_for()
    here.press("New conversation")
    here.bubble("bot", 0).wait_for(state="detached")
    here.until(lambda: kept(tmp_path))
    here.page.wait_for_timeout(300)
    assert here.page.get_by_test_id("user").count() == 0
    (conversation,) = kept(tmp_path)
    assert conversation["messages"][1]["content"].startswith("0 1 2")


@pytest.mark.usefixtures("counting")
def test_a_page_that_is_closed_keeps_what_was_written(chat, tmp_path):
    here = chat()
    here.choose("faq")
    here.say("Conte")
    here.page.get_by_text("5 6").wait_for()
    here.page.close()
    here.until(lambda: kept(tmp_path))
    said = kept(tmp_path)[0]["messages"][1]["content"]
    assert said.startswith("0 1 2")
    assert not said.endswith("999")


def test_a_model_that_does_not_write_is_not_offered_and_says_what_it_is_for(studio, tmp_path):
    rows = [f"{what} número {n},{what}" for n in range(40) for what in ("gato", "peixe")]
    (tmp_path / "rotulos.csv").write_text("texto,rótulo\n" + "\n".join(rows), "utf-8")
    place = tmp_path / "runs" / "rotulos"
    run(["train", str(tmp_path / "rotulos.csv"), "--family", "ngram", "-o", str(place)])
    here = Chat(studio())
    here.page.get_by_label("Model or documents").click()
    assert here.page.get_by_role("option", name="rotulos").filter(visible=True).count() == 0
    here.page.keyboard.press("Escape")
    here.visit.tab("Understand")
    here.page.get_by_role("textbox", name="Sentence").fill("um gato")
    here.page.get_by_role("button", name="Look inside", exact=True).click()
    here.page.get_by_role("heading", name="The label that it gives").wait_for()
    here.visit.tab("Compare")
    here.page.get_by_role("checkbox", name="rotulos").check()
    here.page.get_by_label("Prompt").fill("gato")
    here.page.get_by_role("button", name="Answers side by side").click()
    here.page.get_by_text("This model gives labels").wait_for()


def test_a_page_without_any_model_says_what_to_do(studio):
    here = Chat(studio())
    here.page.wait_for_timeout(1500)  # what the page reads as it opens empties the box of faults
    here.say("oi")
    assert "Train" in here.visit.alert()
