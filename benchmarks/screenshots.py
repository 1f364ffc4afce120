"""Pictures of every tab of the page for the documentation: `python -m benchmarks.screenshots`.

Trains two models on the bundled questions and indexes them in a folder of its own (or takes those
of a folder that is named), asks each tab something, and writes
docs/images/<tab>-<language>-<width>-<light|dark>.webp. Takes some minutes.
"""

import io
import os
import sys
import tempfile
from pathlib import Path

from PIL import Image
from tests.server.browser import Visit, browser, served

from prosa.cli.app import run

IMAGES = Path(__file__).parents[1] / "docs" / "images"
HEIGHTS = {390: 844, 1280: 800}
QUESTION = "O que é um token?"
DATA = "pergunta,resposta\n" + "\n".join(
    f"Qual é o horário d{where}?,{answer}"
    for where, answer in (
        ("a biblioteca", "A biblioteca abre das 8h às 20h."),
        ("o restaurante", "O restaurante serve o almoço das 11h30 às 14h."),
        ("a secretaria", "A secretaria atende das 9h às 17h."),
        ("o laboratório", "O laboratório abre com a chave do professor."),
    )
)


def main(folder: str = "") -> None:
    """Take all pictures."""
    images = IMAGES.resolve()
    images.mkdir(parents=True, exist_ok=True)
    os.chdir(folder or tempfile.mkdtemp(prefix="prosa-screenshots-"))
    Path("horarios.csv").write_text(DATA, encoding="utf-8")
    commands = (
        ["train", "perguntas", "--minutes", "1.5"],
        ["train", "perguntas", "--family", "ngram"],
        ["index", "perguntas", "-o", "runs/perguntas"],
    )
    for words in () if folder else commands:
        assert run(words) == 0, words
    with served() as address, browser() as program:
        for language in ("pt", "en"):
            visit = Visit(program, address, language=language)
            for number, (name, act) in enumerate(TABS.items()):
                tabs = visit.page.get_by_role("tab")
                if number < tabs.count():
                    tabs.nth(number).click()
                    visit.page.wait_for_timeout(1000)
                    act(visit)
                    visit.page.wait_for_timeout(1000)
                    take(visit, images, f"{name}-{language}")
            visit.close(check=False)


def take(visit: Visit, images: Path, name: str) -> None:
    """A tab at both widths, light and dark."""
    for width, height in HEIGHTS.items():
        visit.page.set_viewport_size({"width": width, "height": height})
        for shade in ("light", "dark"):
            dark = "true" if shade == "dark" else "false"
            visit.page.evaluate(f"document.body.classList.toggle('dark', {dark})")
            visit.page.evaluate("window.scrollTo(0, 0)")
            visit.page.wait_for_timeout(500)
            picture = Image.open(io.BytesIO(visit.page.screenshot()))
            picture.save(images / f"{name}-{width}-{shade}.webp", quality=70, method=6)
    visit.page.set_viewport_size({"width": 1280, "height": HEIGHTS[1280]})
    visit.page.evaluate("document.body.classList.remove('dark')")


def _panel(visit: Visit):
    return visit.page.get_by_role("tabpanel").filter(visible=True)


def _choose(visit: Visit, box, option: str) -> None:
    box.click()
    visit.page.get_by_role("option", name=option, exact=True).click()


def chat(visit: Visit) -> None:
    """Questions to the index, whose answers cite."""
    _choose(visit, _panel(visit).get_by_role("combobox").first, "perguntas")
    for question in (QUESTION, "O que é um modelo de linguagem?"):
        box = _panel(visit).get_by_role("textbox").first
        box.fill(question)
        box.press("Enter")
        visit.page.wait_for_timeout(6000)


def train(visit: Visit) -> None:
    """Data that was dropped in, and a training."""
    visit.page.locator("input[type=file]").first.set_input_files("horarios.csv")
    visit.page.get_by_role("heading", name="horarios.csv").first.wait_for()


def compare(visit: Visit) -> None:
    """Two models' answers."""
    for name in ("perguntas-decoder", "perguntas-ngram"):
        visit.page.get_by_role("checkbox", name=name, exact=True).check()
    _panel(visit).get_by_role("textbox").first.fill(QUESTION)
    _panel(visit).get_by_role("button").first.click()
    visit.page.get_by_text("tokens/s").nth(1).wait_for()


def ask(visit: Visit) -> None:
    """A question to the index."""
    _choose(visit, _panel(visit).get_by_role("combobox").first, "perguntas")
    box = _panel(visit).get_by_role("textbox").first
    box.fill(QUESTION)
    box.press("Enter")
    visit.page.wait_for_timeout(4000)


def understand(visit: Visit) -> None:
    """A question inside the decoder."""
    _choose(visit, _panel(visit).get_by_role("combobox").first, "perguntas-decoder")
    _panel(visit).get_by_role("textbox").first.fill(QUESTION)
    _panel(visit).get_by_role("button").first.click()
    _panel(visit).locator(".picture").filter(visible=True).first.wait_for()


TABS = {
    "chat": chat,
    "train": train,
    "compare": compare,
    "ask": ask,
    "understand": understand,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
