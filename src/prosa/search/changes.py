"""What has to be read, kept and taken out to bring an index up to date with its sources."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prosa.errors import InputError
from prosa.i18n import _
from prosa.search import documents
from prosa.search.documents import Document
from prosa.search.store import Entry

_SHOWN = 5


@dataclass
class IndexReport:
    """What a run did to an index: documents by name, `skipped` with the reason.

    `filtered` counts by reason; `encoded` are the passages whose meaning was encoded.
    """

    added: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    filtered: Counter[str] = field(default_factory=Counter)
    encoded: int = 0


@dataclass(frozen=True)
class Changes:
    """What a run will do to an index; `gone` are entries that are taken out, or read again."""

    kept: list[Entry]
    gone: list[Entry]
    fresh: list[Document]
    report: IndexReport


def compare(sources: Sequence[Any], remove: Sequence[str | Path], old: Sequence[Entry]) -> Changes:
    """Compare sources with what is in an index.

    A document stays where its content is the same, or where its source is not asked about. It goes
    where its source no longer holds it.

    Raises:
        InputError: A source does not exist, or what is to be removed is not in the index.
    """
    fresh: dict[str, Document] = {}
    roots: set[str] = set()
    for source in sources:
        for listed in documents.find(source):
            roots.add(listed.root)
            fresh.setdefault(listed.key, listed)
    unwanted = _unwanted(remove, old)
    for key in unwanted:
        fresh.pop(key, None)
    faults = {key: document for key, document in fresh.items() if document.fault is not None}
    kept: list[Entry] = []
    gone: list[Entry] = []
    report = IndexReport()
    for entry in old:
        document = fresh.get(entry.key)
        same = document is not None and document.digest == entry.digest
        asked = document is not None or entry.root in roots or entry.key in unwanted
        places = (entry.key, *map(str, Path(entry.key).parents)) if faults else ()
        fault = next((faults[place] for place in places if place in faults), None)
        if entry.key not in unwanted and fault is not None:
            report.skipped[fault.name] = stays(fault.fault)
            fresh.pop(fault.key, None)
        elif asked and not same:
            gone.append(entry)
            (report.removed if document is None else report.replaced).append(entry.name)
            continue
        kept.append(entry)
        report.kept.append(entry.name)
        fresh.pop(entry.key, None)
    replaced = {entry.key for entry in gone}
    report.added = [one.name for one in fresh.values() if one.key not in replaced]
    return Changes(kept, gone, list(fresh.values()), report)


def stays(why: object) -> str:
    """What is said of a document that cannot be read for a moment and is in the index already."""
    return _("{why} What the index holds of it stays as it was").format(why=why)


def _in(key: str, place: str) -> bool:
    return key == place or key.startswith(place + os.sep)


def _unwanted(remove: Sequence[str | Path], old: Sequence[Entry]) -> set[str]:
    """The keys of what is to be removed, named by path, folder or citation name."""
    keys: set[str] = set()
    for name in remove:
        text = os.fspath(name)
        path = documents.root_of(text)
        matching = {
            entry.key
            for entry in old
            if text in (entry.name, entry.key, entry.root)
            or path == entry.root
            or _in(entry.key, path)
        }
        if not matching:
            names = ", ".join(entry.name for entry in old[:_SHOWN])
            raise InputError(
                _("'{name}' is not in this index").format(name=text),
                expected=_("one of its documents, or a folder of them"),
                hint=_("It holds: {names}").format(names=names + ("…" if names else "-")),
            )
        keys |= matching
    return keys
