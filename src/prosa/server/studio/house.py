"""What every tab of the page is given: folders, the language, the models, and how to act.

A tab builds Gradio's components and binds what they do with `House.when`, never with `.click`
directly: then its messages are in the page's language, and what went wrong is said in the tab.
"""

import functools
import html
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from prosa import i18n, runs
from prosa.errors import InputError, ProsaError, understood
from prosa.i18n import N_
from prosa.server.engines import Engines
from prosa.server.jobs import Jobs
from prosa.tasks.task import REGISTRY, task

PURPOSES = {
    "labels": N_("It gives labels to texts; it does not write."),
    "spans": N_("It finds the answers to questions in texts; it does not write."),
    "masked": N_("It fills in words; it does not write."),
}
"""What models are for that are not for talking to, by their task."""


@dataclass(frozen=True)
class House:
    """One language's page.

    Attributes:
        language: One of `i18n.LANGUAGES`.
        engines: The loaded models, shared with the server's API.
        tabs: The page's tabs; a handler that returns `gr.Tabs(selected="training")` for it goes
            there. A tab's id is its module's name.
        model: The name of the model or index last chosen in any tab, a `gr.State`; a tab that
            follows it listens to `house.model.change`.
        job: The name of the training that is watched, likewise.
        alert: Where faults are said in the tab that is being built.
        root: The folder of runs. Models lie in it; what the page keeps besides is in `.studio`.
    """

    language: str
    engines: Engines
    tabs: gr.Tabs
    model: gr.State
    job: gr.State
    alert: gr.HTML
    root: Path = runs.RUNS

    @property
    def jobs(self) -> Jobs:
        """The trainings that were started here."""
        return Jobs(self.root / ".studio" / "jobs")

    @property
    def data(self) -> Path:
        """What was dropped or pasted in to train on, each in a folder of its own."""
        return self.root / ".studio" / "data"

    @property
    def conversations(self) -> Path:
        """One JSON file a conversation."""
        return self.root / ".studio" / "conversations"

    @property
    def votes(self) -> Path:
        """The blind votes of Compare."""
        return self.root / ".studio" / "votes.jsonl"

    @property
    def indexes(self) -> Path:
        """One folder an index; they lie beside the models."""
        return self.root

    @property
    def opened(self) -> Callable[..., Any]:
        """The event of the page being opened."""
        blocks: Any = gr.context.Context.root_block
        load: Callable[..., Any] = blocks.load
        return load

    def writers(self) -> list[str]:
        """The models that write, and the indexes: what a person can talk to."""
        return [name for name in self.engines.names() if _writes(self.root / name)]

    def named(self, said: str) -> str:
        """A message with the files of `data` called by their own names, without the path."""
        place = rf"(?:{re.escape(str(self.data))}|{re.escape(str(self.data.resolve()))})"
        return re.sub(rf"{place}/[0-9a-f]+/", "", said)

    def alerting(self, alert: gr.HTML) -> "House":
        """The same, for a tab (or a part of one) whose faults are said in this box."""
        return replace(self, alert=alert)

    def when(
        self,
        event: Callable[..., Any],
        act: Callable[..., Any],
        inputs: Sequence[Any] = (),
        outputs: Sequence[Any] = (),
        **options: Any,
    ) -> Any:
        """Let `act` answer an event such as `button.click`.

        Args:
            event: A component's method, or `gr.on` with its triggers bound.
            act: Takes the inputs' values, and gives a value for each output (with one output the
                value alone), or yields them. A `ProsaError` becomes the text of `alert`, and
                the outputs stay as they are.
            inputs: Components.
            outputs: Components.
            options: Of the event, such as `show_progress`.

        Returns:
            Gradio's dependency, for `.then(...)` or `cancels`.
        """
        options.setdefault("api_visibility", "private")
        acts = _generator if inspect.isgeneratorfunction(act) else _function
        answer = functools.wraps(act)(acts(self, act, len(outputs)))
        return event(answer, list(inputs), [*outputs, self.alert], **options)


def alert_box() -> gr.HTML:
    """An empty box for what went wrong, read aloud by screen readers."""
    return gr.HTML(padding=False, elem_classes="alert")


def text(plain: str, tag: str = "p", **attributes: str) -> str:
    """Text as HTML that shows it as it stands."""
    extra = "".join(f' {name}="{html.escape(value)}"' for name, value in attributes.items())
    return f"<{tag}{extra}>{html.escape(plain)}</{tag}>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> str:
    """A table of text as HTML."""
    cells = ["".join(text(cell, "td") for cell in row) for row in rows]
    names = "".join(text(name, "th", scope="col") for name in head)
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    inner = f"<table>{text(caption, 'caption')}<tr>{names}</tr>{body}</table>"
    return f'<div class="wide" tabindex="0">{inner}</div>'


def _writes(folder: Path) -> bool:
    """Whether a model writes, as far as its folder says what it has learned."""
    try:
        manifest = runs.read_manifest(folder)
    except InputError:  # it is said when the model is asked
        return True
    learned = manifest.result.get("task") if manifest else None
    return learned not in REGISTRY or task(learned).writes


def _function(house: House, act: Callable[..., Any], count: int) -> Callable[..., Any]:
    def answer(*values: Any) -> Any:
        with i18n.speaking(house.language):
            try:
                return [*_listed(act(*values), count), ""]
            except Exception as error:
                return [*[gr.skip()] * count, _said(house, error)]

    return answer


def _generator(house: House, act: Callable[..., Any], count: int) -> Callable[..., Any]:
    def answer(*values: Any) -> Iterator[Any]:
        steps = act(*values)
        while True:
            # Each step may run in another thread: the language is set anew.
            with i18n.speaking(house.language):
                try:
                    made = [*_listed(next(steps), count), ""]
                except StopIteration:
                    return
                except Exception as error:
                    made = [*[gr.skip()] * count, _said(house, error)]
            try:
                yield made
            except GeneratorExit:
                steps.close()
                raise

    return answer


def _listed(value: Any, count: int) -> list[Any]:
    return [value] if count == 1 else list(value) if count else []


def _said(house: House, error: Exception) -> str:
    if not isinstance(error, ProsaError):
        traceback.print_exc(file=sys.stderr)
    return text(house.named(str(understood(error))), "div", role="alert")
