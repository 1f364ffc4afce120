"""What preparing a set of records did, for a person to read and for a program to parse."""

from dataclasses import asdict, dataclass, field
from typing import Any

from prosa.data.kinds import Kind
from prosa.data.repair import Repair
from prosa.files import human
from prosa.i18n import _, language, ngettext

_SHOWN = 100


@dataclass
class Dropped:
    """How many records were dropped, by reason; each is counted once, under the first that holds.

    `filtered` counts what the optional filters dropped, and is in the JSON only where it is not 0.
    """

    empty: int = 0
    placeholder: int = 0
    exact_duplicates: int = 0
    near_duplicates: int = 0
    filtered: int = 0


@dataclass
class Report:
    """What was read, dropped, repaired and split.

    Attributes:
        kind: What the records are.
        columns: Which column of the source became which of ours.
        records: How many were read.
        kept: How many are left.
        dropped: How many were dropped, and why.
        repaired: How many were changed by repair.
        bytes: UTF-8 bytes of the text that is left.
        splits: How many records each split holds.
        repairs: How many records each kind of repair changed.
        examples: (before, after) of some repairs, cut to a line each.
        dropped_examples: Some dropped records of each reason (a field of `Dropped`).
        notes: What else there is to know, in sentences, translated.
    """

    kind: Kind
    columns: dict[str, str]
    records: int = 0
    kept: int = 0
    dropped: Dropped = field(default_factory=Dropped)
    repaired: int = 0
    bytes: int = 0
    splits: dict[str, int] = field(default_factory=dict)
    repairs: dict[Repair, int] = field(default_factory=dict)
    examples: list[tuple[str, str]] = field(default_factory=list)
    dropped_examples: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The documented keys, and no other."""
        dropped = asdict(self.dropped)
        if not self.dropped.filtered:
            del dropped["filtered"]
        return {
            "kind": str(self.kind),
            "columns": self.columns,
            "records": self.records,
            "kept": self.kept,
            "dropped": dropped,
            "repaired": self.repaired,
            "bytes": self.bytes,
            "splits": self.splits,
        }

    def lines(self) -> list[str]:
        """The report as lines of text in the person's language."""
        records = ngettext("{n} record read", "{n} records read", self.records)
        kept = ngettext("{n} kept", "{n} kept", self.kept)
        first = f"{records.format(n=_count(self.records))}, {kept.format(n=_count(self.kept))}"
        return [
            f"{first} ({human(self.bytes)})",
            *self._dropped_lines(),
            *self._repair_lines(),
            *self._split_lines(),
            *self.notes,
        ]

    def _dropped_lines(self) -> list[str]:
        names = {
            "empty": _("empty"),
            "placeholder": _("placeholders"),
            "exact_duplicates": _("exact duplicates"),
            "near_duplicates": _("near duplicates"),
            "filtered": _("filtered out"),
        }
        lines = []
        for key, name in names.items():
            if count := getattr(self.dropped, key):
                lines.append(_("Dropped: {n} {reason}").format(n=_count(count), reason=name))
                lines += [f"  - {text}" for text in self.dropped_examples.get(key, [])]
        return lines

    def _repair_lines(self) -> list[str]:
        if not self.repaired:
            return []
        names = {
            Repair.MOJIBAKE: _("broken encoding"),
            Repair.ENTITIES: _("HTML entities"),
            Repair.LINE_BREAKS: _("written line breaks"),
            Repair.UNWRAPPED: _("hard-wrapped lines"),
            Repair.SPACES: _("white space"),
        }
        parts = [f"{names[what]} {_count(n)}" for what, n in self.repairs.items() if n]
        repaired = ngettext("Repaired: {n} record", "Repaired: {n} records", self.repaired)
        lines = [f"{repaired.format(n=_count(self.repaired))} ({', '.join(parts)})"]
        for before, after in self.examples:
            lines += [f"  - {before}", f"  + {after}"]
        return lines

    def _split_lines(self) -> list[str]:
        names = {
            "train": _("training"),
            "validation": _("validation"),
            "test": _("test"),
        }
        parts = [f"{names[name]} {_count(count)}" for name, count in self.splits.items()]
        return [_("Split: {parts}").format(parts=", ".join(parts))] if parts else []


def excerpt(text: str, at: int = 0) -> str:
    """A line's worth of a text around a place, line breaks made visible."""
    start = max(0, min(at - _SHOWN // 3, len(text) - _SHOWN))
    piece = text[start : start + _SHOWN].replace("\n", "⏎")
    return ("…" if start else "") + piece + ("…" if start + _SHOWN < len(text) else "")


def difference(before: str, after: str) -> tuple[str, str]:
    """Both texts around the first place where they differ."""
    pairs = zip(before, after, strict=False)
    at = next((n for n, (one, other) in enumerate(pairs) if one != other), len(after))
    return excerpt(before, at), excerpt(after, at)


def _count(number: int) -> str:
    """A number with its thousands apart."""
    return f"{number:,}".replace(",", "." if language() == "pt_BR" else ",")
