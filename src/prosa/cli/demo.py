"""`prosa demo`."""

import sys
from typing import Any

import typer

from prosa.cli import comparing, flags, shared, usage
from prosa.i18n import _


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
            chat = _("A chat model: a decoder that learns questions and answers")

            def part(title: str) -> Any:
                display.heading(chat if title == "chat" else title)
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


def _lines(result: Any) -> list[str]:
    lines = ["", _("The families side by side, on stories none of them has seen")]
    lines += comparing.lines(result.comparison, result.baselines)
    lines.append("")
    for seen, title in (
        (True, _("The chat model, asked in words it was trained on")),
        (False, _("The chat model, asked in words it was not trained on")),
    ):
        lines += [title, ""]
        for answer in result.answers:
            if answer.seen == seen:
                lines += [f"  > {answer.question}", *comparing.wrapped(answer.answer), ""]
    file = _("your-file.csv")
    return [
        *lines,
        _("All this took {time}. Now with your own file:").format(
            time=shared.duration(result.seconds)
        ),
        "",
        f"  prosa inspect {file}",
        f"  prosa train {file} --minutes 5",
        "  prosa chat",
        "",
    ]
