"""What is written is whole or absent, whatever happens on the way."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from prosa import files, runs
from prosa.errors import InputError, ProsaError
from prosa.files import free_place, full_disk_said, human, replacing, scratch


def fail_while_writing(target, fault, *, file=False, overwrite=False):
    with replacing(target, file=file, overwrite=overwrite) as place:
        (place if file else place / "parte").write_bytes(b"x" * 1500)
        raise fault


def everything(folder: Path) -> dict[str, str]:
    """All files below a folder with their text; folders without files too."""
    return {
        str(path.relative_to(folder)): path.read_text() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
    }


def test_folder_appears_when_it_is_whole(tmp_path):
    target = tmp_path / "saída"
    with replacing(target) as folder:
        (folder / "parte.txt").write_text("olá")
        assert not target.exists()
    assert everything(tmp_path) == {"saída": "", "saída/parte.txt": "olá"}


def test_file_appears_when_it_is_whole(tmp_path):
    target = tmp_path / "relatório.html"
    with replacing(target, file=True) as path:
        path.write_text("olá")
        assert not target.exists()
    assert everything(tmp_path) == {"relatório.html": "olá"}


@pytest.mark.parametrize("fault", [ValueError("erro"), KeyboardInterrupt(), SystemExit(3)])
@pytest.mark.parametrize("file", [True, False])
def test_failure_leaves_nothing_behind(tmp_path, fault, file):
    target = tmp_path / "a" / "b" / "saída"
    with pytest.raises(type(fault)):
        fail_while_writing(target, fault, file=file)
    assert everything(tmp_path) == {}


@pytest.mark.parametrize("overwrite", [True, False])
def test_failure_leaves_an_old_output_as_it_was(tmp_path, overwrite):
    target = tmp_path / "saída"
    target.mkdir()
    (target / "velho.txt").write_text("velho")
    before = everything(tmp_path)
    with pytest.raises((InputError, ValueError)):
        fail_while_writing(target, ValueError(), overwrite=overwrite)
    assert everything(tmp_path) == before


def test_existing_output_is_refused_with_a_way_out(tmp_path):
    (tmp_path / "saída").mkdir()
    with pytest.raises(InputError, match=r"saída: There is something here already.*--overwrite"):
        free_place(tmp_path / "saída")


def test_overwriting_replaces_all_of_the_old(tmp_path):
    for text in ("velho", "novo"):
        with replacing(tmp_path / "saída", overwrite=True) as folder:
            (folder / f"{text}.txt").write_text(text)
        with replacing(tmp_path / "um.txt", overwrite=True, file=True) as path:
            path.write_text(text)
    assert everything(tmp_path) == {"saída": "", "saída/novo.txt": "novo", "um.txt": "novo"}


def test_old_output_comes_back_if_the_renaming_fails(tmp_path, monkeypatch):
    target = tmp_path / "saída"
    target.mkdir()
    (target / "velho.txt").write_text("velho")
    rename = Path.rename

    def fails(self, other):
        if self.name.endswith(".partial"):
            raise PermissionError(errno.EACCES, "não", str(self))
        return rename(self, other)

    monkeypatch.setattr(files, "_exchange", lambda one, other: False)
    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(InputError, match="cannot be written"), replacing(target, overwrite=True):
        pass
    assert everything(tmp_path) == {"saída": "", "saída/velho.txt": "velho"}


KILLED = """
import os, sys
from pathlib import Path
from prosa import files, runs

if sys.argv[1] == "renames":  # a system that cannot exchange two names
    files._exchange = lambda one, other: False
seen = 0

def rename(self, other, real=os.rename):
    global seen
    seen += 1
    if seen == int(sys.argv[2]):
        os._exit(9)
    real(self, other)

Path.rename = Path.replace = rename
with files.replacing("saída", overwrite=True) as folder:
    (folder / "novo.txt").write_text("novo")
