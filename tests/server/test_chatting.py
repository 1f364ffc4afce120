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
        ("frases", lines, ["--family", "ngram"]),
        ("faq", faq, ["--family", "decoder", *quick]),
    ):
        flags = [*flags, "--vocabulary", "300", "-o", str(runs / name)]
        assert run(["train", str(data), *flags]) == 0
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


def kept(tmp_path):
    files = (tmp_path / "runs" / ".studio" / "conversations").glob("*.json")
    return [json.loads(path.read_text("utf-8")) for path in files]


def test_what_is_said_is_shown_copied_and_edited_as_it_stands(chat, tmp_path):
    here = chat()
    here.visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    here.choose("frases")
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
    assert [one["content"] for one in conversation["messages"]][0] == "O gato <em>"
    assert len(conversation["messages"]) == 2
