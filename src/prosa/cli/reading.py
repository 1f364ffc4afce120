"""`prosa classify`, `prosa fill` and `prosa embed`: what a model finds in texts."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from prosa.cli import flags, shared, usage
from prosa.errors import InputError
from prosa.i18n import _, ngettext

if TYPE_CHECKING:
    from prosa.verbs.labelling import Classified


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    _register_classify(app)
    _register_fill(app)
    _register_embed(app)


def _register_classify(app: typer.Typer) -> None:
    @app.command(cls=usage.Command, help=_("A label for TEXT, with its probability."))
    def classify(
        model: str = flags.model(),
        text: str = typer.Argument(..., metavar="TEXT|FILE", help=_("A text, or a file of them.")),
        labels: str | None = typer.Option(
            None, help=_("Labels that were not learned: a,b,c (of a model of inference, NLI).")
        ),
        kind: str | None = flags.kind(),
        column: list[str] = flags.column(),
        as_json: bool = flags.as_json(),
    ) -> None:
        from prosa.verbs.labelling import classify as classify_verb

        asked = [part.strip() for part in (labels or "").split(",") if part.strip()]
        if labels is not None and not asked:
            raise InputError(_("--labels is empty"), expected="a,b,c")
        data = text if _is_file(text) else [_said(text)]
        columns = flags.column_map(column)
        for found in classify_verb(model, data, asked, kind=kind, columns=columns):
            if as_json:
                shared.print_json(asdict(found))
            elif data is text:
                line = " ".join(shared.plain(found.text).split())
                shared.say(f"{shared.plain(found.label)}\t{_percent(found.probability)}\t{line}")
            else:
                shared.say(*_table(found))


def _is_file(text: str) -> bool:
    try:
        return text == "-" or (bool(text) and Path(text).expanduser().exists())
    except (OSError, ValueError):  # too long for a name, or not one at all
        return False


def _said(text: str) -> str:
    """A text as it was given; what can only be the name of a file is a slip."""
    from prosa.data.open import SUFFIXES, suffix_of

    if len(text.split()) == 1 and suffix_of(Path(text)) in SUFFIXES:
        raise InputError(_("There is no such file"), path=text)
    return text


def _table(found: "Classified") -> list[str]:
    """The likeliest labels of a text."""
    best = sorted(found.probabilities.items(), key=lambda item: -item[1])[:10]
    return shared.table(
        [[shared.plain(label), _percent(share)] for label, share in best],
        [_("label"), _("probability")],
    )


def _percent(share: float) -> str:
    return f"{shared.number(100 * share, 1)} %"


def _register_fill(app: typer.Typer) -> None:
    @app.command(cls=usage.Command, help=_("Words for the [MASK] of TEXT, with probabilities."))
    def fill(
        model: str = flags.model(),
        text: str = typer.Argument(..., metavar="TEXT", help=_("A text with [MASK] in it.")),
        count: int = typer.Option(5, min=1, max=100, help=_("How many candidates.")),
        as_json: bool = flags.as_json(),
    ) -> None:
        from prosa.verbs.writing import load_model

        candidates = load_model(model, shared.note).fill(text, count)
        if as_json:
            shared.print_json({"text": text, "candidates": [vars(one) for one in candidates]})
            return
        rows = [
            [one.token, f"{shared.number(100 * one.probability, 1)} %", " ".join(one.text.split())]
            for one in candidates
        ]
        shared.say(*shared.table(rows, [_("word"), _("probability"), _("text")]))


def _register_embed(app: typer.Typer) -> None:
    @app.command(cls=usage.Command, help=_("Vectors of the texts of DATA, or of a model's words."))
    def embed(
        model: str = flags.model(),
        data: str | None = typer.Argument(
            None, metavar="DATA", help=_("A file, folder or sample; not with --words.")
        ),
        output: str = typer.Option(
            ..., "-o", "--output", help=_("FILE.parquet or .npy; of words .vec, .txt or .bin.")
        ),
        words: bool = typer.Option(False, "--words", help=_("The words of the vocabulary.")),
        overwrite: bool = flags.overwrite(),
        kind: str | None = flags.kind(),
        column: list[str] = flags.column(),
        as_json: bool = flags.as_json(),
    ) -> None:
        from prosa.verbs import embedding

        if words == (data is not None):
            raise InputError(
                _("What is to be embedded is not clear"),
                expected=_("DATA, or --words for the words of the model"),
            )
        if words:
            result = embedding.embed_words(model, output, overwrite=overwrite)
        else:
            columns = flags.column_map(column)
            result = embedding.embed(
                model, data, output, overwrite=overwrite, kind=kind, columns=columns
            )
        if as_json:
            shared.print_json(asdict(result))
            return
        text = ngettext(
            "Written: {output} ({n} vector of {dimensions} numbers)",
            "Written: {output} ({n} vectors of {dimensions} numbers)",
            result.rows,
        )
        shared.say(
            text.format(
                output=result.output, n=shared.number(result.rows, 0), dimensions=result.dimensions
            )
        )
