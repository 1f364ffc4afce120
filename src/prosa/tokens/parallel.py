"""Threads of the `tokenizers` library, used where they are safe and never warned about.

The library warns on standard error when a process that used its threads is forked, unless
`TOKENIZERS_PARALLELISM` is set; a forked child that uses them hangs. Threads are on only inside
`threads()`, and only in the process that used them first.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_NAME = "TOKENIZERS_PARALLELISM"
_first: list[int] = []


@contextmanager
def threads() -> Iterator[None]:
    """Let the library use all processors for a while; a person's own setting is left alone."""
    ours = bool(_first)
    if _NAME in os.environ and not ours:
        yield
        return
    if not ours:
        _first.append(os.getpid())
    os.environ[_NAME] = "true" if os.getpid() == _first[0] else "false"
    try:
        yield
    finally:
        os.environ[_NAME] = "false"
