"""Training as people watch it: one live line in a terminal, whole lines in a log file.

In a terminal the last line is drawn over again; validation and samples scroll above it. Where the
output is a file, a line is written at most every ten seconds. Nothing is wider than 80 columns.
"""

import sys
import textwrap
import time
from typing import TYPE_CHECKING, TextIO

from prosa.cli import shared
from prosa.i18n import _, ngettext

if TYPE_CHECKING:
    from prosa.training.events import Event, Note, Planned, Progress, Sampled, Stopped, Validated
    from prosa.training.plan import Plan

_WIDTH = 78
_LOG_SECONDS = 10.0


class Display:
    """Shows the events of a run in a file; a terminal gets a live line."""

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file or sys.stdout
        self._live = self._file.isatty()
        self._shown = False
        self._logged = 0.0

    def __enter__(self) -> "Display":
        return self

    def __exit__(self, *_error: object) -> None:
        self._clear()

    def working(self, what: str) -> None:
        """Say what is being done now."""
        self._line(what + " …")

    def heading(self, title: str) -> None:
        """Begin a part."""
        lines = textwrap.wrap(title, _WIDTH)
        for line in ["", *lines, "─" * max(map(len, lines))]:
            self._line(line)

    def __call__(self, event: "Event") -> None:
        """Show one event."""
        getattr(self, "_" + type(event).__name__.lower())(event)

    def _note(self, event: "Note") -> None:
        for line in textwrap.wrap(event.text, _WIDTH, subsequent_indent="  ") or [""]:
            self._line(line)

    def _planned(self, event: "Planned") -> None:
        for line in _plan_lines(event.plan):
            for part in textwrap.wrap(line, _WIDTH, subsequent_indent="    ") or [""]:
                self._line(part)

    def _progress(self, event: "Progress") -> None:
        text = _("step {step}/{steps}  loss {loss}  {speed} tokens/s  {left} left").format(
            step=event.step,
            steps=event.steps,
            loss=shared.number(event.loss, 3),
            speed=shared.number(event.tokens_per_second, 0),
            left=shared.duration(event.seconds_left),
        )
        if self._live:
            self._draw(_bar(event.step / max(1, event.steps)) + " " + text)
        elif time.monotonic() - self._logged >= _LOG_SECONDS or event.step >= event.steps:
            self._logged = time.monotonic()
            self._line(text)

    def _validated(self, event: "Validated") -> None:
        text = _("step {step}: validation {loss} nats per token").format(
            step=event.step, loss=shared.number(event.loss, 3)
        )
        if event.bits_per_byte is not None:
            bits = shared.number(event.bits_per_byte, 3)
            text += _(", {bits} bits per byte").format(bits=bits)
        self._line(text + (" *" if event.best else ""))

    def _sampled(self, event: "Sampled") -> None:
        text = " ".join(event.text.split())
        shown = textwrap.shorten(text, 2 * _WIDTH - 12, placeholder="…")
        for line in textwrap.wrap(f"» {shown}", _WIDTH - 2, subsequent_indent="  "):
            self._line("  " + line)

    def _stopped(self, event: "Stopped") -> None:
        reasons = {
            "interrupted": _("Stopped as you asked; what was learned so far is kept."),
            "early": _("Stopped early: validation has not improved; the best weights are kept."),
        }
        self._line(reasons[event.reason])

    def _draw(self, text: str) -> None:
        self._file.write("\r\x1b[2K" + text[:_WIDTH])
        self._file.flush()
        self._shown = True

    def _clear(self) -> None:
        if self._shown:
            self._file.write("\r\x1b[2K")
            self._file.flush()
            self._shown = False

    def _line(self, text: str) -> None:
        self._clear()
        print(text, file=self._file, flush=True)


def _bar(share: float, width: int = 14) -> str:
    full = round(min(1.0, share) * width)
    return "━" * full + "╌" * (width - full)


def _plan_lines(plan: "Plan") -> list[str]:
    sizes = plan.sizes
    shape = [
        ngettext("{n} layer", "{n} layers", sizes.layers or 0).format(n=sizes.layers),
        _("{n} units").format(n=sizes.hidden_size),
        _("context {n}").format(n=sizes.context),
    ]
    if sizes.heads:
        shape.insert(2, _("{n} heads").format(n=sizes.heads))
    if sizes.embedding_size:
        shape.insert(1, _("embeddings of {n}").format(n=sizes.embedding_size))
    return [
        "",
        _("Plan: {family}, {parameters} parameters ({shape})").format(
            family=plan.family,
            parameters=shared.number(plan.parameters, 0),
            shape=", ".join(shape),
        ),
        _("  {steps} steps of {tokens} tokens, {epochs} passes over the data").format(
            steps=shared.number(plan.steps, 0),
            tokens=shared.number(plan.tokens_per_step, 0),
            epochs=shared.number(plan.epochs, 1),
        ),
        _("  about {time} and {memory} of memory, {device}, {precision}").format(
            time=shared.duration(plan.seconds),
            memory=shared.megabytes(plan.memory_bytes),
            device=f"{plan.processes} × {plan.processor}" if plan.processes > 1 else plan.processor,
            precision="bfloat16" if plan.bfloat16 else "float32",
        ),
        "",
    ]
