"""`prosa demo`."""

import sys
import textwrap
from typing import Any

import typer

from prosa.cli import flags, shared, usage
from prosa.i18n import _

_WIDTH = 78


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(cls=usage.Command, help=_("The whole tour on bundled data, in four minutes."))
    def demo(
        scale: float = typer.Option(1.0, min=0.01, max=100, help=_("Multiplies all times.")),
        as_json: bool = flags.as_json(),
    ) -> None:
        out = sys.stderr if as_json else sys.stdout
        from prosa.cli.progress import Display

        with Display(file=out) as display:

            def part(title: str) -> Any:
                display.heading(_title(title))
                return display

            display.working(_("Starting"))
            from prosa.verbs.demo import demo as demo_verb

            result = demo_verb(listen=part, scale=scale)
        if as_json:
            shared.print_json(
                {
                    **result.comparison.to_json(),
                    "baselines": result.baselines,
                    "answers": [vars(answer) for answer in result.answers],
                    "runs": [str(path) for path in result.runs],
                    "seconds": round(result.seconds, 1),
                }
            )
            return
        shared.say(*_lines(result))


def _title(part: str) -> str:
    return {
        "ngram": _("An n-gram: it counts which words follow which"),
        "lstm": _("An LSTM: a recurrent network with a memory"),
        "decoder": _("A Transformer decoder: it looks back at every word"),
        "chat": _("A chat model: a decoder that learns questions and answers"),
    }.get(part, part)


def _lines(result: Any) -> list[str]:
    lines = ["", _("The three side by side, on stories none of them has seen"), ""]
    lines += [*_models(result.comparison), "", *_probes(result), ""]
    for prompt in result.comparison.prompts:
        lines += [_("The same beginning, continued by each: “{prompt}”").format(**prompt), ""]
        for name, text in prompt["answers"].items():
            lines += [f"  {name}:", *_wrapped("…" + text), ""]
    for seen, title in (
        (True, _("The chat model, asked in words it was trained on")),
        (False, _("The chat model, asked in words it was not trained on")),
    ):
        lines += [title, ""]
        for answer in result.answers:
            if answer.seen == seen:
                lines += [f"  > {answer.question}", *_wrapped(answer.answer), ""]
    file = _("your-file.csv")
    lines += [
        _("All this took {time}. Now with your own file:").format(
            time=shared.duration(result.seconds)
        ),
        "",
        f"  prosa inspect {file}",
        f"  prosa train {file} --minutes 5",
        "  prosa chat",
        "",
    ]
    return lines


def _models(comparison: Any) -> list[str]:
    head = ["", _("bits/byte"), _("tokens/s"), _("parameters"), _("trained in")]
    rows = [
        [
            row.name,
            shared.number(row.bits_per_byte, 3),
            shared.number(row.tokens_per_second, 0),
            shared.number(row.parameters, 0),
            shared.duration(row.train_seconds or 0),
        ]
        for row in comparison.models
    ]
    return shared.table(rows, head)


def _probes(result: Any) -> list[str]:
    """The models' shares of the probes and, below them, what needs no learning."""
    kinds = {
        "agreement": _("agreement"),
        "name": _("name"),
        "object": _("object"),
        "place": _("place"),
        "ending": _("feeling"),
        "all": _("all"),
    }
    names = {
        "untrained": _("untrained"),
        "most said": _("most said"),
        "last said": _("last said"),
        "first said": _("first said"),
    }
    shares = [(row.name, row.probes) for row in result.comparison.models]
    shares += [(names[name], probes) for name, probes in result.baselines.items()]
    rows = [
        [name, *(f"{shared.number(100 * probes[kind], 0)} %" for kind in kinds)]
        for name, probes in shares
    ]
    about = _(
        "Each probe is the beginning of a story and two ways to go on, of which one is right. "
        "Agreement asks for the form of a word; the others ask who, what, where or which feeling "
        "it was, and the story has said both answers already. A guess is right half of the time. "
        "Untrained is the decoder before it has learned; most, last and first said always take "
        "the answer that the story says most often, last or first."
    )
    return [
        _("Probes right, by kind:"),
        "",
        *shared.table(rows, ["", *kinds.values()]),
        "",
        *textwrap.wrap(about, _WIDTH),
    ]


def _wrapped(text: str) -> list[str]:
    lines = []
    for paragraph in text.strip().splitlines():
        if paragraph.strip():
            lines += textwrap.wrap(paragraph, _WIDTH - 4)
    return [f"    {line}" for line in lines]
