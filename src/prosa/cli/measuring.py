"""`prosa evaluate` and `prosa models`."""

import textwrap
from collections.abc import Iterator
from typing import Any

import typer

from prosa.cli import answers, flags, shared, usage
from prosa.i18n import _, ngettext

_MISTAKES = 10


def register(app: typer.Typer) -> None:
    """Add the verbs."""

    @app.command(cls=usage.Command, help=_("Measure a model on DATA, or the answers of an index."))
    def evaluate(
        model: str = typer.Argument(
            ..., metavar="MODEL", help=_("A run's folder or name, or an index's folder.")
        ),
        data: str | None = typer.Argument(
            None,
            metavar="DATA",
            help=_("A file, folder or sample; of an index questions in JSONL, or nothing."),
        ),
        split: str | None = typer.Option(
            None, help=_("train, validation or test, when DATA is what the model learned from.")
        ),
        raw: bool = flags.raw(),
        kind: str | None = flags.kind(),
        column: list[str] = flags.column(),
        max_error: float | None = flags.max_error(),
        reader: str | None = flags.reader(),
        writer: str | None = flags.writer(),
        output: str | None = typer.Option(
            None, "-o", "--output", help=_("Of an index: a calibration plot (SVG).")
        ),
        as_json: bool = flags.as_json(),
    ) -> None:
        from prosa.search.stores import is_index

        if is_index(model):
            settings = {"max_error": max_error, "reader": reader, "writer": writer}
            answers.measure(model, data, settings, output, as_json=as_json)
            return
        if data is None:
            from prosa.errors import InputError

            raise InputError(
                _("{name} is missing.").format(name="DATA"),
                expected=_("the data to measure the model on"),
            )
        from prosa.verbs.measuring import evaluate as evaluate_verb

        columns = flags.column_map(column)
        chosen: dict[str, Any] = {"split": split, "raw": raw, "kind": kind, "columns": columns}
        result = evaluate_verb(model, data, say=shared.note, **chosen)
        if as_json:
            shared.print_json(result.metrics.to_json())
            return
        shared.say(*result.notes, *_figures(result.metrics.to_json(), data, result.split))

    @app.command(cls=usage.Command, help=_("The model families, and the models on this disk."))
    def models(as_json: bool = flags.as_json()) -> None:
        from prosa.models.registry import REGISTRY
        from prosa.verbs.measuring import list_models

        runs = list_models()
        if as_json:
            shared.print_json({"families": list(REGISTRY), "models": runs})
            return
        shared.say(_("Families (--family):"), *_families())
        shared.say("")
        if not runs:
            shared.say(_("No model in the folder 'runs' yet. Train one with: prosa train DATA"))
            return
        head = [_("Model"), _("family"), _("parameters"), _("bits/byte"), _("disk")]
        rows = [
            [
                model["name"],
                model["family"] or "–",
                shared.number(model["parameters"], 0),
                shared.number(model["bits_per_byte"], 3),
                shared.megabytes(model["disk_bytes"]),
            ]
            for model in runs
        ]
        shared.say(*shared.table(rows, head))


def _figures(values: dict[str, Any], data: str, part: str) -> Iterator[str]:
    """What was measured, a line each; a task that has no such figure has no such line."""
    from prosa.data.report import SPLIT_NAMES

    tokens = shared.number(values["tokens"], 0)
    yield _("{tokens} tokens of {data} ({part})").format(
        tokens=tokens, data=data, part=_(SPLIT_NAMES[part])
    )
    yield _("  loss           {value} nats per token").format(
        value=shared.number(values["loss"], 4)
    )
    if "perplexity" in values:
        yield _("  perplexity     {value}").format(value=shared.number(values["perplexity"], 2))
    if values.get("bits_per_byte") is not None:
        bits = shared.number(values["bits_per_byte"], 4)
        yield _("  bits per byte  {value}").format(value=bits)
    if values.get("unknown"):
        yield ngettext(
            "  unknown        {n} token, charged as {bytes} bytes of 8 bits in bits per byte",
            "  unknown        {n} tokens, charged as {bytes} bytes of 8 bits in bits per byte",
            values["unknown"],
        ).format(
            n=shared.number(values["unknown"], 0), bytes=shared.number(values["unknown_bytes"], 0)
        )
    shares = {
        "accuracy": _("  accuracy       {value} %"),
        "macro_f1": _("  macro F1       {value} %"),
        "majority_accuracy": _("  majority       {value} % (always the most frequent label)"),
        "exact_match": _("  exact match    {value} %"),
        "f1": _("  F1             {value} %"),
    }
    for name, text in shares.items():
        if name in values:
            yield text.format(value=shared.number(100 * values[name], 1))
    if values.get("chrf") is not None:
        yield _("  chrF           {value}").format(value=shared.number(values["chrf"], 1))
    speed = shared.number(values["tokens_per_second"], 0)
    yield _("  speed          {value} tokens/s").format(value=speed)
    if "confusion" in values:
        yield from _mistaken(values["confusion"])


def _mistaken(confusion: dict[str, dict[str, int]]) -> Iterator[str]:
    """The commonest mistakes of a classifier."""
    wrong = [(n, a, b) for a, row in confusion.items() for b, n in row.items() if a != b]
    if not wrong:
        return
    most = sorted(wrong, key=lambda one: (-one[0], *one[1:]))[:_MISTAKES]
    rows = [[shared.plain(a), shared.plain(b), shared.number(n, 0)] for n, a, b in most]
    yield ""
    yield from shared.table(rows, [_("label"), _("taken for"), _("times")])


def _families() -> Iterator[str]:
    """What each family is, when it was new, what it is good for and what it learns from."""
    from prosa.models.registry import REGISTRY, family
    from prosa.tasks.task import task

    for known in map(family, REGISTRY):
        about = known.about
        kinds = dict.fromkeys(kind for name in known.tasks for kind in sorted(task(name).kinds))
        yield ""
        yield f"  {known.name}"
        for text in (
            _(about.what),
            _("new in {since}").format(since=_(about.since)),
            _("good for {what}").format(what=_(about.good_for)),
            _("learns from {kinds}").format(kinds=", ".join(kinds)),
        ):
            yield from textwrap.wrap(text, 78, initial_indent="    ", subsequent_indent="      ")
