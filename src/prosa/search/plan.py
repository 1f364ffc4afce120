"""What has to be read, kept and taken out to bring an index up to date with its sources."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prosa.errors import InputError
from prosa.i18n import _
from prosa.search import documents
from prosa.search.documents import Document
from prosa.search.manifest import Entry, Manifest

_SHOWN = 5


@dataclass
class Report:
    """What a run did to an index.

    Attributes:
        added: Documents that were not there.
        replaced: Documents whose content had changed.
        removed: Documents that are there no more.
        kept: Documents that had not changed, or that were not asked about.
        skipped: Documents that could not be read, and why.
        passages: Passages that are in the index now.
    """

    added: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    passages: int = 0


@dataclass(frozen=True)
class Plan:
    """What a run will do.

    Attributes:
        old: The state the index is in.
        keep: Entries that stay as they are, in the order of their rows.
        gone: Entries whose rows are taken out.
        fresh: Documents to be read.
        report: What can be said before.
    """

    old: Manifest
    keep: tuple[Entry, ...]
    gone: tuple[Entry, ...]
    fresh: tuple[Document, ...]
    report: Report


def plan(sources: Sequence[Any], remove: Sequence[str | Path], old: Manifest) -> Plan:
    """Compare sources with what is in an index.

    A document stays where its content is the same, or where its source is not asked about. It goes
    where its source no longer holds it.

    Args:
        sources: Files, folders, samples, tables.
        remove: Documents, files or folders to be taken out.
        old: What is in the index.

    Raises:
        InputError: A source does not exist, or what is to be removed is not in the index.
    """
    found: dict[str, Document] = {}
    roots: set[str] = set()
    for source in sources:
        some = documents.find(source)
        roots |= {document.root for document in some}
        for document in some:
            found.setdefault(document.key, document)
    unwanted = _unwanted(remove, old)
    for key in unwanted:
        found.pop(key, None)
    keep, gone = [], []
    report = Report()
    for entry in old.documents:
        there = found.get(entry.key)
        same = there is not None and there.digest == entry.digest
        asked = there is not None or entry.root in roots or entry.key in unwanted
        if same or not asked:
            keep.append(entry)
            report.kept.append(entry.name)
            found.pop(entry.key, None)
        else:
            gone.append(entry)
            (report.removed if there is None else report.replaced).append(entry.name)
    replaced = {entry.key for entry in gone}
    report.added = [one.name for one in found.values() if one.key not in replaced]
    return Plan(old, tuple(keep), tuple(gone), tuple(found.values()), report)


def _unwanted(remove: Sequence[str | Path], old: Manifest) -> set[str]:
    """The keys of what is to be removed, named by path, folder or citation name."""
    keys: set[str] = set()
    for one in remove:
        text = os.fspath(one)
        path = documents.root_of(text)
        some = {
            entry.key
            for entry in old.documents
            if text in (entry.name, entry.key, entry.root)
            or path in (entry.key, entry.root)
            or entry.key.startswith(path + os.sep)
        }
        if not some:
            names = ", ".join(entry.name for entry in old.documents[:_SHOWN])
            raise InputError(
                _("'{name}' is not in this index").format(name=text),
                expected=_("one of its documents, or a folder of them"),
                hint=_("It holds: {names}").format(names=names + ("…" if names else "-")),
            )
        keys |= some
    return keys
