"""The next word: its probabilities, and how an n-gram model came by them."""

from typing import Any

import torch

from prosa.explanation import svg
from prosa.explanation.picture import Picture
from prosa.explanation.subject import Subject, label
from prosa.i18n import _, number
from prosa.models.ngram import NGramForCausalLM
from prosa.tasks.labels import names, probabilities

SHOWN = 10


def next_words(subject: Subject) -> Picture | None:
    """Bars of the likeliest words, and one for all the others."""
    if subject.next is None:
        return None
    candidates, rest = likeliest(subject)
    second = _(
        "All of them together make 100 %, and a text is written by choosing one, adding it, and "
        "asking again."
    )
    if subject.fills:
        title = _("What fits in the gap")
        first = _(
            "The model reads the words on both sides of the gap and gives every token of its "
            "vocabulary a probability to be the hidden one; the bars show the likeliest."
        )
        second = _("All of them together make 100 %, and the more one stands out, the surer it is.")
    elif subject.replies:
        title = _("The next word of what it writes")
        first = _(
            "The model has read the sentence and now writes another text, word by word; the bars "
            "show what it may write next."
        )
    else:
        title = _("The next word")
        first = _(
            "After reading the sentence, the model gives every token of its vocabulary a "
            "probability to come next; the bars show the likeliest."
        )
    figures = {"place": subject.next.place, "candidates": candidates, "rest": rest}
    rows = [(one["token"], one["probability"]) for one in candidates] + [(_("all others"), rest)]
    return Picture(
        "next-word", title, f"{first} {second}", figures, lambda width: _bars(title, rows, width)
    )


def likeliest(subject: Subject) -> tuple[list[dict[str, Any]], float]:
    """The likeliest tokens {id, token, probability}, and what is left for all others."""
    assert subject.next is not None
    known = subject.next.probabilities[: len(subject.tokenizer)]
    best = known.topk(min(SHOWN, int((known > 0).sum())))
    candidates = [
        {"id": i, "token": label(subject.tokenizer, i), "probability": p}
        for p, i in zip(best.values.tolist(), best.indices.tolist(), strict=True)
    ]
    return candidates, max(0.0, 1 - sum(one["probability"] for one in candidates))


def percent(share: float) -> str:
    """A share as a person says it."""
    return f"{number(100 * share, 0 if share >= 0.0995 else 1)} %"


def _bars(title: str, rows: list[tuple[str, float]], width: float, *, rest: bool = True) -> str:
    shown = [svg.short(name, 18) for name, _share in rows]
    left = max(map(svg.length, shown)) + 8
    room = width - left - 58
    most = max(share for _name, share in rows)
    parts = []
    for line, (name, (_word, share)) in enumerate(zip(shown, rows, strict=True)):
        y = line * (svg.LINE + 2)
        last = rest and line == len(rows) - 1
        parts += [
            svg.text(left - 8, y + 17, name, anchor="end", fill="soft" if last else "ink"),
            svg.rect(
                left,
                y + 2,
                max(1.0, room * share / most),
                svg.LINE - 4,
                "soft" if last else "accent",
                0.45 if last else 0.85,
            ),
            svg.text(left + room * share / most + 6, y + 17, percent(share)),
        ]
    return svg.whole(title, width, len(rows) * (svg.LINE + 2), parts)


def labels(subject: Subject) -> Picture | None:
    """Of a classifier: bars of the labels that it gives the sentence."""
    if not type(subject.model).__name__.endswith("ForSequenceClassification"):
        return None
    [shares] = probabilities(subject.model, subject.tokenizer, [subject.text]).tolist()
    rows = sorted(zip(names(subject.model), shares, strict=True), key=lambda row: -row[1])
    title = _("The label that it gives")
    first = _(
        "The model reads the whole sentence and gives every label that it has learned a "
        "probability; the bars show the likeliest."
    )
    second = _("All of them together make 100 %, and the more one stands out, the surer it is.")
    figures = {"labels": [{"label": name, "probability": share} for name, share in rows]}
    return Picture(
        "labels",
        title,
        f"{first} {second}",
        figures,
        lambda width: _bars(title, rows[:SHOWN], width, rest=False),
    )


