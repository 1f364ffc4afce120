"""Words that mean much the same, and how people write in chats, written for this project.

A line of `LANGUAGE.txt` is a group of words of which one may ask for what a text says with another;
a line of `LANGUAGE-chat.txt` is a form that is typed and the word it stands for.
"""

from functools import cache
from importlib.resources import files


@cache
def groups(language: str) -> tuple[tuple[str, ...], ...]:
    """The groups of a language, none where there are none for it."""
    return tuple(map(tuple, _rows(f"{language}.txt")))


@cache
def typed(language: str) -> dict[str, str]:
    """Forms that are typed in chats and the words they stand for."""
    return {row[0]: row[1] for row in _rows(f"{language}-chat.txt")}


def _rows(name: str) -> list[list[str]]:
    file = files(__name__) / name
    if not file.is_file():
        return []
    lines = file.read_text("utf-8").splitlines()
    return [line.split() for line in lines if line and not line.startswith("#")]
