"""The errors a person can meet, and how each one reads.

Two kinds only: `InputError`, which the person can mend (exit code 2), and `ProsaError`, which is a
failure of ours or of the machine (exit code 1). Everything else is a bug and shows a traceback only
with `--debug`.
"""

from pathlib import Path

from prosa.i18n import _


class ProsaError(Exception):
    """A failure that is ours or the machine's; exit code 1.

    Args:
        what: What went wrong, one sentence, without a full stop needed.
        hint: What the person can do about it.

    Attributes:
        told: Of a run in several processes: another one has raised it and says it.
    """

    exit_code = 1
    told = False

    def __init__(self, what: str, *, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return " ".join(part for part in (_sentence(self.what), _sentence(self.hint)) if part)


class InputError(ProsaError):
    """The person's input is at fault; exit code 2.

    Args:
        what: What is wrong.
        path: The file (or folder) it is wrong in.
        line: 1-based line in that file.
        column: 1-based character in that line, or the name of a column of data.
        expected: What was expected instead.
        hint: What to do.
    """

    exit_code = 2

    def __init__(
        self,
        what: str,
        *,
        path: str | Path | None = None,
        line: int | None = None,
        column: int | str | None = None,
        expected: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(what, hint=hint)
        self.path = path
        self.line = line
        self.column = column
        self.expected = expected

    @property
    def place(self) -> str:
        """Where the fault is: `file:line:column`, as far as it is known."""
        parts = [self.path, self.line, self.column]
        return ":".join(str(part) for part in parts if part is not None)

    def __str__(self) -> str:
        what = f"{self.place}: {self.what}" if self.place else self.what
        expected = _("Expected: {what}").format(what=self.expected) if self.expected else ""
        parts = (_sentence(what), _sentence(expected), _sentence(self.hint))
        return " ".join(part for part in parts if part)


def understood(error: Exception) -> ProsaError:
    """Any failure as one that a person can read."""
    if isinstance(error, ProsaError):
        return error
    if isinstance(error, MemoryError):
        hint = _("Use a smaller --context, --batch-size or --hidden-size, or less data")
        return ProsaError(_("The memory of this machine is full"), hint=hint)
    what = _("Something went wrong inside prosa: {kind}: {error}")
    text = what.format(kind=type(error).__name__, error=error)
    hint = _("This is our fault. Run again with --debug and report what it prints")
    return ProsaError(text, hint=hint)


def _sentence(text: str) -> str:
    """Close a sentence that has no closing mark yet."""
    text = text.strip()
    return text if not text or text[-1] in ".!?:…" else f"{text}."
