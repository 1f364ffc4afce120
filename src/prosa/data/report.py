"""What preparing a set of records did, for a person to read and for a program to parse."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prosa.data.duplicates import GROUPED, Duplicates, Mask
from prosa.data.facts import Facts, Fate
from prosa.data.filters import REASONS, Filters
from prosa.data.kinds import Kind
from prosa.data.repair import Repair
from prosa.data.steps import said
from prosa.files import human
from prosa.i18n import N_, _, language, ngettext

SPLIT_NAMES = {
    "train": N_("training"),
    "validation": N_("validation"),
    "test": N_("test"),
    "all": N_("all of it"),
}
_SHOWN = 100
_EXAMPLES = 3


@dataclass
class Dropped:
    """How many records were dropped, by reason; each is counted once, under the first that holds.

    `filtered` counts what the optional filters dropped, and stands in the JSON only with filters;
    `answer_not_in_context` only of span-qa.
    """

    empty: int = 0
    placeholder: int = 0
    exact_duplicates: int = 0
    near_duplicates: int = 0
    filtered: int = 0
    answer_not_in_context: int = 0


@dataclass
class Report:
    """What was read, dropped, repaired and split.

    Attributes:
        kind: What the records are.
        columns: Which column of the source became which of ours.
        records: How many were read.
        kept: How many are left.
        dropped: How many were dropped, and why.
        filters: How many each filter dropped, by its name; None where there are no filters.
        repaired: How many were changed by repair.
        bytes: UTF-8 bytes of the text that is left.
        splits: How many records each split holds.
        repairs: How many records each kind of repair changed.
        examples: (before, after) of some repairs, cut to a line each.
        dropped_examples: Some dropped records of each reason (a field of `Dropped`, or a filter).
        notes: What else there is to know, in sentences, translated.
    """

    kind: Kind
    columns: dict[str, str]
    records: int = 0
    kept: int = 0
    dropped: Dropped = field(default_factory=Dropped)
    filters: dict[str, int] | None = None
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
        if self.filters is None:
            del dropped["filtered"]
        if self.kind is not Kind.SPAN_QA:
            del dropped["answer_not_in_context"]
        return {
            "kind": str(self.kind),
            "columns": self.columns,
            "records": self.records,
            "kept": self.kept,
            "dropped": dropped,
            **({} if self.filters is None else {"filters": self.filters}),
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
            "answer_not_in_context": _("whose answer is not in its context"),
        }
        filters = {
            "short": _("too short"),
            "repetition": _("repeating itself"),
            "symbols": _("mostly signs"),
            "links": _("mostly links"),
            "language": _("in another language"),
            "offensive": _("offensive"),
            "blocked": _("with a blocked word"),
        }
        lines = []
        counts = asdict(self.dropped) | (self.filters or {})
        for key, name in (names | filters).items():
            if count := counts.get(key):
                lines.append(_("Dropped: {n} {reason}").format(n=_count(count), reason=name))
                lines += [f"  - {text}" for text in self.dropped_examples.get(key, [])]
        if self.filters is not None and not self.dropped.filtered:
            lines.append(_("The filters drop nothing"))
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
        parts = [f"{_(SPLIT_NAMES[name])} {_count(count)}" for name, count in self.splits.items()]
        return [_("Split: {parts}").format(parts=", ".join(parts))] if parts else []


def describe(report: Report, source: pa.Table, facts: Facts, filters: Filters) -> None:
    """Count what happened, and pick examples.

    Args:
        report: What is filled in.
        source: The records as they were read.
        facts: What became of them.
        filters: Those that were on; what is offensive or blocked is shown masked.
    """
    report.kept = int(facts.kept.sum())
    reasons = {fate.name.lower(): facts.fate == fate for fate in list(Fate)[1:]}
    for name, mask in reasons.items():
        setattr(report.dropped, name, int(mask.sum()))
    if filters.active:
        filtered = reasons.pop("filtered")
        report.filters = {}
        for number, name in enumerate(REASONS, 1):
            reasons[name] = filtered & (facts.filter == number)
            if count := int(reasons[name].sum()):
                report.filters[name] = count
    for name, mask in reasons.items():
        if name != "empty":
            texts = [_repaired(facts, row) for row in np.flatnonzero(mask)[:_EXAMPLES]]
            shown = [excerpt(text, max(0, text.find("***"))) for text in map(filters.masked, texts)]
            report.dropped_examples[name] = list(dict.fromkeys(shown))
    _describe_repairs(report, source, facts)


def _describe_repairs(report: Report, source: pa.Table, facts: Facts) -> None:
    changed = facts.kept & (facts.repair != 0)
    report.repaired = int(changed.sum())
    shown: set[int] = set()
    for what in list(Repair):
        of_this = changed & ((facts.repair & what) != 0)
        report.repairs[what] = int(of_this.sum())
        if what is not Repair.SPACES:
            alone = np.flatnonzero(of_this & (facts.repair == what))[:2].tolist()
            first = np.flatnonzero(of_this)[: 2 + len(shown)].tolist()
            for row in alone or [row for row in first if row not in shown][:2]:
                shown.add(row)
                before = _line(source, facts.names, row)
                report.examples.append(difference(before, _repaired(facts, row)))


def _repaired(facts: Facts, row: int) -> str:
    return _line(facts.stored.mapped, facts.names.values(), row)


def _line(table: pa.Table, names: Iterable[str], row: int) -> str:
    """A record on one line."""
    return " | ".join(said(table.column(name)[row].as_py() or "") for name in names)


def note_likeness(
    report: Report, free: Mask, facts: Facts, alike: Duplicates, *, grouped: bool
) -> None:
    """Say what is alike between the splits, or stays although it repeats.

    Args:
        report: Its notes are added to.
        free: bool [records], those that nobody held out.
        facts: What became of the records.
        alike: Which records are alike.
        grouped: Whether records that are alike stand on one side of the split.
    """
    copies = np.flatnonzero(alike.copy_of >= 0)
    dropped = copies[~facts.kept[copies]]
    repeated = int((~free[alike.copy_of[dropped]]).sum())
    if repeated:
        report.notes.append(
            ngettext(
                "{n} training record that repeats one held out was dropped",
                "{n} training records that repeat one held out were dropped",
                repeated,
            ).format(n=repeated)
        )
    if alike.repeats and grouped:
        report.notes.append(
            ngettext(
                "{n} short record says what another says; it stays, on the same side of the split",
                "{n} short records say what others say; they stay, on the same side of the split",
                alike.repeats,
            ).format(n=alike.repeats)
        )
    if alike.threshold > GROUPED and grouped:
        report.notes.append(
            _(
                "Much of this set is alike: only records that share {share:.0%} of their text "
                "are kept on one side of the split"
            ).format(share=alike.threshold)
        )


def byte_count(table: pa.Table) -> int:
    """UTF-8 bytes of the texts of a table; where they are nested, what Arrow needs for them."""
    return sum(
        int(pc.sum(pc.binary_length(column)).as_py() or 0)
        if pa.types.is_string(column.type)
        else int(column.nbytes)
        for column in table.columns
    )


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
