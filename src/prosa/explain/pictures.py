"""All pictures of a model and a sentence: those that it has, and no others."""

from prosa.explain.attention import alignment, decoder_attention, encoder_attention
from prosa.explain.cuts import cuts
from prosa.explain.picture import Picture
from prosa.explain.states import states
from prosa.explain.subject import Subject
from prosa.explain.vectors import vectors
from prosa.explain.words import back_off, next_words

_PICTURES = (
    cuts,
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
