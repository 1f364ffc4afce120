"""Short children's stories in Brazilian Portuguese, told from a seed.

`generate` is the door. Behind it: `words/` holds the vocabulary with its genders (`lexicon`),
`plots/` and `phrases/` hold what can happen and how it is said, in a small language (`templates`,
`scripts`), `grammar` makes everything agree, `cast` draws who plays and `tell` tells.
"""

from prosa.samples.stories.tell import generate

__all__ = ["generate"]
