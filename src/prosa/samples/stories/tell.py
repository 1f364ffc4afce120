"""Telling stories from a seed: the same seed and number always give the same story.

Every story has its own random stream, from (seed, number, space): `generate` tells from the space
of training, and the probes from another one, so that no story a probe is made of is ever among
those a model learned from, whatever the seeds.
"""

import random
from collections.abc import Iterator

from prosa.samples.stories.cast import draw
from prosa.samples.stories.nodes import Scene
from prosa.samples.stories.scripts import Plot, plots

TRAINING, PROBES = 0, 1
"""The two spaces of random streams."""


def generate(count: int, seed: int = 0) -> Iterator[str]:
    """Tell stories in Brazilian Portuguese, for children, in the spirit of TinyStories.

    Each has 60 to 160 words, in paragraphs separated by one newline. What they show a small model:
    Eldan & Li 2023, "TinyStories: How Small Can Language Models Be and Still Speak Coherent
    English?"

    Args:
        count: How many stories.
        seed: Another seed tells other stories; a seed's first stories do not depend on `count`.

    Yields:
        One story after another.
    """
    for number in range(count):
        yield "".join(tell(number, seed)[1].out)


def tell(number: int, seed: int = 0, space: int = TRAINING) -> tuple[Plot, Scene]:
    """One story: its plot, and the scene with its fragments, its words and its marks."""
    stream = random.Random((seed % 2**64) << 66 | number << 2 | space)  # noqa: S311  no secret
    choose = stream.random
    known = plots()
    plot = known[int(choose() * len(known))]
    scene = Scene(choose)
    draw(plot.roles, scene)
    plot.write(scene)
    return plot, scene
