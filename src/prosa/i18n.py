"""Messages in the person's language: gettext, English in the source, Brazilian Portuguese shipped.

The language is asked for at every call, so it can change while the program runs (tests, a server).
It comes from `speaking()` (a page of the browser), then `use()` (the `--lang` flag), then
`PROSA_LANG`, then the locale's own variables.
"""

import gettext
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

LANGUAGES = ("en", "pt_BR")
_LOCALE = Path(__file__).parent / "locale"
_chosen: list[str] = []
_spoken: ContextVar[str | None] = ContextVar("spoken", default=None)


def use(language: str | None) -> None:
    """Choose the language of messages from now on; None returns to the environment's.

    Args:
        language: "en", "pt", "pt_BR", "pt-BR"... An unknown one means English.
    """
    _chosen[:] = [_known(language)] if language else []


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak this language within; other threads and other tasks of a server keep theirs."""
    token = _spoken.set(_known(language))
    try:
        yield
    finally:
        _spoken.reset(token)


def language() -> str:
    """The language in force: one of `LANGUAGES`."""
    if spoken := _spoken.get():
        return spoken
    if _chosen:
        return _chosen[0]
    for name in ("PROSA_LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return _known(value)
    return "en"


def _known(tag: str) -> str:
    return "pt_BR" if tag.lower().startswith("pt") else "en"


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation("prosa", _LOCALE, [language], fallback=True)


def _(message: str) -> str:
    """Translate a message."""
    return _catalogue(language()).gettext(message)


def ngettext(one: str, many: str, n: int) -> str:
    """Translate a message that counts something."""
    return _catalogue(language()).ngettext(one, many, n)


def N_(message: str) -> str:  # noqa: N802  gettext's own name
    """Mark a message for the catalogue; it is translated where it is shown."""
    return message


def number(value: float, digits: int = 2) -> str:
    """A number with the thousands and decimal marks of the person's language."""
    text = f"{value:,.{digits}f}"
    return text.translate(str.maketrans(",.", ".,")) if language() == "pt_BR" else text
