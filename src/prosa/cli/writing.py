"""`prosa generate` and `prosa chat`."""

import sys
from typing import Any

import typer

from prosa.cli import answers, documents, shared, usage
from prosa.i18n import _


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    _register_generate(app)
    _register_chat(app)


def _register_generate(app: typer.Typer) -> None:
    @app.command(cls=usage.Command, help=_("Continue PROMPT with a model."))
    def generate(
        model: str = typer.Argument(..., metavar="MODEL", help=_("A run's folder or name.")),
        prompt: str = typer.Argument("", metavar="PROMPT", help=_("The beginning; '-' reads it.")),
        max_new_tokens: int = typer.Option(200, help=_("Tokens to write at most.")),
        temperature: float = typer.Option(0.8, help=_("0 always takes the likeliest token.")),
        top_k: int = typer.Option(50, help=_("Draw from the k likeliest tokens; 0 for all.")),
        top_p: float = typer.Option(0.95, help=_("Draw from this share of the probability.")),
        beams: int = typer.Option(1, help=_("Search with so many beams instead of drawing.")),
        repetition_penalty: float = typer.Option(1.0, help=_("Above 1 avoids repetition.")),
        seed: int | None = typer.Option(None, help=_("Makes the text repeatable.")),
        stop: list[str] = typer.Option([], help=_("Stop before this text (may be repeated).")),
        as_json: bool = shared.json_flag(),
    ) -> None:
        from prosa.generation.options import Decoding

        drawn: dict[str, Any] = {
            "max_new_tokens": max_new_tokens,
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "beams": beams,
            "repetition_penalty": repetition_penalty,
            "seed": seed,
            "stop": tuple(stop),
        }
        Decoding(**drawn)  # a wrong value is said before torch is loaded
        _generate(model, sys.stdin.read() if prompt == "-" else prompt, drawn, as_json=as_json)


def _generate(name: str, prompt: str, drawn: dict[str, Any], *, as_json: bool) -> None:
    from prosa.verbs.writing import load_model

    model = load_model(name)
    if as_json:
        text = model.generate(prompt, **drawn)
        shared.print_json({"model": model.path, "prompt": prompt, "text": text})
        return
    sys.stdout.write(prompt)
    for piece in model.stream(prompt, **drawn):
        sys.stdout.write(piece)
        sys.stdout.flush()
    sys.stdout.write("\n")


def _register_chat(app: typer.Typer) -> None:
    @app.command(cls=usage.Command, help=_("Talk with a model (default: the newest) or an index."))
    def chat(
        model: str | None = typer.Argument(
            None, metavar="MODEL", help=_("A run's folder or name, or an index's folder.")
        ),
        max_new_tokens: int = typer.Option(400, help=_("Tokens of a reply at most.")),
        temperature: float = typer.Option(0.0, help=_("0 always takes the likeliest token.")),
        top_k: int = typer.Option(50, help=_("Draw from the k likeliest tokens; 0 for all.")),
        top_p: float = typer.Option(0.95, help=_("Draw from this share of the probability.")),
        repetition_penalty: float = typer.Option(1.0, help=_("Above 1 avoids repetition.")),
        seed: int | None = typer.Option(None, help=_("Makes the replies repeatable.")),
        max_error: float | None = documents.max_error_flag(),
        reader: str | None = documents.reader_flag(),
        writer: str | None = documents.writer_flag(),
        as_json: bool = shared.json_flag(),
    ) -> None:
        from prosa.verbs.answering import is_index

        if model is not None and is_index(model):
            settings = {"max_error": max_error, "reader": reader, "writer": writer}
            answers.talk(model, settings, as_json=as_json)
            return
        from prosa import runs
        from prosa.generation.options import Decoding

        drawn: dict[str, Any] = {
            "max_new_tokens": max_new_tokens,
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "repetition_penalty": repetition_penalty,
            "seed": seed,
        }
        Decoding(**drawn)
        name = model or str(runs.newest())
        _chat(name, drawn, as_json=as_json)


def _chat(name: str, drawn: dict[str, Any], *, as_json: bool) -> None:
    from prosa.verbs.writing import load_model

    model = load_model(name)
    chat = model.chat(**drawn)
    out = sys.stderr if as_json else sys.stdout
    print(_("Talking with {name}. /help for help, /quit to end.").format(name=name), file=out)
    if not chat.answers:
        print(_("This model learned from plain text: it does not answer, it continues."), file=out)

    def reply(line: str) -> None:
        for piece in chat.say(line):
            print(piece, end="", file=out, flush=True)
        print(file=out)

    shared.converse(chat, reply, out)
    if as_json:
        shared.print_json({"model": model.path, "messages": chat.history})
