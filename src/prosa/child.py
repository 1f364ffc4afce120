"""Python processes of our own, and where Python code may come from: never the current folder.

A folder that was downloaded may hold a `numpy.py`. Python puts the current folder on its path for
`python -m`, for an empty entry of PYTHONPATH and at its prompt; the command `prosa` takes it off
again, and the processes that we start never have it. Only where prosa itself lies in it (the `src`
of a clone) it stays. Nothing is imported here at first but what is built into Python.
"""

import os
import sys

TYPE_CHECKING = False  # that of `typing` would be imported, from the current folder perhaps
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable
    from typing import Any

_HOME = os.path.realpath(os.path.join(os.path.dirname(__file__), os.pardir))  # noqa: PTH118, PTH120

# Arguments: how many folders to import from, these folders, a module, the module's arguments.
_BEGIN = """
import sys
count = int(sys.argv[1])
sys.path[:] = sys.argv[2 : count + 2]
del sys.argv[1 : count + 2]
import runpy
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""


def trusted(path: "Iterable[str]") -> list[str]:
    """The entries of a `sys.path` that are absolute and not the current folder."""
    try:
        current = os.path.realpath(os.getcwd())  # noqa: PTH109
    except OSError:  # it was removed
        current = ""
    here = {current} - {_HOME}
    return [one for one in path if os.path.isabs(one) and os.path.realpath(one) not in here]  # noqa: PTH117


def leave_current_folder() -> None:
    """Import nothing from the current folder from here on."""
    sys.path[:] = trusted(sys.path)


def start(module: str, *arguments: str, **options: "Any") -> "subprocess.Popen[bytes]":
    """Start `python -m module arguments`, which imports what this process may import.

    Args:
        module: A module of prosa, run as the main one.
        arguments: What it finds in `sys.argv[1:]`.
        options: Of `subprocess.Popen`.

    Raises:
        OSError: The process cannot be started.
    """
    import subprocess  # noqa: PLC0415  see the module's description

    path = trusted(sys.path)
    # Isolated: no variable such as PYTHONPATH, no folder of the user's, has a say before `_BEGIN`.
    command = [sys.executable, "-I", "-c", _BEGIN, str(len(path)), *path, module, *arguments]
    return subprocess.Popen(command, **options)  # noqa: S603  our own interpreter and module
