"""`prosa evaluate` and `prosa models`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from prosa.cli import answers, flags, shared, usage
from prosa.i18n import _, ngettext

if TYPE_CHECKING:
    from prosa.measure.bits import Score


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
        result = evaluate_verb(model, data, split=split, raw=raw, kind=kind, columns=columns)
        if as_json:
            shared.print_json(result.score.to_json())
            return
        score = result.score
        shared.say(*result.notes)
        shared.say(
            _("{tokens} tokens of {data} ({part})").format(
                tokens=shared.number(score.tokens, 0), data=data, part=result.split
            ),
            _("  loss           {value} nats per token").format(value=shared.number(score.loss, 4)),
            _("  perplexity     {value}").format(value=shared.number(score.perplexity, 2)),
            _("  bits per byte  {value}").format(value=shared.number(score.bits_per_byte, 4)),
            *_unknown(score),
            _("  accuracy       {value} %").format(value=shared.number(100 * score.accuracy, 1)),
            _("  speed          {value} tokens/s").format(
                value=shared.number(score.tokens_per_second, 0)
            ),
        )

    @app.command(cls=usage.Command, help=_("The model families, and the models on this disk."))
    def models(as_json: bool = flags.as_json()) -> None:
        from prosa.verbs.measuring import list_models

        runs = list_models()
        if as_json:
            shared.print_json({"families": list(_families()), "models": runs})
            return
        shared.say(_("Families (--family):"))
        shared.say(*(f"  {name:<8}  {text}" for name, text in _families().items()))
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


def _unknown(score: "Score") -> Iterator[str]:
    """What unknown tokens were charged, where there are any."""
    if score.unknown:
        yield ngettext(
            "  unknown        {n} token, charged as {bytes} bytes of 8 bits in bits per byte",
            "  unknown        {n} tokens, charged as {bytes} bytes of 8 bits in bits per byte",
            score.unknown,
        ).format(n=shared.number(score.unknown, 0), bytes=shared.number(score.unknown_bytes, 0))


def _families() -> dict[str, str]:
    return {
        "ngram": _("counts words; modified Kneser-Ney smoothing"),
        "rnn": _("recurrent network (Elman)"),
        "lstm": _("recurrent network with long short-term memory"),
        "gru": _("recurrent network with gated units"),
        "decoder": _("Transformer decoder (Llama architecture)"),
    }
