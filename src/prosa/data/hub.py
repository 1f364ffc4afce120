"""Data sets of the Hugging Face hub by their id; from its cache where there is no network."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from prosa.errors import InputError
from prosa.i18n import _

_ID = re.compile(
    r"(?P<path>[A-Za-z0-9][\w.-]*/[\w.-]+)(?:/(?P<config>[\w.-]+))?(?::(?P<split>[\w.-]+))?"
)
_PATIENCE = 5.0


def is_id(text: str) -> bool:
    """Whether a text has the form of an id: org/name, org/name/config, org/name:split."""
    return _ID.fullmatch(text) is not None


def load(identity: str) -> Any:
    """Load a data set of the hub.

    Args:
        identity: org/name, with /config and :split where there are several.

    Returns:
        A `datasets.Dataset`, or a `DatasetDict` of all splits.

    Raises:
        InputError: The hub cannot be reached and the data set is not in the cache, there is no such
            data set, or a configuration or a split has to be chosen.
    """
    import datasets  # noqa: PLC0415  two seconds, and only this needs it

    found = _ID.fullmatch(identity)
    assert found is not None
    try:
        with _no_waiting(datasets):
            return datasets.load_dataset(found["path"], found["config"], split=found["split"])
    except ConnectionError as error:
        raise InputError(
            _(
                "There is no file or folder '{name}', and the Hugging Face hub cannot be reached"
            ).format(name=identity),
            hint=_("Check the name; for a data set of the hub, connect to the network once"),
        ) from error
    except datasets.exceptions.DatasetNotFoundError as error:
        raise InputError(
            _(
                "There is no file or folder '{name}', and no such data set on the Hugging Face hub"
            ).format(name=identity),
            hint=_("Check the name; a private or gated data set needs: hf auth login"),
        ) from error
    except (ValueError, OSError, RuntimeError) as error:
        raise InputError(
            _("The data set cannot be loaded from the hub: {reason}").format(reason=error),
            path=identity,
            hint=_("Choose a configuration or a split with org/name/configuration:split"),
        ) from error


@contextmanager
def _no_waiting(datasets: ModuleType) -> Iterator[None]:
    """Go straight to the cache without a network.

    `datasets` otherwise repeats every request: 25 s were measured before it gave up.
    """
    before = datasets.config.HF_HUB_OFFLINE
    datasets.config.HF_HUB_OFFLINE = before or not _reachable(datasets.config.HF_ENDPOINT)
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE = before


def _reachable(endpoint: str) -> bool:
    address = urlsplit(endpoint)
    if getproxies() or not address.hostname:
        return True
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        socket.create_connection((address.hostname, port), _PATIENCE).close()
    except OSError:
        return False
    return True
