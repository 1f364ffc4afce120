"""`prosa generate`, `prosa chat` and `prosa export`."""

import sys
from pathlib import Path
from typing import Any

import typer

from prosa.cli import answers, flags, shared, usage
from prosa.i18n import _


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    _register_generate(app)
    _register_chat(app)


def _register_generate(app: typer.Typer) -> None:
    @app.command(cls=usage.Command, help=_("Continue PROMPT with a model."))
    def generate(
        model: str = flags.model(),
        prompt: str = typer.Argument("", metavar="PROMPT", help=_("The beginning; '-' reads it.")),
        max_new_tokens: int = typer.Option(200, help=_("Tokens to write at most.")),
        temperature: float = typer.Option(0.8, help=_("0 always takes the likeliest token.")),
        top_k: int = typer.Option(50, help=_("Draw from the k likeliest tokens; 0 for all.")),
        top_p: float = typer.Option(0.95, help=_("Draw from this share of the probability.")),
        beams: int = typer.Option(1, help=_("Search with so many beams instead of drawing.")),
        repetition_penalty: float = typer.Option(1.0, help=_("Above 1 avoids repetition.")),
        seed: int | None = typer.Option(None, help=_("Makes the text repeatable.")),
        stop: list[str] = typer.Option([], help=_("Stop before this text (may be repeated).")),
        as_json: bool = flags.as_json(),
    ) -> None:
        drawn = _decoding(locals())
        from prosa.verbs.writing import load_model

        begun = sys.stdin.read() if prompt == "-" else prompt
        loaded = load_model(model, shared.note)
        if as_json:
            text = loaded.generate(begun, **drawn)
            shared.print_json({"model": loaded.path, "prompt": begun, "text": text})
            return
        pieces = loaded.stream(begun, **drawn)
        first = next(pieces, "")  # before anything is shown: the prompt may be at fault
        sys.stdout.write(begun + first if loaded.continues else first)
        sys.stdout.flush()
        for piece in pieces:
            sys.stdout.write(piece)
            sys.stdout.flush()
        sys.stdout.write("\n")


def _decoding(given: dict[str, Any]) -> dict[str, Any]:
    """Those of a command's flags that say how to draw; a wrong one is said before torch loads."""
    from dataclasses import fields

    from prosa.generation.options import Decoding

    names = [field.name for field in fields(Decoding) if field.name in given]
    drawn = {**{name: given[name] for name in names}, "stop": tuple(given.get("stop", ()))}
    Decoding(**drawn)
    return drawn


def _register_chat(app: typer.Typer) -> None:
    @app.command(cls=usage.Command, help=_("Talk with a model (default: the newest) or an index."))
    def chat(
        model: str | None = typer.Argument(
            None, metavar="MODEL", help=_("A run, a folder, a GGUF file, a hub id; or an index.")
        ),
        max_new_tokens: int = typer.Option(400, help=_("Tokens of a reply at most.")),
        temperature: float = typer.Option(0.0, help=_("0 always takes the likeliest token.")),
        top_k: int = typer.Option(50, help=_("Draw from the k likeliest tokens; 0 for all.")),
        top_p: float = typer.Option(0.95, help=_("Draw from this share of the probability.")),
        repetition_penalty: float = typer.Option(1.0, help=_("Above 1 avoids repetition.")),
        seed: int | None = typer.Option(None, help=_("Makes the replies repeatable.")),
        system: str | None = typer.Option(None, help=_("What the model is told to be.")),
        max_error: float | None = flags.max_error(),
        reader: str | None = flags.reader(),
        writer: str | None = flags.writer(),
        as_json: bool = flags.as_json(),
    ) -> None:
        given = locals()
        from prosa.search.stores import is_index

        if model is not None and is_index(model):
            settings = {"max_error": max_error, "reader": reader, "writer": writer}
            answers.talk(model, settings, as_json=as_json)
            return
        drawn = _decoding(given)
        from prosa import runs
        from prosa.verbs.writing import load_model

        name = model or str(runs.newest())
        loaded = load_model(name, shared.note)
        talk = loaded.chat(system=system or "", **drawn)
        out = sys.stderr if as_json else sys.stdout
        print(_("Talking with {name}. /help for help, /quit to end.").format(name=name), file=out)
        if not talk.answers:
            text = _("This model learned from plain text: it does not answer, it continues.")
            print(text, file=out)
        elif talk.plain and not (Path(loaded.path) / runs.MANIFEST).is_file():
            text = _("It came without a chat template; it is asked with: Pergunta: … Resposta: …")
            print(text, file=out)

        def reply(line: str) -> None:
            for piece in talk.say(line):
                print(piece, end="", file=out, flush=True)
            print(file=out)

        shared.converse(talk, reply, out)
        if as_json:
            shared.print_json({"model": loaded.path, "messages": talk.history})


def register_export(app: typer.Typer) -> None:
    """Add `prosa export`, which stands last in the list of verbs."""

    @app.command(cls=usage.Command, help=_("Write a model in another program's format."))
    def export(
        model: str = flags.model(),
        to: str = typer.Option(
            ..., "--to", help=_("arpa (n-gram models), or hf (a whole folder).")
        ),
        output: str | None = typer.Option(
            None, "-o", "--output", help=_("What to write (default: MODEL.FORMAT).")
        ),
        overwrite: bool = flags.overwrite(),
        as_json: bool = flags.as_json(),
    ) -> None:
        from prosa import files
        from prosa.verbs.writing import export as export_verb

        path = export_verb(model, to, output, overwrite=overwrite)
        if as_json:
            shared.print_json({"output": str(path), "format": to, "bytes": files.size(path)})
        else:
            size = shared.megabytes(files.size(path))
            shared.say(_("Written: {path} ({size})").format(path=path, size=size))
