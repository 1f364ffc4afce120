"""A person's data on the page: kept under its own name, understood, and shown as text."""

import hashlib
import shutil
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prosa import files
from prosa.data.kinds import COLUMN_NAMES, COLUMNS, KIND_NAMES, Kind
from prosa.data.open import Options, open_file
from prosa.data.prepare import Prepared
from prosa.errors import InputError
from prosa.i18n import _
from prosa.samples import NAMES
from prosa.server.jobs import Data
from prosa.server.studio.house import House, table, text
from prosa.tokens.learn import learn
from prosa.verbs.request import Request, look

_RECORDS, _EXAMPLES, _LETTERS, _LEARNED = 5, 3, 300, 2_000


def sample(name: str) -> Data:
    """A bundled sample."""
    if name not in NAMES:
        raise InputError(_("There is no such sample"), expected=", ".join(NAMES))
    return Data(name, name)


def keep_file(house: House, path: str) -> Data:
    """Keep a file that was dropped in."""
    with Path(path).open("rb") as file:
        mark = hashlib.file_digest(file, "sha256").hexdigest()[:12]
    return _kept(house.data / mark / Path(path).name, lambda place: shutil.copy(path, place))


def keep_text(house: House, pasted: str) -> Data:
    """Keep text that was pasted in.

    Raises:
        InputError: There is none.
    """
    if not pasted.strip():
        raise InputError(_("There is no text"), hint=_("Paste some, or drop a file in"))
    return keep(house, _("text.txt"), pasted.encode("utf-8", "replace"))


def keep(house: House, name: str, content: bytes) -> Data:
    """Keep data under a name."""
    mark = hashlib.sha256(content).hexdigest()[:12]
    return _kept(house.data / mark / name, lambda place: place.write_bytes(content))


def _kept(path: Path, write: Any) -> Data:
    with files.replacing(path, overwrite=True, file=True) as place:
        write(place)
    return Data(str(path), path.name, _columns(path))


def _columns(path: Path) -> tuple[str, ...]:
    """The columns of the first rows, by the names that the file gives them."""
    source = open_file(path, Options(), path.name)
    return () if source.plain else tuple(next(source.batches(), {}))


def understand(data: Data, kind: str | None, columns: Mapping[str, str]) -> Prepared:
    """Read and clean data.

    Args:
        data: What was given.
        kind: What it is, where a person says so.
        columns: Which column plays which role, likewise.

    Raises:
        InputError: It cannot be understood.
    """
    return look(data.source, Request(kind=kind, columns=columns or None))[1]


def summary(house: House, data: Data, prepared: Prepared) -> str:
    """How data was understood and what cleaning did, as HTML."""
    report = prepared.report
    parts = [text(f"{data.title}: {_(KIND_NAMES[prepared.kind])}", "h3")]
    lines = "".join(
        text(
            house.named(line.strip()),
            "li",
            **({"class": "example"} if line.startswith(" ") else {}),
        )
        for line in report.lines()
    )
    parts.append(f"<ul>{lines}</ul>")
    return "".join(parts)


def records(prepared: Prepared) -> str:
    """Some records, as HTML."""
    names = COLUMNS[prepared.kind]
    rows = prepared.splits["train"].slice(0, _RECORDS).to_pylist()
    cells = [[_short(_plain(row[name])) for name in names] for row in rows]
    return table([_(COLUMN_NAMES[name]) for name in names], cells, _("So it reads"))


def examples(prepared: Prepared) -> tuple[str, ...]:
    """Some questions out of data that has questions."""
    if prepared.kind is not Kind.QUESTION_ANSWER:
        return ()
    rows = prepared.splits["train"].slice(0, _EXAMPLES).to_pylist()
    return tuple(_short(row["question"]) for row in rows)


def tokens(prepared: Prepared) -> str:
    """How the first record is cut into tokens that are learned from some of the data, as HTML."""
    rows = prepared.splits["train"].slice(0, _LEARNED).to_pylist()
    texts = [_plain(row[name]) for row in rows for name in COLUMNS[prepared.kind]]
    shown = _short(texts[0])
    tokenizer = learn(texts, "bpe")
    offsets = tokenizer(shown, return_offsets_mapping=True)["offset_mapping"]
    # The bytes of one character may be several tokens: all of them stand where it stands.
    spans = "".join(text(shown[start:end], "span") for start, end in dict.fromkeys(offsets))
    title = _("The first record as tokens: {n} of them").format(n=len(offsets))
    return f'{text(title, "h4")}<p class="tokens">{spans}</p>'


def _plain(value: Any) -> str:
    if isinstance(value, list):  # turns of a conversation, answers of a passage
        return " – ".join(str(item.get("content", item.get("text", ""))) for item in value)
    return str(value or "")


def _short(plain: str) -> str:
    return textwrap.shorten(plain, _LETTERS, placeholder=" …") or plain[:_LETTERS]
