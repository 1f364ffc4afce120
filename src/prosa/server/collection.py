"""Documents that a person drops in: copies on the disk, their index, and what it did not answer.

Beside an index NAME lies NAME.documents: `files/` with the copies under their own names,
`answers.jsonl` with what the person filled in, which is indexed like a document, and
`unanswered.json`.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pydantic import TypeAdapter

from prosa import runs
from prosa.answering.answerer import Answer
from prosa.errors import InputError
from prosa.files import remove, replacing
from prosa.i18n import _
from prosa.search import stores
from prosa.search.build import build
from prosa.search.changes import IndexReport
from prosa.search.documents import Document, file, root_of
from prosa.search.index import open_index

MOST = 500
"""Questions without an answer that are kept; the oldest go first."""

_QUESTIONS = TypeAdapter(dict[str, int])
Progress = Callable[[str, int, int], None]


class Collection:
    """An index by its name in a folder of indexes; it need not exist yet."""

    def __init__(self, folder: Path, name: str) -> None:
        if not name or name.startswith(".") or file_name(name) != name:
            raise InputError(
                _("There is no collection '{name}'").format(name=name),
                expected=_("one of the list"),
            )
        self.name = name
        self.place = folder / name
        self._kept = folder / f"{name}.documents"
        self._files = self._kept / "files"
        self._answers = self._kept / "answers.jsonl"
        self._unanswered = self._kept / "unanswered.json"

    def documents(self) -> dict[str, int]:
        """Its documents and how many passages each has."""
        if not stores.is_index(self.place):
            return {}
        entries = open_index(self.place).store.entries()
        return {entry.name: entry.passages for entry in entries}

    def add(
        self, uploads: Iterable[tuple[str, Path]], progress: Progress | None = None
    ) -> IndexReport:
        """Copy files in, each under its own name, and index them.

        One of a name that is there already takes its place. A file that cannot be read is not kept;
        the report says why.

        Args:
            uploads: The name of each, as the person has it, and where it lies.
            progress: See `search.build.Progress`.

        Raises:
            InputError: None of the documents can be read, or one has no name.
            ProsaError: The disk is full, or another run is at work on the index.
        """
        added: list[Path] = []
        try:
            self._files.mkdir(parents=True, exist_ok=True)
            for name, path in uploads:
                target = _free(self._files / file_name(name), added)
                added.append(target)
                with replacing(target, overwrite=True, file=True) as new:
                    shutil.copyfile(path, new)
            return self._build(progress)
        except BaseException:
            known = self.documents()
            for path in added:
                if path.name not in known:
                    remove(path)
            if not known:
                remove(self._kept)
            raise

    def remove(self, names: Sequence[str]) -> None:
        """Take documents out; with the last one the index goes too."""
        known = self.documents()
        for name in names:
            if name not in known:
                raise InputError(
                    _("There is no document '{name}' here").format(name=name),
                    expected=", ".join(known),
                )
            copy = self._files / file_name(name)
            remove(self._answers if name == _own() else copy)
        self._build(gone=names)
        if not self.documents():
            remove(self.place)
            remove(self._kept)

    def unanswered(self) -> dict[str, int]:
        """The questions that got no answer, the latest first, and how often each was asked."""
        try:
            asked = _QUESTIONS.validate_json(self._unanswered.read_bytes())
        except (OSError, ValueError):
            return {}  # a list to help the person along; a broken one begins anew
        return dict(reversed(asked.items()))

    def note(self, answer: Answer) -> None:
        """Remember a question that was not answered; forget one that is now."""
        asked = dict(reversed(self.unanswered().items()))
        question = " ".join(answer.question.split())
        times = asked.pop(question, 0)
        if answer.abstained:
            asked[question] = times + 1
        elif not times:
            return
        self._keep(asked)

    def dismiss(self, question: str) -> None:
        """Take a question off the list."""
        asked = dict(reversed(self.unanswered().items()))
        asked.pop(question, None)
        self._keep(asked)

    def fill_in(self, question: str, answer: str) -> None:
        """Add a person's own answer to a question, and index it at once.

        Raises:
            InputError: The question or the answer is empty.
        """
        row = {"question": question.strip(), "answer": answer.strip()}
        if not all(row.values()):
            raise InputError(
                _("The answer is empty"), expected=_("what should be said to this question")
            )
        old = self._answers.read_text("utf-8") if self._answers.exists() else ""
        self._kept.mkdir(parents=True, exist_ok=True)
        with replacing(self._answers, overwrite=True, file=True) as new:
            new.write_text(f"{old}{json.dumps(row, ensure_ascii=False)}\n", "utf-8")
        self._build()
        self.dismiss(question)

    def _keep(self, asked: dict[str, int]) -> None:
        latest = dict(list(asked.items())[-MOST:])
        self._kept.mkdir(parents=True, exist_ok=True)
        with replacing(self._unanswered, overwrite=True, file=True) as new:
            new.write_bytes(_QUESTIONS.dump_json(latest))

    def _sources(self) -> Iterable[Document]:
        root = root_of(self._kept)
        if self._answers.exists():
            yield file(self._answers, _own(), root, alone=False)
        paths = sorted(self._files.iterdir()) if self._files.is_dir() else []
        for path in paths:
            if not path.name.startswith("."):
                yield file(path, path.name, root, alone=False)

    def _build(self, progress: Progress | None = None, gone: Sequence[str] = ()) -> IndexReport:
        sources = list(self._sources())
        try:
            report = build(sources, self.place, remove=gone, progress=progress).report
        except InputError as error:
            raise self._named(error) from error
        assert report is not None
        report.skipped = {name: self._short(why) for name, why in report.skipped.items()}
        for name in report.skipped:
            remove(self._files / name)
        return report

    def _named(self, error: InputError) -> InputError:
        """A fault of a document, which is named as the person knows it, not by its copy's place."""
        path = self._short(str(error.path)) if error.path is not None else None
        error.path, error.what = path, self._short(error.what)
        return error

    def _short(self, text: str) -> str:
        return text.replace(f"{self._files}{os.sep}", "")


def collections(folder: Path) -> list[str]:
    """The names of the indexes in a folder."""
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(one.name for one in found if one.name[0] != "." and stores.is_index(one))


def free_name(folder: Path, wanted: str) -> str:
    """A name for a new collection that none has: `manual`, `manual-2`."""
    base = runs.slug(wanted)[:60].strip("-")
    name, number = base, 2
    while any((folder / taken).exists() for taken in (name, f"{name}.documents")):
        name, number = f"{base}-{number}", number + 1
    return name


def file_name(name: str) -> str:
    """The name of an upload alone, without folders that stand before it.

    Raises:
        InputError: Nothing is left of it.
    """
    text = Path(name.replace("\0", "")).name.lstrip(".")
    if not text:
        raise InputError(
            _("A file without a name cannot be kept: '{name}'").format(name=name),
            expected=_("a name such as manual.pdf"),
        )
    return text


def _free(path: Path, taken: list[Path]) -> Path:
    """The path, or the next free number where another file of the same upload has its name."""
    number, name = 2, path
    while name in taken:
        name, number = path.with_name(f"{path.stem} ({number}){path.suffix}"), number + 1
    return name


def _own() -> str:
    """What citations call the answers that a person filled in."""
    return _("your own answers")
