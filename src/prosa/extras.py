"""Optional dependencies: imported late, and named with their install line when they are missing."""

import importlib
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