"""


@pytest.mark.parametrize(("way", "call"), [("exchange", 1), ("renames", 1), ("renames", 2)])
def test_a_kill_while_names_change_hides_nothing(tmp_path, way, call):
    target = tmp_path / "saída"
    target.mkdir()
    (target / "velho.txt").write_text("velho")
    command = [sys.executable, "-c", KILLED, way, str(call)]
    code = subprocess.run(command, cwd=tmp_path, check=False).returncode
    files.restore(target)
    if way == "renames":
        assert code == 9
        assert (target / "velho.txt").read_text() == "velho"
    elif code == 0:  # the names were exchanged in one step, without a rename
        assert everything(tmp_path) == {"saída": "", "saída/novo.txt": "novo"}
    with replacing(target, overwrite=True) as folder:
        (folder / "novo.txt").write_text("novo")
    assert (target / "novo.txt").read_text() == "novo"
    assert not (target / "velho.txt").exists()


def test_a_run_under_its_hidden_name_is_found_again(tmp_path):
    hidden = tmp_path / "runs" / ".meu.old"
    hidden.mkdir(parents=True)
    assert runs.resolve("meu") == "runs/meu"
    assert not hidden.exists()


def test_current_folder_is_never_replaced(tmp_path, monkeypatch):
    (tmp_path / "dentro").mkdir()
    monkeypatch.chdir(tmp_path / "dentro")
    with pytest.raises(InputError, match="current"):
        free_place(tmp_path, overwrite=True)


def test_place_under_a_file_is_refused(tmp_path):
    (tmp_path / "dados.csv").write_text("a")
    with pytest.raises(InputError, match="is a file, not a folder"):
        free_place(tmp_path / "dados.csv" / "saída")


def test_unwritable_folder_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_args: False)
    with pytest.raises(InputError, match=f"folder '{tmp_path}' cannot be written to"):
        free_place(tmp_path / "saída")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_really_unwritable_folder_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match="cannot be written to"), replacing(tmp_path / "saída"):
            pass
    finally:
        tmp_path.chmod(0o700)


def test_full_disk_is_one_message_with_sizes(tmp_path):
    target = tmp_path / "saída"
    with pytest.raises(ProsaError) as caught:
        fail_while_writing(target, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert caught.value.exit_code == 1
    said = str(caught.value)
    assert "The disk is full" in said
    assert str(target) in said
    assert "1.5 kB" in said
    assert "is free" in said
    assert everything(tmp_path) == {}


def test_full_disk_is_known_from_words_too(tmp_path):
    fault = RuntimeError(
        "Error while serializing: I/O error: No space left on device (os error 28)"
    )
    with pytest.raises(ProsaError, match="disk is full"):
        fail_while_writing(tmp_path / "modelo", fault)
    assert everything(tmp_path) == {}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_really_full_device_is_said_in_words(tmp_path):
    with pytest.raises(ProsaError, match="disk is full"), replacing(tmp_path / "saída"):
        Path("/dev/full").write_text("x")
    assert everything(tmp_path) == {}


def test_other_faults_pass_as_they_are(tmp_path):
    with pytest.raises(ZeroDivisionError), full_disk_said(tmp_path):
        _ = 1 / 0
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "saída"):
        (tmp_path / "não há").read_text()


def test_scratch_folders_are_new_and_go_at_exit(tmp_path):
    code = "from prosa.files import scratch\nprint(scratch(), scratch())"
    environment = {**os.environ, "PROSA_CACHE": str(tmp_path / "cache")}
    made = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout.split()
    assert len(set(made)) == 2
    assert all(Path(one).is_relative_to(tmp_path) for one in made)
    assert everything(tmp_path / "cache") == {}


def test_scratch_without_a_place_says_what_to_set(tmp_path, monkeypatch):
    (tmp_path / "arquivo").write_text("")
    monkeypatch.setenv("PROSA_CACHE", str(tmp_path / "arquivo" / "cache"))
    with pytest.raises(InputError, match="Set PROSA_CACHE"):
        scratch()


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (3e11, "300 GB"), (2e12, "2.0 TB")],
)
def test_sizes_read_well(count, said):
    assert human(count) == said
