"""`prosa classify`: a label for a text, with its probability."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prosa import runs
from prosa.errors import InputError
from prosa.i18n import _
from prosa.verbs.texts import texts_of


@dataclass(frozen=True)
class Classified:
    """A text, its likeliest label, and the probability of each label."""

    text: str
    label: str
    probability: float
    probabilities: dict[str, float]


class Classifier:
    """A model that gives labels.

    Args:
        model: A run's folder or name, a Hugging Face folder or id.
        labels: Without having learned them: of a model of natural language inference.

    Raises:
        InputError: There is no such model, or it does not give these labels.
    """

    def __init__(self, model: str | Path, labels: Sequence[str] = ()) -> None:
        from prosa.models.pretrained import load
        from prosa.tasks import labels as task

        place = runs.resolve(str(model))
        self._model, self._tokenizer = load(place)
        if not type(self._model).__name__.endswith("ForSequenceClassification"):
            raise InputError(
                _("This model does not give labels"),
                path=place,
                expected=_("a model that was trained on texts with labels"),
                hint=_("Train one with: prosa train DATA (columns text and label)"),
            )
        known, infers = task.names(self._model), task.entailment(self._model) is not None
        if labels and not infers:
            raise InputError(
                _("This model only gives the labels that it has learned"),
                path=place,
                expected=", ".join(known),
                hint=_(
                    "Leave --labels away, or take a model of natural language inference, which "
                    "says whether a text entails another"
                ),
            )
        if infers and len(set(labels)) < 2:
            raise InputError(
                _("This model says whether a text entails another: it needs labels to choose from"),
                path=place,
                expected=_("two labels or more, such as --labels sport,politics"),
            )
        self.labels = list(dict.fromkeys(labels)) or known
        self._given = bool(labels)

    def __call__(self, texts: Sequence[str]) -> list[Classified]:
        """The labels of some texts."""
        from prosa.tasks import labels as task

        if self._given:
            said = [_("This text is about {label}.").format(label=name) for name in self.labels]
            found = task.zero_shot(self._model, self._tokenizer, texts, said)
        else:
            found = task.probabilities(self._model, self._tokenizer, texts)
        return [
            Classified(
                text,
                self.labels[best],
                float(row[best]),
                dict(zip(self.labels, row.tolist(), strict=True)),
            )
            for text, row, best in zip(texts, found, found.argmax(1).tolist(), strict=True)
        ]


def classify(
    model: str | Path,
    data: Any,
    labels: Sequence[str] = (),
    *,
    kind: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> Iterator[Classified]:
    """Give every text of some data a label.

    Args:
        model: A classifier; with `labels`, a model of natural language inference.
        data: Whatever `prosa.read` takes: a path, a list of texts; a text itself is `[text]`.
        labels: Labels that it has not learned.
        kind: As for `prosa.read`.
        columns: As for `prosa.read`.

    Raises:
        InputError: The model or the data is at fault.
    """
    texts, classifier = texts_of(data, kind, columns), Classifier(model, labels)
    for some in texts.batches:
        yield from classifier(some)
