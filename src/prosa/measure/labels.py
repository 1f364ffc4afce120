"""How good a classifier is: accuracy, macro F1, and which label it takes for which."""

from collections import Counter
from collections.abc import Sequence
from typing import Any


def label_scores(right: Sequence[str], guessed: Sequence[str]) -> dict[str, Any]:
    """Figures of guesses, by the documented names.

    Args:
        right: The true label of each text.
        guessed: The label that each was given.

    Returns:
        `accuracy`; `macro_f1`, the mean F1 of the labels, each counted alike however rare (one that
        is only guessed, and wrongly, is among them: its F1 is 0); `majority_accuracy`, that of
        always guessing the most frequent of the true labels; and `confusion`, {true: {guessed: how
        often}}.
    """
    pairs = Counter(zip(right, guessed, strict=True))
    true, said = Counter(right), Counter(guessed)
    labels = sorted(true | said)
    # F1 is twice the hits among all that are, and all that are said to be.
    f1 = [2 * pairs[label, label] / (true[label] + said[label]) for label in labels]
    return {
        "accuracy": sum(pairs[label, label] for label in labels) / max(1, len(right)),
        "macro_f1": sum(f1) / max(1, len(labels)),
        "majority_accuracy": max(true.values(), default=0) / max(1, len(right)),
        "confusion": {
            a: {b: pairs[a, b] for b in labels if pairs[a, b]} for a in labels if true[a]
        },
    }
