"""Data that comes with prosa, written for it in Portuguese: it needs no network and no permission.

`historias` is generated (`stories`), `perguntas` is read (`questions`). What measures a model that
was trained on the stories is in `probes`.
"""

from collections.abc import Iterator
from typing import Any

from prosa.errors import InputError
from prosa.i18n import _, number

NAMES = ("historias", "perguntas")
STORIES = 20_000
"""How many stories `historias` holds; `rows` tells them from seed 0."""


def describe(name: str) -> str:
    """One line on a bundled sample, in the person's language.

    Raises:
        InputError: There is no sample of that name.
    """
    if name == "historias":
        return _("{n} short children's stories in Portuguese").format(n=number(STORIES, 0))
    if name == "perguntas":
        return _("questions and answers in Portuguese about language models and about prosa")
    raise _unknown(name)


def rows(name: str) -> Iterator[dict[str, Any]]:
    """The records of a bundled sample, always the same and in the same order.

    `historias` gives {"text"}; `perguntas` gives {"question", "answer", "split", "group"}, where
    each answer is a group and its held-out wording is the only one in the "test" split.

    Raises:
        InputError: There is no sample of that name.
    """
    if name == "historias":
        return _stories()
    if name == "perguntas":
        return _questions()
    raise _unknown(name)


def _stories() -> Iterator[dict[str, Any]]:
    from prosa.samples import stories  # noqa: PLC0415  its word lists load when a story is told

    return ({"text": text} for text in stories.generate(STORIES))


def _questions() -> Iterator[dict[str, Any]]:
    from prosa.samples import questions  # noqa: PLC0415  its data loads when it is asked for

    for answer in questions.load().answers:
        wordings = [(question, "train") for question in answer.questions]
        for question, split in [*wordings, (answer.held_out, "test")]:
            row = {"question": question, "answer": answer.answer}
            yield {**row, "split": split, "group": answer.id}


def _unknown(name: str) -> InputError:
    return InputError(
        _("there is no bundled sample called {name!r}").format(name=name),
        expected=", ".join(NAMES),
    )
