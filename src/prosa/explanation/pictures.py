"""All pictures of a model and a sentence: those that it has, and no others."""

from prosa.explanation.attention import alignment, decoder_attention, encoder_attention
from prosa.explanation.cuts import cuts
from prosa.explanation.picture import Picture
from prosa.explanation.states import states
from prosa.explanation.subject import Subject
from prosa.explanation.vectors import vectors
from prosa.explanation.words import back_off, labels, next_words

_PICTURES = (
    cuts,
    labels,
    next_words,
    back_off,
    alignment,
    encoder_attention,
    decoder_attention,
    states,
    vectors,
)


def look(subject: Subject) -> list[Picture]:
    """The pictures that there are of a model and a sentence."""
    made = [picture(subject) for picture in _PICTURES]
    return [picture for picture in made if picture is not None]
