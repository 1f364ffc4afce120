"""`prosa index` and `prosa ask`."""

import sys
import textwrap
import time
from typing import TYPE_CHECKING, Any

import typer

from prosa.cli import flags, shared, usage
from prosa.cli.answers import WIDTH, answer_lines, wrapped
from prosa.i18n import _

if TYPE_CHECKING:
    from prosa.verbs.answering import Documents

_SKIPPED = 10


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    _register_index(app)
    _register_ask(app)


def _register_index(app: typer.Typer) -> None:
    @app.command(cls=usage.Command, help=_("Make DOCS, documents or an FAQ, ready to be asked."))
    def index(
        docs: list[str] = typer.Argument(
            None, metavar="DOCS...", help=_("Files, folders, or the sample 'perguntas'.")
        ),
        output: str = typer.Option(
            ...,
            "-o",
            "--output",
            help=_("The folder of the index, or postgresql://…; what it holds is updated."),
        ),
        remove: list[str] = typer.Option(
            [], help=_("A document or folder to take out (may be repeated).")
        ),
        language: str | None = typer.Option(
            None, help=_("The language to stem words in (default: found out).")
        ),
        encoder: str | None = typer.Option(
            None,
            help=_("What finds answers in other words: auto, none, or a sentence encoder's name."),
        ),
        filters: list[str] = flags.filters(),
        as_json: bool = flags.as_json(),
    ) -> None:
        """Keys of --json.

        output, documents, passages, language, added, replaced, removed, kept, skipped{name: why},
        filtered{reason: n}, encoder, encoded, wordings, seconds
        """
        from prosa.errors import InputError
        from prosa.verbs.answering import index as index_verb

        if not docs and not remove:
            raise InputError(
                _("No document is named"), expected=_("files, folders, or the sample 'perguntas'")
            )
        start = time.perf_counter()
        with _Ticker() as ticker:
            made = index_verb(
                docs or [],
                output,
                remove=remove,
                language=language,
                encoder=encoder,
                filter=filters,
                progress=ticker,
            )
        result = _summary(made, time.perf_counter() - start)
        if as_json:
            shared.print_json(result)
        else:
            shared.say(*_index_lines(result))


def _summary(made: "Documents", seconds: float) -> dict[str, Any]:
    report, store = made.report, made.answerer.index.store
    assert report is not None
    return {
        "output": made.path,
        "documents": len(store.entries()),
        "passages": store.passages,
        "language": store.settings.language,
        **{part: getattr(report, part) for part in ("added", "replaced", "removed", "kept")},
        "skipped": report.skipped,
        "filtered": report.filtered,
        "encoder": store.settings.encoder,
        "encoded": report.encoded,
        "wordings": (store.settings.learned or {}).get("wordings", 0),
        "seconds": round(seconds, 2),
    }


def _index_lines(result: dict[str, Any]) -> list[str]:
    from prosa.search.encoder import offer

    lines = []
    skipped = list(result["skipped"].items())
    for name, why in skipped[:_SKIPPED]:
        text = shared.plain(why if name in why else f"{name}: {why}")
        lines += wrapped(_("Left out: {why}").format(why=text), "", "  ")
    if len(skipped) > _SKIPPED:
        lines.append(_("… and {n} more left out").format(n=len(skipped) - _SKIPPED))
    lines += wrapped(
        _(
            "Documents: {documents} ({added} new, {replaced} changed, {removed} removed, "
            "{kept} as before); passages: {passages}; {time}"
        ).format(
            documents=shared.number(result["documents"], 0),
            passages=shared.number(result["passages"], 0),
            time=shared.duration(result["seconds"]),
            **{part: len(result[part]) for part in ("added", "replaced", "removed", "kept")},
        )
    )
    if result["filtered"]:
        counts = ", ".join(f"{name} {n}" for name, n in result["filtered"].items())
        lines += wrapped(_("Passages dropped by --filter: {counts}").format(counts=counts))
    if result["wordings"]:
        lines += wrapped(
            _("Learned from {n} wordings of its own questions when to be silent").format(
                n=shared.number(result["wordings"], 0)
            )
        )
    if not result["encoder"] and (hint := offer()):
        lines += wrapped(hint)
    place = result["output"]
    question = _("your question")
    return [*lines, _("Next:"), f'  prosa ask {place} "{question}"', f"  prosa chat {place}"]


class _Ticker:
    """Names what is done now: one live line in a terminal, nothing in a log."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._start = time.monotonic()

    def __enter__(self) -> "_Ticker":
        return self

    def __exit__(self, *_error: object) -> None:
        self._write("")

    def __call__(self, name: str, done: int, total: int) -> None:
        if name:
            text = _("Reading {n} of {total}: {name}").format(n=done + 1, total=total, name=name)
        elif not done:
            self._start = time.monotonic()
            text = _("Words are ready to be asked; encoding the meaning of {n} passages").format(
                n=shared.number(total, 0)
            )
        else:
            rest = (time.monotonic() - self._start) / done * (total - done)
            text = _(
                "Encoding meaning: {share} %, {rest} left (Ctrl-C: go on another time)"
            ).format(share=100 * done // total, rest=shared.duration(rest))
        self._write(shared.plain(text)[:WIDTH])

    def _write(self, text: str) -> None:
        if self._live:
            sys.stderr.write("\r\x1b[2K" + text)
            sys.stderr.flush()


def _register_ask(app: typer.Typer) -> None:
    @app.command(cls=usage.Command, help=_("Answer QUESTION from an index, with the sources."))
    def ask(
        index: str = typer.Argument(..., metavar="INDEX", help=_("The folder of an index.")),
        question: str | None = typer.Argument(
            None, metavar="QUESTION", help=_("The question; '-' reads it.")
        ),
        questions: str | None = typer.Option(
            None, help=_("A JSONL file of questions; with --json an answer a line.")
        ),
        max_error: float | None = flags.max_error(),
        sources: int | None = typer.Option(
            None, "-k", "--sources", help=_("Sources to show at most (default: 3).")
        ),
        reader: str | None = flags.reader(),
        writer: str | None = flags.writer(),
        as_json: bool = flags.as_json(),
    ) -> None:
        """Keys of --json.

        question, answer, abstained, confidence, citations[{source, location, text, score}]; with
        --questions one such object a line
        """
        from prosa.errors import InputError
        from prosa.verbs.answering import open_documents, texts_of

        if (question is None) == (questions is None):
            raise InputError(
                _("Either a question or --questions is needed, and not both"),
                expected='prosa ask INDEX "…" / prosa ask INDEX --questions FILE.jsonl',
            )
        batch = texts_of(questions) if questions is not None else []
        documents = open_documents(
            index, max_error=max_error, reader=reader, writer=writer, sources=sources
        )
        if questions is not None:
            answers = documents.ask_many(batch)
        else:
            answers = [documents.ask(sys.stdin.read() if question == "-" else question or "")]
        for number, answer in enumerate(answers):
            if as_json:
                shared.print_json(answer.to_json())
                continue
            if questions is not None:
                asked = textwrap.shorten(shared.plain(answer.question), 2 * WIDTH, placeholder=" …")
                shared.say(*([""] if number else []), *wrapped(f"> {asked}", "", "  "))
            shared.say(*answer_lines(answer))
