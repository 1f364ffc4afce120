"""`prosa compare`, and how a comparison looks in a terminal of 80 columns."""

import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from prosa.cli import flags, shared, usage
from prosa.errors import InputError
from prosa.i18n import _, ngettext

if TYPE_CHECKING:
    from prosa.comparison import Comparison, Row

WIDTH = 78


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(
        cls=usage.Command,
        help=_(
            "Models side by side on DATA; or, with --ladder, every family trained and compared."
        ),
    )
    def compare(
        models: list[str] = typer.Argument(
            None, metavar="MODEL", help=_("Runs' folders or names.")
        ),
        data: str | None = typer.Option(
            None, metavar="DATA", help=_("What to measure on: a file, folder or sample.")
        ),
        ladder: str | None = typer.Option(
            None, metavar="DATA", help=_("Train every family on DATA and compare them.")
        ),
        minutes: float | None = typer.Option(
            None, help=_("Of --ladder: how long all of it may take (default: 10).")
        ),
        prompts: list[str] = typer.Option(
            [], metavar="FILE|TEXT", help=_("A prompt, or a file of them (may be repeated).")
        ),
        split: str | None = typer.Option(
            None, help=_("train, validation or test, when a model learned from DATA.")
        ),
        raw: bool = flags.raw(),
        kind: str | None = flags.kind(),
        column: list[str] = flags.column(),
        output: str | None = typer.Option(
            None, "-o", "--output", help=_("The comparison as a page with charts (HTML).")
        ),
        overwrite: bool = flags.overwrite(),
        as_json: bool = flags.as_json(),
    ) -> None:
        from prosa import files

        _check(models or [], data, ladder, minutes, split)
        if output is not None:
            files.free_place(output, overwrite=overwrite)
        reading = {"raw": raw, "kind": kind, "columns": flags.column_map(column)}
        out = sys.stderr if as_json else sys.stdout
        if ladder is not None:
            given = {} if minutes is None else {"minutes": minutes}
            result = _ladder(ladder, out, {**reading, **given, "prompts": prompts})
        else:
            result = _compare(
                models or [], data, out, {**reading, "split": split, "prompts": prompts}
            )
        page = result.report(output, overwrite=overwrite) if output is not None else None
        if as_json:
            shared.print_json(result.to_json(page))
            return
        shared.say(*lines(result), "")
        if page:
            from prosa.report import size

            shared.say(
                _("Written: {path} ({size})").format(path=page, size=size(page.stat().st_size))
            )
        else:
            shared.say(_("The same as a page with charts: -o report.html"))


def _check(
    models: Sequence[str],
    data: str | None,
    ladder: str | None,
    minutes: float | None,
    split: str | None,
) -> None:
    """Say what does not go together, before anything is loaded."""
    if ladder is None and minutes is not None:
        raise InputError(_("--minutes belongs to --ladder"), hint=_("Leave it away"))
    if ladder is None and data is None:
        raise InputError(
            _("{name} is missing.").format(name="--data"),
            expected=_("the data to measure the models on"),
            hint=_("Or train models too, with: prosa compare --ladder DATA --minutes 10"),
        )
    if ladder is not None and (models or data is not None or split is not None):
        raise InputError(
            _("--ladder trains its own models and measures them on its own data"),
            hint=_("Leave MODEL, --data and --split away, or leave --ladder away"),
        )


def _compare(models: list[str], data: Any, out: Any, settings: dict[str, Any]) -> "Comparison":
    from prosa.cli.progress import Display

    with Display(file=out) as display:
        display.working(_("Reading {source}").format(source=data))
        from prosa.verbs.comparing import compare

        def working(name: str) -> None:
            display.working(_("Measuring {model}").format(model=name))

        return compare(models, data, listen=working, **settings)


def _ladder(data: str, out: Any, settings: dict[str, Any]) -> "Comparison":
    from prosa.cli.progress import Display

    with Display(file=out) as display:

        def part(title: str) -> Any:
            display.heading(title)
            return display

        display.working(_("Reading {source}").format(source=data))
        from prosa.verbs.comparing import ladder

        command = ["prosa", *sys.argv[1:]]
        return ladder(data, listen=part, command=command, **settings).comparison