def back_off(subject: Subject) -> Picture | None:
    """Of an n-gram model: what each order says of the likeliest next word."""
    model = subject.model
    if not isinstance(model, NGramForCausalLM) or subject.next is None:
        return None
    word = int(subject.next.probabilities.argmax())
    nodes = model.tables.nodes(torch.tensor([subject.ids], device=model.device), model.config.order)
    contexts = [level[0, -1] for level in nodes[:-1]]
    steps = model.tables.steps(contexts, word)
    never = len(model.tables.never)
    uniform = 0.0 if word in model.tables.never else 1 / max(1, model.config.vocab_size - never)
    orders: list[dict[str, Any]] = []
    passed = 1.0
    for n, step in reversed(list(enumerate(steps, start=1))):
        context = subject.words[-(n - 1) :] if n > 1 else []
        orders.append(
            {"order": n, "context": context, **vars(step), "contribution": passed * step.share}
        )
        passed *= step.weight
    orders.append(
        {
            "order": 0,
            "context": [],
            "total": model.config.vocab_size - never,
            "count": 0,
            "share": uniform,
            "weight": 0.0,
            "contribution": passed * uniform,
        }
    )
    found = torch.stack([level[0] for level in nodes[1:]]) >= 0
    longest = (found * torch.arange(1, len(found) + 1)[:, None]).max(0).values.tolist()
    figures = {
        "word": label(subject.tokenizer, word),
        "probability": float(subject.next.probabilities[word]),
        "orders": orders,
        "longest": [
            {"token": token, "order": order}
            for token, order in zip(subject.words, longest, strict=True)
        ],
    }
    return Picture(
        "back-off",
        _("Which order answered"),
        _(
            "The model looks up the longest run of words that it has counted, and leaves a part of "
            "the probability to the next shorter one, down to single words. Counts of the longest "
            "order are of how often it came; those of shorter ones are of how many different words "
            "stood in front (Kneser–Ney)."
        ),
        figures,
        lambda width: _path(figures, width),
    )


def _path(figures: dict[str, Any], width: float) -> str:
    parts: list[str] = []
    y = 0.0
    most = max(one["contribution"] for one in figures["orders"]) or 1.0
    for one in figures["orders"]:
        y = _step(parts, one, figures["word"], (most, width), y)
    whole = _("Together: {percent}").format(percent=percent(figures["probability"]))
    parts.append(svg.text(0, y + 16, whole, bold=True))
    parts.append(svg.text(0, y + 48, _("The longest run known at each word:"), fill="soft"))
    words = [f"{one['token']} {one['order']}" for one in figures["longest"]]
    highest = max(1, len(figures["orders"]) - 1)
    tints = [("accent", 0.08 + 0.3 * one["order"] / highest) for one in figures["longest"]]
    chips, height = svg.chips(words, tints, y + 58, width)
    return svg.whole(_("Which order answered"), width, height, [*parts, *chips])


def _step(
    parts: list[str], one: dict[str, Any], word: str, scale: tuple[float, float], y: float
) -> float:
    """Add what one order says; the place below it comes back."""
    most, width = scale
    run = " ".join(token.strip("␣") or token for token in [*one["context"], word])
    name = _("order {n}").format(n=one["order"]) if one["order"] else _("no order: all words alike")
    room = int((width - svg.length(name) - 16) / svg.length("x"))
    run = f"…{run[-room + 1 :]}" if len(run) > room else run
    if not one["order"]:
        run, said = "", _("1 of {total}").format(total=number(one["total"], 0))
    elif not one["total"]:
        said = _("never seen: all is left to the next order")
    else:
        said = _("{count} of {total}; leaves {weight} to the next order").format(
            count=number(one["count"], 0),
            total=number(one["total"], 0),
            weight=percent(one["weight"]),
        )
    share = one["contribution"] / most * (width - 62)
    parts += [
        svg.text(0, y + 14, name, bold=True),
        svg.text(svg.length(name) + 12, y + 14, run),
        svg.text(0, y + 33, said, fill="soft", size=12),
        svg.rect(0, y + 40, max(1.0, share), 12, "accent", 0.85),
        svg.text(max(1.0, share) + 6, y + 51, percent(one["contribution"]), size=12),
    ]
    return y + 68
