"""Other people's packages: imported late, named where they are missing, kept quiet at work."""

import importlib
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from types import ModuleType

from prosa.errors import InputError
from prosa.i18n import _

_REQUIREMENT = re.compile(r"""(?P<package>[^;]+?)\s*;\s*extra\s*==\s*['"](?P<extra>[\w-]+)['"]""")
_PARALLEL = "TOKENIZERS_PARALLELISM"
_first: list[int] = []


def need(module: str, extra: str) -> ModuleType:
    """Import an optional dependency.

    Args:
        module: The module's import name, such as "gradio".
        extra: The extra of prosa that installs it, such as "ui".

    Raises:
        InputError: It is not installed; the message carries the line that installs it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name.split(".")[0]):
            raise
        packages = " ".join(f'"{package}"' for package in packages_of(extra)) or module
        raise InputError(
            _("This needs the package '{module}', which is not installed").format(module=module),
            hint=_("Run: pip install {packages}").format(packages=packages),
        ) from error


def packages_of(extra: str) -> list[str]:
    """The packages of an extra with their bounds, as prosa's installed metadata names them.

    They are named rather than `prosa[extra]`, which pip would look for in the registry: that fails
    in a clone, and would install whatever goes by that name there.
    """
    try:
        requirements = metadata.requires("prosa") or []
    except metadata.PackageNotFoundError:
        return []
    matches = map(_REQUIREMENT.fullmatch, requirements)
    return [match["package"] for match in matches if match and match["extra"] == extra]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' bars and reports off the screen while it saves or loads."""
    logging = importlib.import_module("transformers.utils.logging")
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def threads() -> Iterator[None]:
    """Let `tokenizers` use all processors for a while; a person's own setting is left alone.

    The library warns when a process that used its threads is forked, unless this variable is set; a
    forked child that uses them hangs. So they are on only in here, and only in the process that
    used them first.
    """
    ours = bool(_first)
    if _PARALLEL in os.environ and not ours:
        yield
        return
    if not ours:
        _first.append(os.getpid())
    os.environ[_PARALLEL] = "true" if os.getpid() == _first[0] else "false"
    try:
        yield
    finally:
        os.environ[_PARALLEL] = "false"
