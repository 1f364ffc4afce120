"""Whether labels can be learned from the parts that labelled data was cut into."""

from collections.abc import Mapping

import pyarrow as pa

from prosa.data.report import SPLIT_NAMES
from prosa.errors import InputError
from prosa.i18n import _


def check_labels(splits: Mapping[str, pa.Table], source: str) -> None:
    """Refuse data in which there is nothing to tell apart, or a label that is never learned.

    Raises:
        InputError: The message names the labels.
    """
    known = _labels(splits["train"])
    for part, table in splits.items():
        if unknown := sorted(_labels(table) - known):
            raise InputError(
                _(
                    "No text to learn from has the label '{label}': it is only in the part "
                    "for {part}"
                ).format(label="', '".join(unknown[:5]), part=_(SPLIT_NAMES[part])),
                path=source,
                hint=_(
                    "Add texts with this label, take it out, or hold nothing out: "
                    "--validation 0 --test 0"
                ),
            )
    if len(known) < 2:
        raise InputError(
            _("All texts have the same label: {label}").format(label="".join(known)),
            path=source,
            expected=_("two labels or more"),
        )


def _labels(table: pa.Table) -> set[str]:
    return {str(label) for label in table["label"].to_pylist()}
