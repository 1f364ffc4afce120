"""`prosa inspect` and `prosa prepare`."""

import shlex
from typing import Any

import typer

from prosa.cli import flags, shared, usage
from prosa.i18n import _


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    _register_inspect(app)
    _register_prepare(app)


def _data() -> Any:
    text = _("A file, a folder, '-', a bundled sample or a Hugging Face data set.")
    return typer.Argument(..., metavar="DATA", help=text)


def _register_inspect(app: typer.Typer) -> None:
    @app.command(cls=usage.Command, help=_("Show what DATA holds and how it is understood."))
    def inspect(
        data: str = _data(),
        kind: str | None = flags.kind(),
        column: list[str] = flags.column(),
        clean: str | None = flags.clean(),
        filters: list[str] = flags.filters(),
        validation: str | None = flags.share(),
        test: str | None = flags.share(),
        raw: bool = flags.raw(),
        as_json: bool = flags.as_json(),
    ) -> None:
        given = locals()
        from prosa.verbs.request import Request, look, outlook

        source, prepared = look(data, Request(**flags.settings(given)))
        if as_json:
            shared.print_json(prepared.report.to_json())
            return
        shared.say(_("{source}: {kind}").format(source=source, kind=prepared.kind))
        shared.say(*prepared.report.lines(), "")
        shared.say(*_examples(prepared), "")
        shared.say(*_outlook(outlook(prepared)))
        shared.say(*_next(data, prepared))


def _examples(prepared: Any, count: int = 2) -> list[str]:
    """The beginning of some records, as the model will read them."""
    import textwrap

    lines = [_("So it reads:")]
    for row in prepared.splits["train"].slice(0, count).to_pylist():
        for name, value in row.items():
            if isinstance(value, str) and name not in ("split", "group"):
                short = textwrap.shorten(value, 76 - len(name), placeholder=" …")
                lines.append(f"  {name}: {short}")
            elif isinstance(value, list):
                for item in value[:3]:
                    said = item.get("content", item.get("text", ""))
                    short = textwrap.shorten(said, 68, placeholder=" …")
                    lines.append(f"  {item.get('role', name)}: {short}")
    return lines


def _outlook(outlook: list[Any]) -> list[str]:
    if not outlook:
        return []
    lines = [_("Training on this machine, roughly:")]
    for guess in outlook:
        time = shared.duration(guess.seconds)
        if guess.parameters:
            size = shared.number(guess.parameters, 0)
            text = _("  {family}: {size} parameters, {time}")
            lines.append(text.format(family=guess.family, size=size, time=time))
        else:
            lines.append(_("  {family}: {time}").format(family=guess.family, time=time))
    return [*lines, ""]


def _next(data: str, prepared: Any) -> list[str]:
    from prosa.data.kinds import Kind

    family = "" if prepared.kind is not Kind.SPAN_QA else " --family encoder"
    return [_("Next:"), f"  prosa train {shlex.quote(data)}{family}"]


def _register_prepare(app: typer.Typer) -> None:
    @app.command(cls=usage.Command, help=_("Clean, deduplicate and split DATA into a folder."))
    def prepare(
        data: str = _data(),
        output: str = typer.Option(..., "-o", "--output", help=_("The folder to make.")),
        overwrite: bool = flags.overwrite(),
        kind: str | None = flags.kind(),
        column: list[str] = flags.column(),
        clean: str | None = flags.clean(),
        filters: list[str] = flags.filters(),
        validation: str | None = flags.share(),
        test: str | None = flags.share(),
        raw: bool = flags.raw(),
        as_json: bool = flags.as_json(),
    ) -> None:
        given = locals()
        from prosa.data.prepare import save
        from prosa.files import free_place
        from prosa.verbs.request import Request, look

        free_place(output, overwrite=overwrite)
        source, prepared = look(data, Request(**flags.settings(given)))
        path = save(prepared, output, overwrite=overwrite)
        if as_json:
            shared.print_json({**prepared.report.to_json(), "output": str(path)})
            return
        shared.say(_("{source}: {kind}").format(source=source, kind=prepared.kind))
        shared.say(*prepared.report.lines())
        shared.say(_("Saved in {output}").format(output=path))
