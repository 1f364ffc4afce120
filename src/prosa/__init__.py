"""prosa: your own text or questions and answers, as your own language model and chatbot.

The verbs of the command line are functions here; each is imported when it is first used.

    import prosa
    run = prosa.train("meu.csv", family="lstm", minutes=2)
    prosa.load(run.path).generate("Era uma vez")
    prosa.index("manuais", "indice").ask("Como troco a senha?").answer
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from prosa.compare import compare
    from prosa.data.prepare import prepare
    from prosa.data.read import read
    from prosa.errors import InputError, ProsaError
    from prosa.verbs.answering import index
    from prosa.verbs.demo import demo
    from prosa.verbs.exporting import export
    from prosa.verbs.measuring import evaluate, models
    from prosa.verbs.training import train
    from prosa.verbs.writing import load

_PLACES = {
    "compare": "prosa.compare",
    "demo": "prosa.verbs.demo",
    "evaluate": "prosa.verbs.measuring",
    "export": "prosa.verbs.exporting",
    "index": "prosa.verbs.answering",
    "load": "prosa.verbs.writing",
    "models": "prosa.verbs.measuring",
    "prepare": "prosa.data.prepare",
    "read": "prosa.data.read",
    "train": "prosa.verbs.training",
    "InputError": "prosa.errors",
    "ProsaError": "prosa.errors",
}

__all__ = [
    "InputError",
    "ProsaError",
    "compare",
    "demo",
    "evaluate",
    "export",
    "index",
    "load",
    "models",
    "prepare",
    "read",
    "train",
]


class _Room(ModuleType):
    """A room that has a verb's name: `prosa.train` is a package, and calling it is the verb."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _verb(self.__name__.rpartition(".")[2])(*args, **kwargs)


class _Package(ModuleType):
    """Python binds a room to its name here when it is first imported; it is made callable then."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _PLACES and type(value) is ModuleType:
            value.__class__ = _Room
        super().__setattr__(name, value)


def _verb(name: str) -> Any:
    return getattr(importlib.import_module(_PLACES[name]), name)


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return _verb(name)
    raise AttributeError(f"module 'prosa' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


sys.modules[__name__].__class__ = _Package
