"""Questions to measure an index with: a JSONL file, one object a line.

    {"question": "...", "answer": "..."}           the answer that is expected, or a list of them
    {"question": "...", "source": "manual.pdf"}    the document that the answer must come from
    {"question": "...", "answer": null}            a question without an answer; so does
    {"question": "...", "answerable": false}       this one, and one with a question alone

`pergunta`, `resposta` and `fonte` are understood as well. An `id` is carried along, and a record
with an `id` of null is a question without an answer.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prosa.data.decoding import survey
from prosa.errors import InputError
from prosa.i18n import _

SAMPLE = "perguntas"

_QUESTION = ("question", "pergunta")
_ANSWER = ("answer", "answers", "resposta", "respostas")
_SOURCE = ("source", "fonte")


@dataclass(frozen=True)
class Question:
    """A question to measure with.

    No answers where only the source is known, or nothing is right; no source where any will do.
    """

    question: str
    answers: tuple[str, ...] = ()
    source: str = ""
    answerable: bool = True


def read(source: Any, *, answers: bool = True) -> list[Question]:
    """Read questions: of a JSONL file, of records, or those of `perguntas` that no index holds.

    Raises:
        InputError: The file is missing or empty, or a line of it is at fault.
    """
    if not isinstance(source, str | os.PathLike):
        return [_question(one, None, number, answers) for number, one in enumerate(source, 1)]
    path = Path(source).expanduser()
    if os.fspath(source) == SAMPLE and not path.exists():
        return _sample()
    if not path.is_file():
        raise InputError(
            _("There is no such file"), path=path, expected=_("a JSONL file of questions")
        )
    asked = list(_of_lines(path, answers))
    if not asked:
        raise InputError(_("There is no question in this file"), path=path, expected=_expected())
    return asked


def _of_lines(path: Path, answered: bool) -> Iterator[Question]:
    with survey(path, str(path)).open() as text:
        for number, line in enumerate(text, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise InputError(
                    _("This line is not JSON"), path=path, line=number, expected=_expected()
                ) from error
            yield _question(record, path, number, answered)


def _question(record: Any, path: Path | None, line: int, answered: bool) -> Question:
    value = record if isinstance(record, dict) else {}
    if isinstance(record, str):
        value = {"question": record}
    question = _first(value, _QUESTION)
    if not isinstance(question, str) or not question.strip():
        raise InputError(
            _("There is no question in this line"), path=path, line=line, expected=_expected()
        )
    answers = tuple(_texts(_first(value, _ANSWER)))
    source = str(_first(value, _SOURCE) or "")
    known = value.get("answerable", value.get("id") is not None or bool(answers or source))
    if answered and known and not (answers or source):
        raise InputError(
            _("It is not said what the right answer to this question is"),
            path=path,
            line=line,
            expected=_expected(),
        )
    return Question(question, answers, source, bool(known))


def _first(value: dict[str, Any], names: Iterable[str]) -> Any:
    return next((value[name] for name in names if value.get(name) is not None), None)


def _texts(value: Any) -> Iterator[str]:
    """The answers in a text, in a list, or in SQuAD's {"text": [...]}."""
    if isinstance(value, str):
        yield from (value,) if value.strip() else ()
    elif isinstance(value, dict):
        yield from _texts(value.get("text"))
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _sample() -> list[Question]:
    from prosa.samples import questions  # noqa: PLC0415  its data loads when it is asked for

    sample = questions.load()
    asked = [Question(one.held_out, (one.answer,)) for one in sample.answers]
    return asked + [Question(text, answerable=False) for text in sample.unanswerable]


def _expected() -> str:
    return _('{"question": "…", "answer": "…"} on every line, or "answer": null')
