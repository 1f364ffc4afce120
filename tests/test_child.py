"""Nothing from the folder one stands in is run: not by a verb, not by a process that it starts."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from prosa import child

PLANTED = """
    argparse concurrent csv dataclasses datasets email ftfy gettext hashlib json filelock locale
    logging lxml multiprocessing numpy pandas pathlib pickle psutil pyarrow pypdf queue random re
    rich shutil simplemma sitecustomize socket subprocess tempfile tokenizers torch transformers
    typer typing usercustomize yaml zipfile
"""

# Words after `prosa`, in turn; "grande.txt" is large enough for workers, "frases.txt" is not.
COMMANDS = [
    ["inspect", "grande.txt", "--json"],
    ["prepare", "frases.txt", "-o", "pronto", "--clean", "lower"],
    ["index", "frases.txt", "-o", "indice"],
    ["ask", "indice", "Onde estão os barcos?"],
    ["chat", "indice"],
    ["models"],
]
LEARNING = [
    ["train", "frases.txt", "--family", "lstm", "--steps", "2", "--hidden-size", "8", "-o", "rede"],
    ["train", "frases.txt", "--family", "ngram", "-o", "contado"],
    ["evaluate", "rede", "frases.txt"],
    ["generate", "contado", "A chuva", "--max-new-tokens", "3"],
    ["export", "contado", "--to", "arpa"],
]
WAYS = {
    "script": [str(Path(sys.executable).with_name("prosa"))],
    "module": [sys.executable, "-m", "prosa"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with data, in which every module that we import has a namesake."""
    place = tmp_path_factory.mktemp("baixado")
    lines = [
        f"Linha {number}: a chuva, o rio e {number * 7919 % 10007} barcos. " for number in range(60)
    ]
    (place / "frases.txt").write_text("\n".join(lines), "utf-8")
    long = "\n".join(f"{number} " + "".join(lines) for number in range(4200))
    (place / "grande.txt").write_text(long, "utf-8")
    for name in PLANTED.split():
        body = (
            f"open({str(place)!r} + '/ran', 'a').write({name!r} + chr(10))\nraise SystemExit(7)\n"
        )
        (place / f"{name}.py").write_text(body, "utf-8")
    return place


def ran(folder):
    marker = folder / "ran"
    names = marker.read_text("utf-8").split() if marker.exists() else []
    marker.unlink(missing_ok=True)
    return names


@pytest.mark.parametrize(
    ("way", "commands"),
    [("module", COMMANDS), ("script", COMMANDS), ("script", LEARNING)],
    ids=["module", "script", "script, learning"],
)
def test_no_verb_runs_anything_from_the_current_folder(way, commands, folder):
    if not Path(WAYS[way][0]).exists():
        pytest.skip("prosa is not installed as a command")
    for output in ("pronto", "indice"):
        shutil.rmtree(folder / output, ignore_errors=True)
    for command in commands:
        done = subprocess.run(
            [*WAYS[way], *command],
            cwd=folder,
            input="tchau\n",
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran(folder) == [], command
        assert done.returncode == 0, done.stderr


PROGRAM = "import numpy, prosa.data.parallel, sys; print(numpy.__name__, sys.argv[1:], sys.path)"


@pytest.mark.parametrize("first", ["", ".", "folder", "relative"])
def test_a_child_imports_what_we_import_but_for_the_current_folder(
    first, folder, monkeypatch, tmp_path
):
    monkeypatch.chdir(folder)
    (tmp_path / "programa.py").write_text(PROGRAM, "utf-8")
    entries = {"folder": str(folder), "relative": "../" + folder.name}
    monkeypatch.setenv("PYTHONPATH", entries.get(first, first))
    monkeypatch.setattr(sys, "path", [entries.get(first, first), str(tmp_path), *sys.path])
    process = child.start("programa", "um", "dois três", stdout=subprocess.PIPE)
    out = process.communicate()[0].decode()
    assert ran(folder) == []
    assert process.returncode == 0
    assert out.startswith("numpy ['um', 'dois três']")
    assert str(folder) not in out


def test_a_clone_is_used_from_within_its_own_folder(monkeypatch):
    home = Path(child.__file__).parents[1]
    monkeypatch.chdir(home)
    assert child.trusted(["", ".", str(home), "src"]) == [str(home)]
    monkeypatch.chdir(home.parent)
    assert child.trusted([str(home.parent), str(home)]) == [str(home)]
