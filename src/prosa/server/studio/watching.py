"""A training as it goes on: in Train, for whoever opens the page."""

from functools import partial
from typing import Any

import gradio as gr
import pandas as pd

from prosa import runs
from prosa.i18n import _
from prosa.report import duration, number, size
from prosa.server.jobs import Job
from prosa.server.studio.house import PURPOSES, House, text

SECONDS = 2.0
"""Between two looks at a training."""
_SAMPLES, _POINTS = 6, 200


def build(house: House) -> None:
    """Put the training that is watched on the page."""
    with gr.Column(visible=False) as whole:
        chosen = gr.Dropdown([], label=_("Trainings"))
        status = gr.HTML()
        with gr.Row():
            stop = gr.Button(_("Stop and keep the model"), variant="stop", visible=False)
            chat = gr.Button(_("Chat with it"), variant="primary", visible=False)
            see = gr.Button(_("Look inside it"), variant="primary", visible=False)
        with gr.Row():
            axes: dict[str, Any] = {
                "x": "step",
                "x_title": _("step"),
                "height": 260,
                "visible": False,
            }
            loss = gr.LinePlot(y="loss", y_title=_("loss"), color="of", color_title=" ", **axes)
            bits = gr.LinePlot(y="bits", y_title=_("bits per byte"), **axes)
        samples = gr.HTML()
    timer = gr.Timer(SECONDS, active=False)

    shown = [whole, chosen, status, stop, chat, see, loss, bits, samples, timer]
    watch = partial(_shown, house)
    house.when(house.opened, partial(_newest, house), outputs=[house.job])
    for event in (house.job.change, timer.tick):
        house.when(event, watch, [house.job], shown, show_progress="hidden")
    house.when(chosen.input, lambda name: name, [chosen], [house.job])
    house.when(stop.click, partial(_stop, house), [house.job], shown)
    for button, tab in ((chat, "chatting"), (see, "understanding")):
        go = partial(_go, house, tab)
        house.when(button.click, go, [house.job], [house.model, house.tabs])


def _newest(house: House) -> str | None:
    return next((job.name for job in house.jobs.all()), None)


def _stop(house: House, name: str | None) -> list[Any]:
    if job := house.jobs.get(name):
        job.stop()
    return _shown(house, name)


def _go(house: House, tab: str, name: str | None) -> list[Any]:
    job = house.jobs.get(name)
    return [job.outcome().get("model") if job else None, gr.Tabs(selected=tab)]


