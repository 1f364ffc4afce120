"""Blind votes and what follows from them."""

import math
import random

import pytest

from prosa.server.studio.ranking import Vote, add, load, rank


def test_ranking_finds_the_strengths_that_votes_were_drawn_from():
    true = {"a": 4.0, "b": 2.0, "c": 1.0}
    chance, votes = random.Random(0), []
    for _vote in range(3000):
        one, two = chance.sample(sorted(true), 2)
        votes.append(Vote(one, two, float(chance.random() < true[one] / (true[one] + true[two]))))
    points = {name: points for name, points, _votes in rank(votes)}
    assert list(points) == ["a", "b", "c"]
    assert points["a"] - points["b"] == pytest.approx(400 * math.log10(2), abs=30)
    assert points["b"] - points["c"] == pytest.approx(400 * math.log10(2), abs=30)


def test_ties_are_no_one_is_better_and_a_model_that_never_lost_is_not_infinitely_strong():
    tied = rank([Vote("a", "b", 0.5)] * 5)
    assert [one.points for one in tied] == pytest.approx([1000, 1000])
    assert [one.votes for one in tied] == [5, 5]
    never = rank([Vote("a", "b", 1.0)] * 50)
    assert 1000 < never[0].points < 2000
    assert rank([]) == []


def test_votes_are_kept_and_what_is_broken_is_left_out(tmp_path):
    path = tmp_path / "new" / "votes.jsonl"
    assert load(path) == []
    add(path, Vote("a", "<b>", 1.0), "Olá\n?")
    with path.open("a") as file:
        file.write('not json\n[1]\n{"first": "a"}\n{"first": "a", "second": "b", "share": "x"}\n')
        file.write('{"first": "a", "second": "b", "share": 7}\n')
    assert load(path) == [Vote("a", "<b>", 1.0)]
