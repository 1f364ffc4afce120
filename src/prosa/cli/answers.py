"""How an index is shown: its answers, a conversation over it, and how good it is."""

import sys
import textwrap
from typing import TYPE_CHECKING, Any

from prosa.cli import shared
from prosa.i18n import _

if TYPE_CHECKING:
    from prosa.answering.answerer import Answer, Citation, Conversation
    from prosa.answering.measure import Evaluation

WIDTH = 78

_SHOWN = 240
"""Characters of a source that are shown where it is not asked for in full."""


def talk(path: str, settings: dict[str, Any], *, as_json: bool) -> None:
    """A conversation over an index."""
    from prosa.verbs.answering import open_documents

    chat = open_documents(path, **settings).chat()
    out = sys.stderr if as_json else sys.stdout
    shown = _("Asking {name}. /help for help, /quit to end.").format(name=path)
    print(shared.plain(shown), file=out, flush=True)

    def reply(line: str) -> None:
        print(*answer_lines(chat.ask(line)), "", sep="\n", file=out, flush=True)

    def sources() -> None:
        print(*_source_lines(chat), sep="\n", file=out, flush=True)

    help_text = _("/sources  the sources of the last answer in full (also /fontes)")
    shared.converse(chat, reply, out, [("/sources /fontes", help_text, sources)])
    if as_json:
        shared.print_json({"index": path, "messages": chat.history})


def measure(
    path: str, questions: str | None, settings: dict[str, Any], output: str | None, *, as_json: bool
) -> None:
    """How good the answers of an index are."""
    from prosa.answering import plot
    from prosa.files import free_place
    from prosa.verbs.answering import open_documents

    if output is not None:
        free_place(output, overwrite=True)
    result = open_documents(path, **settings).evaluate(questions)
    if output is not None:
        plot.write(result, output, title=_("Calibration of {name}").format(name=path))
    if as_json:
        shared.print_json({**result.to_json(), "plot": output})
        return
    shared.say(*_measured(result))
    if output is not None:
        shared.say("", _("Calibration plot: {path}").format(path=output))


def _measured(result: "Evaluation") -> list[str]:
    if result.held_out:
        asked = _("{n} questions: its own wordings held out, with their answer there and gone")
    else:
        asked = _("{n} questions, {answerable} with an answer")
    counts = {
        "n": shared.number(result.questions, 0),
        "answerable": shared.number(result.answerable, 0),
    }
    rows = [
        (_("right answer first"), _share(result.accuracy)),
        (_("answered, of those with an answer"), _share(result.coverage)),
        (_("wrong, of the answers given"), _share(result.wrong)),
        (_("wrong answers accepted (--max-error)"), _share(result.max_error)),
        (_("least confidence of an answer"), _share(result.threshold)),
        (_("AUROC, answerable or not"), shared.number(result.auroc, 3)),
    ]
    lines = [
        *wrapped(asked.format(**counts)),
        *shared.table([list(row) for row in rows], ["", ""])[1:],
    ]
    points = [
        [
            f"{shared.number(100 * one.low, 0)}–{shared.number(100 * one.high, 0)} %",
            str(one.count),
            _share(one.confidence),
            _share(one.right),
        ]
        for one in result.bins
    ]
    head = [_("confidence"), _("questions"), _("mean"), _("right")]
    return [*lines, "", *shared.table(points, head)]


def _share(value: float | None) -> str:
    return "–" if value is None else f"{shared.number(100 * value, 1)} %"


def _source_lines(chat: "Conversation") -> list[str]:
    cited = chat.last.citations if chat.last else ()
    if not cited:
        return [_("There is no answer with sources yet.")]
    return [
        line for number, one in enumerate(cited, 1) for line in _citation(number, one, whole=True)
    ]


def answer_lines(answer: "Answer") -> list[str]:
    """An answer as people see it: what is said, how sure it is, where it stands."""
    lines = [line for part in shared.plain(answer.answer).split("\n") for line in wrapped(part)]
    lines += ["", *(line for remark in answer.remarks for line in wrapped(remark))]
    if not answer.citations:
        return lines
    lines += ["", _("Nearest passages:") if answer.abstained else _("Sources:")]
    for number, one in enumerate(answer.citations, 1):
        lines += _citation(number, one, answer=None if answer.abstained else answer.answer)
    return lines


def _citation(
    number: int, one: "Citation", *, whole: bool = False, answer: str | None = None
) -> list[str]:
    place = f"{one.source}, {one.location}" if one.location else one.source
    lines = wrapped(f"[{number}] {shared.plain(place)}", "  ", "      ")
    if one.question:
        lines += wrapped(shared.plain(one.question), "      ", "      ")
    if one.text == answer:
        return lines  # it was said a line above
    text = shared.plain(one.text)
    if whole:
        return [*lines, *(x for part in text.split("\n") for x in wrapped(part, "      ")), ""]
    return [*lines, *wrapped(f"“{_around(text, answer)}”", "      ", "      ")]


def _around(text: str, answer: str | None) -> str:
    """The part of a source about its answer, on a few lines."""
    flat = " ".join(text.split())
    begin = flat.find(" ".join((answer or "").split())) if answer else 0
    if begin + len(answer or "") <= _SHOWN:
        return textwrap.shorten(flat, _SHOWN, placeholder=" …")
    return "… " + textwrap.shorten(flat[max(0, begin) :], _SHOWN, placeholder=" …")


def wrapped(text: str, first: str = "", rest: str | None = None) -> list[str]:
    """Lines of 78 characters: the first begins with `first`, the others with `rest`."""
    after = first if rest is None else rest
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=after) or [""]
