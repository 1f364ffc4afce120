"""Blind votes between two answers, kept on the disk, and the ranking that follows from them."""

import json
import math
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

_ROUNDS, _EXACT = 1000, 1e-9


class Vote(NamedTuple):
    """One choice between two models; `share` is 1 where the first won, 0 where the second did."""

    first: str
    second: str
    share: float


class Rank(NamedTuple):
    """A model's place; 400 points more than another mean that ten of eleven votes go to it."""

    name: str
    points: float
    votes: int


def add(path: Path, vote: Vote, prompt: str) -> None:
    """Add a vote to the file; its folder need not be there yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps({**vote._asdict(), "prompt": prompt, "time": time.time()}, ensure_ascii=False)
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def load(path: Path) -> list[Vote]:
    """The votes of a file; a line that is none is left out."""
    votes = []
    for line in path.read_text("utf-8", "replace").split("\n") if path.is_file() else ():
        try:
            row = json.loads(line)
            votes.append(Vote(str(row["first"]), str(row["second"]), float(row["share"])))
        except (ValueError, TypeError, KeyError):
            continue
    return [vote for vote in votes if vote.first != vote.second and 0 <= vote.share <= 1]


def rank(votes: list[Vote]) -> list[Rank]:
    """The models by strength, the best first.

    Bradley and Terry's model, fitted by minorisation and maximisation (Hunter 2004). Each model has
    one more win and one more loss, against one of strength 1: without them a model that has never
    lost would be infinitely strong.
    """
    wins: dict[str, float] = {}
    meetings: dict[str, Counter[str]] = {}
    for first, second, share in votes:
        for one, other, won in ((first, second, share), (second, first, 1 - share)):
            wins[one] = wins.get(one, 0.0) + won
            meetings.setdefault(one, Counter())[other] += 1
    strength = dict.fromkeys(meetings, 1.0)
    for _round in range(_ROUNDS):
        before = dict(strength)
        for name, others in meetings.items():
            mine = strength[name]
            met = sum(count / (mine + strength[other]) for other, count in others.items())
            strength[name] = (wins[name] + 1) / (met + 2 / (mine + 1))
        if max((abs(strength[n] - before[n]) for n in strength), default=0.0) < _EXACT:
            break
    ranks = [
        Rank(name, 1000 + 400 * math.log10(value), meetings[name].total())
        for name, value in strength.items()
    ]
    return sorted(ranks, key=lambda one: -one.points)
