"""prosa: your own text or questions and answers, as your own language model and chatbot.

The verbs of the command line are functions here; each is imported when it is first used.

    import prosa
    run = prosa.train("meu.csv", family="lstm", minutes=2)
    prosa.load(run.path).generate("Era uma vez")
    prosa.index("manuais", "indice").ask("Como troco a senha?").answer
"""

import sys

if sys.argv[:1] == ["-m"]:  # `python -m prosa` begins with the current folder on the path
    from prosa.child import leave_current_folder

    leave_current_folder()

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from prosa.data.prepare import prepare
    from prosa.data.read import read
    from prosa.errors import InputError, ProsaError
    from prosa.verbs.answering import index
    from prosa.verbs.comparing import compare, ladder
    from prosa.verbs.demo import demo
    from prosa.verbs.explaining import explain
    from prosa.verbs.measuring import evaluate, list_models
    from prosa.verbs.training import train
    from prosa.verbs.writing import export, load

_PLACES = {
    "compare": "prosa.verbs.comparing",
    "demo": "prosa.verbs.demo",
    "evaluate": "prosa.verbs.measuring",
    "explain": "prosa.verbs.explaining",
    "export": "prosa.verbs.writing",
    "index": "prosa.verbs.answering",
    "ladder": "prosa.verbs.comparing",
    "list_models": "prosa.verbs.measuring",
    "load": "prosa.verbs.writing",
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
    "explain",
    "export",
    "index",
    "ladder",
    "list_models",
    "load",
    "prepare",
    "read",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module 'prosa' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
