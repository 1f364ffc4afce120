"""`prosa export`."""

import typer

from prosa.cli import shared, usage
from prosa.i18n import _


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(cls=usage.Command, help=_("Write a model in another program's format."))
    def export(
        model: str = typer.Argument(..., metavar="MODEL", help=_("A run's folder or name.")),
        to: str = typer.Option(..., "--to", help=_("The format: arpa (n-gram models).")),
        output: str | None = typer.Option(
            None, "-o", "--output", help=_("The file to write (default: MODEL.arpa).")
        ),
        overwrite: bool = typer.Option(
            False, "--overwrite", help=_("Replace the output if it exists.")
        ),
        as_json: bool = shared.json_flag(),
    ) -> None:
        from prosa.verbs.exporting import export as export_verb

        path = export_verb(model, to, output, overwrite=overwrite)
        if as_json:
            shared.print_json({"output": str(path), "format": to, "bytes": path.stat().st_size})
        else:
            size = shared.megabytes(path.stat().st_size)
            shared.say(_("Written: {path} ({size})").format(path=path, size=size))