def _shown(house: House, name: str | None) -> list[Any]:
    """What there is to see of a training: a value for each of `shown` in `build`."""
    job = house.jobs.get(name)
    if job is None:
        return [gr.Column(visible=False), *[gr.skip()] * 8, gr.Timer(active=False)]
    events, outcome = job.events(), job.outcome()
    running = outcome["state"] == "running"
    jobs = [(_titled(other), other.name) for other in house.jobs.all()]
    steps = [e for e in events if e["event"] == "progress"]
    scores = [e for e in events if e["event"] == "validated"]
    losses = [(e["step"], e["loss"], _("training")) for e in steps[:: 1 + len(steps) // _POINTS]]
    losses += [(e["step"], e["loss"], _("validation")) for e in scores]
    bits = [(e["step"], e["bits_per_byte"]) for e in scores if e["bits_per_byte"] is not None]
    learned = outcome.get("result", {}).get("task")
    return [
        gr.Column(visible=True),
        gr.Dropdown(jobs, value=job.name, visible=len(jobs) > 1),
        _status(house, job, events, outcome),
        gr.Button(visible=running, interactive=not job.stopping),
        gr.Button(visible=learned in ("causal", "seq2seq")),
        gr.Button(visible=learned in PURPOSES),
        _plot(losses, ["step", "loss", "of"]),
        _plot(bits, ["step", "bits"]),
        _samples(events),
        gr.Timer(active=running),
    ]


def _titled(job: Job) -> str:
    return f"{job.title}, {job.settings['family']}"


def _plot(rows: list[tuple[Any, ...]], names: list[str]) -> Any:
    return gr.LinePlot(pd.DataFrame(rows, columns=names), visible=len(rows) > 1)


def _status(house: House, job: Job, events: list[dict[str, Any]], outcome: dict[str, Any]) -> str:
    last = {event["event"]: event for event in events}
    parts = [text(_titled(job), "h3")]
    if outcome["state"] == "running":
        parts.append(_progress(last, stopping=job.stopping))
    elif outcome["state"] == "failed":
        parts.append(text(house.named(outcome["message"]), "div", role="alert"))
    elif "model" in outcome:
        parts += _result(job, outcome)
    else:
        parts.append(text(_("Stopped before there was anything to keep."), "p", role="status"))
    if planned := last.get("planned"):
        parts.append(_planned(planned["plan"]))
    notes = "".join(
        text(house.named(event["text"]), "li") for event in events if event["event"] == "note"
    )
    if notes:
        title = text(_("About the data"), "summary")
        parts.append(f"<details>{title}<ul>{notes}</ul></details>")
    return "".join(parts)


def _progress(last: dict[str, dict[str, Any]], *, stopping: bool) -> str:
    event = last.get("progress")
    if event is None:
        said = _("Training …") if "planned" in last else _("Reading the data …")
        share = ""
    else:
        said = _("Step {step} of {steps}, loss {loss}, {left} left").format(
            step=number(event["step"], 0),
            steps=number(event["steps"], 0),
            loss=number(event["loss"], 3),
            left=duration(event["seconds_left"]),
        )
        share = f"{min(1.0, event['step'] / max(1, event['steps'])):.3f}"
    said = _("Stopping; what was learned so far is being kept …") if stopping else said
    value = {"value": share} if share else {}
    return text(said) + text("", "progress", **value, **{"aria-label": _("Progress")})


def _result(job: Job, outcome: dict[str, Any]) -> list[str]:
    result = outcome["result"]
    said = [_("Done.") if outcome["state"] == "done" else _("Stopped; the model is kept.")]
    if result["validation_bits_per_byte"] is not None:
        said.append(
            _("Validation: {bits} bits per byte, perplexity {perplexity}.").format(
                bits=number(result["validation_bits_per_byte"], 3),
                perplexity=number(result["validation_perplexity"]),
            )
        )
    if result.get("validation_macro_f1") is not None:
        said.append(
            _("Validation: {accuracy} % right, macro F1 {f1} %; the majority {majority} %").format(
                accuracy=number(100 * result["validation_accuracy"], 1),
                f1=number(100 * result["validation_macro_f1"], 1),
                majority=number(100 * result["validation_majority_accuracy"], 1),
            )
            + "."
        )
    said.append(_("It is called {name}.").format(name=outcome["model"]))
    if purpose := PURPOSES.get(result.get("task")):
        [command] = runs.first_commands(outcome["model"], result["task"])
        said += [_(purpose), _("In a terminal: {command}").format(command=command)]
    asked = "".join(text(question, "li") for question in job.examples)
    for_instance = text(_("Ask it, for instance:")) + f"<ul>{asked}</ul>" if asked else ""
    return [text(" ".join(said), "p", role="status"), for_instance]


def _planned(plan: dict[str, Any]) -> str:
    return text(
        _("{family}, {n} parameters; about {time} and {memory} of memory").format(
            family=plan["family"],
            n=number(plan["parameters"], 0),
            time=duration(plan["seconds"]),
            memory=size(plan["memory_bytes"]),
        )
    )


def _samples(events: list[dict[str, Any]]) -> str:
    written = [event for event in events if event["event"] == "sampled"][: -_SAMPLES - 1 : -1]
    if not written:
        return ""
    step = _("step {n}")
    shown = "".join(
        f"<figure>{text(event['text'], 'blockquote')}"
        f"{text(step.format(n=event['step']), 'figcaption')}</figure>"
        for event in written
    )
    return text(_("What it writes now"), "h4") + shown
