"""What an index learns from its own questions: stub until the pairs' evidence is measured."""

from typing import Any

from prosa.retrieve.arrays import Arrays
from prosa.retrieve.terms import Analyzer


def learn(arrays: Arrays, analyzer: Analyzer) -> dict[str, Any]:
    """Nothing yet."""
    del arrays, analyzer
    return {}
