"""The tab Understand in a real browser: every picture of every family, and going on by a click."""

import pytest
from tests.fixtures import QUICK, TINY, sentences
from tests.models.conftest import encoder_model
from tests.server.browser import needs_browser

from prosa.models.pretrained import save

pytestmark = needs_browser
HTML = "<b>x</b>"
PICTURES = {
    "ngram": ["The next word", "How the sentence is cut", "Which order answered"],
    "gru": ["What the network remembers", "A map of its words"],
    "decoder": ["What each word looks back at"],
    "seq2seq": ["The next word of what it writes", "Which words it reads as it writes"],
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder of tiny models."""
    from prosa.cli.app import run

    root = tmp_path_factory.mktemp("disk")
    (root / "frases.txt").write_text("\n".join(sentences()), encoding="utf-8")
    rows = "\n".join(f"{text},{text}" for text in sentences()[:60])
    (root / "pares.csv").write_text(f"Pergunta,Resposta\n{rows}", encoding="utf-8")
    small = [*QUICK, "--hidden-size", "16", "--layers", "1", "--embedding-size", "8"]
    heads = [*QUICK, "--hidden-size", "32", "--layers", "2", "--heads", "2"]
    flags = {**TINY, "seq2seq": small, "decoder": heads}
    for family in PICTURES:
        data = root / ("pares.csv" if family == "seq2seq" else "frases.txt")
        command = ["train", data, "--family", family, "-o", root / "runs" / family]
        assert run([*map(str, command), *flags[family]]) == 0
    trained = encoder_model()
    (root / "runs" / "encoder").mkdir()
    save(trained.model, trained.tokenizer, root / "runs" / "encoder")
    return root / "runs"


@pytest.fixture
def disk(models, tmp_path):
    """The models, on this test's disk."""
    (tmp_path / "runs").symlink_to(models)


def look(visit, model, sentence):
    page = visit.page
    visit.tab({"en": "Understand", "pt": "Entender"}[visit.page.url.rstrip("/")[-2:]])
    box = page.get_by_label("Model").filter(visible=True).first
    box.click()
    page.get_by_role("option", name=model, exact=True).click()
    page.get_by_role("tabpanel").filter(visible=True).get_by_role("textbox").fill(sentence)
    page.get_by_role("button", name="Look inside").click()


def test_every_picture_opens(disk, studio):
    visit = studio()
    for family, titles in PICTURES.items():
        look(visit, family, f"O gato {HTML}")
        for title in titles:
            visit.page.get_by_role("heading", name=title, exact=True).wait_for()
            visit.page.get_by_role("img", name=title, exact=True).filter(visible=True).wait_for()
        if family in ("ngram", "seq2seq"):
            assert visit.faults() == []
        assert visit.too_wide() <= 0


def test_a_click_goes_on(disk, studio):
    visit = studio()
    look(visit, "ngram", "O gato")
    bars = visit.page.get_by_role("button").filter(has_text=" · ").filter(visible=True)
    bars.first.wait_for()
    assert bars.count() == 10
    bars.first.focus()
    visit.page.keyboard.press("Enter")
    so_far = visit.page.get_by_text("So far: O gato")
    so_far.wait_for()
    begun = so_far.inner_text()
    # Gradio hears no click while it ends what the one before began.
    while so_far.inner_text() == begun:
        bars.first.click()
        visit.page.wait_for_timeout(300)
    assert visit.page.get_by_text("So far: O gato").inner_text().startswith(begun)
    visit.page.get_by_role("button", name="Look inside").click()
    so_far.wait_for(state="detached")


def test_a_gap_is_filled_by_a_click(disk, studio):
    visit = studio()
    look(visit, "encoder", "A gata subiu no [MASK] e não desceu.")
    visit.page.get_by_role("button", name="muro").click()
    visit.page.get_by_text("So far:").wait_for()
    assert "A gata subiu no muro" in visit.page.get_by_text("So far:").inner_text()


def test_on_a_telephone_in_the_dark_with_another_head(disk, studio):
    visit = studio(width=390, dark=True)
    look(visit, "decoder", "O gato corre na praça amanhã e o rato dorme no jardim da escola")
    heading = visit.page.get_by_role("heading", name="What each word looks back at")
    heading.wait_for()
    assert visit.too_wide() <= 0
    assert visit.faults() == []
    visit.page.get_by_label("The head of attention that is large").click()
    visit.page.get_by_role("option").last.click()
    visit.page.get_by_text("large is head").wait_for()


@pytest.mark.parametrize(
    ("sentence", "message"),
    [("  ", "no text to look at"), ("gato " * 200, "hold 96"), ("a" * 200_000, "200,000 char")],
)
def test_a_wrong_sentence_is_said_in_the_tab(disk, studio, sentence, message):
    visit = studio()
    look(visit, "ngram", sentence)
    assert message in visit.alert()
