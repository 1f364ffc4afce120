"""What the READMEs show is run: every prosa command, and the Python."""

import re
import shlex
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from prosa.cli.app import run
from prosa.server.engines import Engines, on_disk
from tests.fixtures import sentences
from tests.server.conftest import serving

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "README.pt-BR.md"]
QUICK = {
    "train your-file.csv": "--steps 2 --context 32 --hidden-size 16 --layers 1 --vocabulary 300",
    "train frases.txt --family lstm": "--steps 2 --hidden-size 16 --layers 1",
    "train seu-arquivo.csv": "--steps 2 --context 32 --hidden-size 16 --layers 1 --vocabulary 300",
}


def blocks(page, language):
    found = re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.M)
    assert found or not language
    return found


@pytest.fixture
def files(tmp_path):
    (tmp_path / "manual.md").write_text(blocks(PAGES[0], "markdown")[0], encoding="utf-8")
    text = "\n".join(sentences()) + "\n"
    (tmp_path / "frases.txt").write_text(text, encoding="utf-8")
    labels = [f"{s},{'verbo' if 'dorme' in s else 'outro'}" for s in sentences()]
    (tmp_path / "mensagens.csv").write_text("\n".join(["text,label", *labels]) + "\n", "utf-8")
    rows = ["pergunta,resposta", *(f"Onde {s[2:-1]}?,{s}" for s in sentences())]
    for name in ("your-file.csv", "seu-arquivo.csv"):
        (tmp_path / name).write_text("\n".join(rows) + "\n", encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_runs(page, files, prosa, monkeypatch):
    commands = []
    for block in [*blocks(page, ""), *blocks(page, "console")]:
        lines = block.splitlines()
        for number, line in enumerate(lines):
            if found := re.match(r"(?:\$ )?prosa (.*)", line):
                output = []
                for shown in lines[number + 1 :]:
                    if shown.startswith("$ ") or not line.startswith("$ "):
                        break
                    output.append(shown)
                commands.append((found[1], output))
    assert len(commands) >= 8
    monkeypatch.setattr("builtins.input", lambda *_more: "tchau")
    for words, output in commands:
        language = ["--lang", "pt"] if "pt-BR" in page.name else []
        extra = next((QUICK[key] for key in QUICK if words.startswith(key)), "")
        if words.startswith(("demo", "compare --ladder", "ui", "serve")):
            continue  # tests of their own run them at a small scale, or as a process
        code, out, err = prosa(*shlex.split(words), *shlex.split(extra), *language)
        assert code == 0, (words, err)
        for shown in output:
            assert shown in out, words


def test_the_python_runs(files, capsys):
    for page in PAGES:
        for block in blocks(page, "python"):
            code = block.replace('output="', f'output="{page.stem}-')
            with ExitStack() as stack:
                if "openai" in code:
                    code = code.replace("http://127.0.0.1:8000", stack.enter_context(served()))
                exec(compile(code, page.name, "exec"), {})
            assert capsys.readouterr().out.strip()


@contextmanager
def served():
    """What the READMEs say that `prosa serve` serves."""
    if not Path("runs/faq-decoder").exists():
        flags = QUICK["train your-file.csv"].replace("32", "128", 1)
        assert run(["train", "your-file.csv", "-o", "runs/faq-decoder", *flags.split()]) == 0
    with serving(Engines(lambda: on_disk(Path("runs")))) as address:
        yield address


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        assert (ROOT / target).exists(), target
