"""`prosa explain`."""

import os

import typer

from prosa.cli import flags, shared, usage
from prosa.i18n import _


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(cls=usage.Command, help=_("What happens inside a model, as pictures."))
    def explain(
        model: str = flags.model(),
        text: str = typer.Argument(..., metavar="TEXT", help=_("A sentence for it to read.")),
        output: str | None = typer.Option(
            None, "-o", "--output", help=_("The folder to write (default: MODEL-explained).")
        ),
        overwrite: bool = flags.overwrite(),
        as_json: bool = flags.as_json(),
    ) -> None:
        from prosa.verbs.explaining import explain as explain_verb

        done = explain_verb(model, text, output, overwrite=overwrite)
        if as_json:
            shared.print_json(
                {
                    "model": done.model,
                    "text": done.text,
                    "output": str(done.output),
                    "page": str(done.page),
                    "pictures": [
                        {
                            "name": picture.name,
                            "title": picture.title,
                            "explanation": picture.explanation,
                            "image": str(image)
                            if (image := done.images.get(picture.name))
                            else None,
                            "figures": picture.figures,
                        }
                        for picture in done.pictures
                    ],
                }
            )
            return
        rows = [(done.page.name, _("all of them, in one page"))]
        rows += [
            (image.name, next(one.title for one in done.pictures if one.name == name))
            for name, image in done.images.items()
        ]
        width = max(len(name) for name, _title in rows)
        shared.say(_("Written to {folder}:").format(folder=os.path.relpath(done.output)))
        shared.say(*(f"  {name:<{width}}  {title}" for name, title in rows), *done.notes)
