"""How tokenizers cut a sentence: the model's own, and others for comparison."""

from functools import cache
from itertools import islice
from typing import Any

from prosa import samples
from prosa.explanation import svg
from prosa.explanation.picture import Picture
from prosa.explanation.subject import Subject, label
from prosa.i18n import _, ngettext
from prosa.tokens.encoder import TextEncoder
from prosa.tokens.learn import algorithm, learn

_OTHERS = ("char", "word", "bpe", "unigram", "wordpiece")
_STORIES = 1_000
"""With the questions 1.5 million letters; all five tokenizers are learned in 2 s, once."""


def cuts(subject: Subject) -> Picture:
    """A line of tokens for each tokenizer."""
    own = _("this model: {algorithm}").format(algorithm=algorithm(subject.tokenizer))
    cut = [(own, subject.words, [i in subject.special for i in subject.ids])]
    read = subject.text if subject.replies else subject.so_far
    for name in _OTHERS:
        tokenizer = _learned(name)
        ids = TextEncoder(tokenizer)([read])[0].tolist()
        cut.append((name, [label(tokenizer, i) for i in ids], [i < 4 for i in ids]))
    return Picture(
        "tokens",
        _("How the sentence is cut"),
        _(
            "A model reads no letters but tokens, pieces that its tokenizer knows; ␣ is the space "
            "in front of a word. The other tokenizers were learned just now from the stories and "
            "questions in Portuguese that come with prosa, so that other languages fall into "
            "smaller pieces."
        ),
        {"tokenizers": [{"name": name, "tokens": words} for name, words, _special in cut]},
        lambda width: _draw(cut, width),
    )


@cache
def _learned(name: str) -> Any:
    texts = [row["text"] for row in islice(samples.rows("historias"), _STORIES)]
    texts += [f"{row['question']}\n{row['answer']}" for row in samples.rows("perguntas")]
    return learn(texts, name)


def _draw(cut: list[tuple[str, list[str], list[bool]]], width: float) -> str:
    parts, y = [], 0.0
    for name, words, special in cut:
        count = ngettext("{n} token", "{n} tokens", len(words)).format(n=len(words))
        parts.append(svg.text(0, y + 14, f"{name} · {count}", fill="soft"))
        tints = [
            ("soft" if apart else ("accent", "second")[n % 2], 0.2)
            for n, apart in enumerate(special)
        ]
        more, y = svg.chips(words, tints, y + 22, width)
        parts += more
        y += 12
    return svg.whole(_("How the sentence is cut"), width, y, parts)