def lines(comparison: "Comparison", baselines: Mapping[str, Mapping[str, float]] = {}) -> list[str]:
    """A comparison as text; `baselines` are shares of the probes that need no learning."""
    from prosa.data.report import SPLIT_NAMES
    from prosa.report import size

    data, ranked, apart = comparison.data.to_json(), comparison.ranked(), comparison.apart()
    text = ngettext(
        "{n} record of {data} ({part}), {bytes}",
        "{n} records of {data} ({part}), {bytes}",
        data["documents"],
    )
    said = text.format(
        n=shared.number(data["documents"], 0),
        data=data["name"],
        part=_(SPLIT_NAMES[data["part"]]),
        bytes=size(data["bytes"]),
    )
    shown = ["", *textwrap.wrap(said, WIDTH), ""]
    if ranked:
        shown += [*_tables(ranked), ""]
    if apart:
        shown += [_("Not to be ranked with others:"), "", *_tables(apart), ""]
        for row in apart:
            shown += wrapped(f"{row.name}: {row.why}", "  ")
        shown.append("")
    about = _(
        "Tokens/s is of reading, the first token of answering; memory is that of the model's "
        "numbers."
    )
    if any(row.bits_per_byte is not None for row in comparison.models):
        bits = _(
            "Fewer bits per byte are better. Perplexity and next tokens compare models with the "
            "same tokenizer only."
        )
        about = f"{bits} {about}"
    shown += textwrap.wrap(about, WIDTH)
    if any(row.probes for row in comparison.models):
        shown += ["", *_probes(comparison, baselines)]
    for prompt in comparison.prompts:
        said = _("Each one's answer to: “{prompt}”").format(prompt=shared.plain(prompt["prompt"]))
        shown += ["", *textwrap.wrap(said, WIDTH), ""]
        for name, answer in prompt["answers"].items():
            shown += [f"  {name}:", *wrapped(shared.plain(answer) or "–"), ""]
        shown.pop()
    for note in comparison.notes:
        shown += ["", *textwrap.wrap(note, WIDTH)]
    return shown


def _tables(rows: Sequence["Row"]) -> list[str]:
    """How good the models are, and what they cost."""
    from prosa.report import duration

    if any(row.bits_per_byte is None and row.score < 0 for row in rows):
        return [*_fitting(*_scores(rows)), "", *_fitting(*_costs(rows))]
    good = [
        [
            row.name,
            shared.number(row.bits_per_byte, 3),
            shared.number(row.perplexity, 2),
            _percent(row.accuracy),
            shared.number(row.parameters, 0),
            duration(row.train_seconds),
        ]
        for row in rows
    ]
    head = ["", _("bits/byte"), _("perplexity"), _("next token"), _("parameters"), _("trained in")]
    return [*_fitting(good, head), "", *_fitting(*_costs(rows))]


def _scores(rows: Sequence["Row"]) -> tuple[list[list[str]], list[str]]:
    """How good classifiers are, beside the majority, or readers; and the head of the table."""
    from prosa.report import duration

    labels = any(row.macro_f1 is not None for row in rows)
    both = ("accuracy", "macro_f1") if labels else ("exact_match", "f1")
    table = [
        [
            row.name,
            *(_percent(getattr(row, name)) for name in both),
            shared.number(row.parameters, 0),
            duration(row.train_seconds),
        ]
        for row in rows
    ]
    if labels:
        majority = next((row.majority_accuracy for row in rows), None)
        table.append([_("always the most frequent label"), _percent(majority), "–", "–", "–"])
    names = (_("accuracy"), _("macro F1")) if labels else (_("exact match"), "F1")
    return table, ["", *names, _("parameters"), _("trained in")]


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{shared.number(100 * share, 1)} %"


def _costs(rows: Sequence["Row"]) -> tuple[list[list[str]], list[str]]:
    """What models cost, and the head of the table."""
    from prosa.report import duration, size

    table = [
        [
            row.name,
            shared.number(row.tokens_per_second, 0),
            duration(row.first_token_seconds),
            size(row.memory_bytes),
            size(row.disk_bytes),
        ]
        for row in rows
    ]
    return table, ["", _("tokens/s"), _("first token"), _("memory"), _("disk")]


def _fitting(rows: list[list[str]], head: list[str]) -> list[str]:
    """A table of at most 80 columns: names that are too long lose their middle."""
    over = max(map(len, shared.table(rows, head))) - 80
    room = max(len(row[0]) for row in rows) - max(0, over)
    return shared.table([[_short(name, max(room, 8)), *cells] for name, *cells in rows], head)


def _short(name: str, room: int) -> str:
    half = room // 2
    return name if len(name) <= room else f"{name[: room - half - 1]}…{name[-half:]}"


def _probes(
    comparison: "Comparison", baselines: Mapping[str, Mapping[str, float]]
) -> Iterator[str]:
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
    shares = [(row.name, row.probes) for row in comparison.models if row.probes]
    shares += [(names[name], dict(probes)) for name, probes in baselines.items()]
    rows = [
        [name, *(f"{shared.number(100 * probes[kind], 0)} %" for kind in kinds)]
        for name, probes in shares
    ]
    yield _("Probes right, by kind:")
    yield ""
    yield from _fitting(rows, ["", *kinds.values()])
    yield ""
    about = _(
        "Each probe is the beginning of a story and two ways to go on, of which one is right. "
        "Agreement asks for the form of a word; the others ask who, what, where or which feeling "
        "it was, and the story has said both answers already. A guess is right half of the time."
    )
    if baselines:
        about += " " + _(
            "Untrained is the best of the networks before it has learned; most, last and first "
            "said always take the answer that the story says most often, last or first."
        )
    yield from textwrap.wrap(about, WIDTH)


def wrapped(text: str, indent: str = "    ") -> list[str]:
    """Paragraphs that fit, each line set in."""
    wrapped: list[str] = []
    for paragraph in text.strip().splitlines():
        wrapped += textwrap.wrap(paragraph, WIDTH, initial_indent=indent, subsequent_indent=indent)
    return wrapped
