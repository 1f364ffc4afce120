"""Other people's packages: imported late, named where they are missing, kept quiet at work."""

import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from prosa.errors import InputError
from prosa.i18n import _


def need(module: str, extra: str) -> ModuleType:
    """Import an optional dependency.

    Args:
        module: The module's import name, such as "kenlm".
        extra: The extra of prosa that installs it, such as "test".

    Raises:
        InputError: It is not installed; the message carries the line that installs it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name.split(".")[0]):
            raise
        raise InputError(
            _("This needs the package '{module}', which is not installed").format(module=module),
            hint=_("Run: pip install 'prosa[{extra}]'").format(extra=extra),
        ) from error


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
