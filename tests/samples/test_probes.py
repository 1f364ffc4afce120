import math
import re
from collections import Counter

import pytest

from prosa.samples import probes as probes_module
from prosa.samples import stories
from prosa.samples.probes import DISTANCE, KINDS, probes
from prosa.samples.stories.tell import PROBES, TRAINING, tell

COUNT = 400
WORD = re.compile(r"[\w-]+|[^\w\s]")


@pytest.fixture(scope="module")
def asked():
    return probes(COUNT)


@pytest.fixture(scope="module")
def told():
    return list(stories.generate(2000))


@pytest.fixture(scope="module")
def grams(told):
    """How often each run of one to five words occurs."""
    counts = Counter()
    for text in told:
        words = WORD.findall(text)
        for order in range(1, 6):
            counts.update(tuple(words[i : i + order]) for i in range(len(words) - order + 1))
    return counts


def accuracy(asked, score):
    """Share answered right, by kind; a tie counts as a guess."""
    right = {kind: [] for kind in KINDS}
    for probe in asked:
        scores = [score(probe.prompt, answer) for answer in (probe.right, *probe.wrong)]
        best = max(scores)
        right[probe.kind].append((scores[0] == best) / scores.count(best))
    return {kind: sum(values) / len(values) for kind, values in right.items()}


def test_probes_are_the_same_every_time(asked):
    assert probes(20, seed=3) == probes(20, seed=3)
    assert probes(20, seed=3) != probes(20, seed=4)
    assert len(asked) == COUNT == len(set(asked))


@pytest.mark.parametrize("count", [0, 1, 7])
def test_any_count(count):
    assert len(probes(count)) == count


def test_the_kinds_take_turns(asked):
    assert Counter(probe.kind for probe in asked) == dict.fromkeys(KINDS, COUNT // len(KINDS))
    assert {probe.kind for probe in asked[: len(KINDS)]} == set(KINDS)


def test_prompt_and_right_answer_begin_a_story(asked):
    wanted = {probe.prompt + probe.right for probe in asked}
    for number in range(3000):
        text = "".join(tell(number, 0, PROBES)[1].out)
        wanted = {start for start in wanted if not text.startswith(start)}
        if not wanted:
            break
    assert wanted == set()


def test_no_probe_is_made_of_a_training_story(asked, told):
    starts = {probe.prompt[:200] for probe in asked}
    assert starts.isdisjoint(text[: len(start)] for text in told for start in starts)
    assert tell(0, 0, PROBES)[1].out != tell(0, 0, TRAINING)[1].out


def test_answers_have_one_shape(asked):
    for probe in asked:
        assert not probe.prompt.endswith(" ")
        assert probe.right not in probe.wrong
        assert len(set(probe.wrong)) == len(probe.wrong) == (1 if probe.kind == "agreement" else 2)
        for answer in (probe.right, *probe.wrong):
            assert re.fullmatch(r" [\w -]+[.,!?]?", answer)
            assert len(answer.split()) == len(probe.right.split())
            assert answer[-1] in ".,!?" or probe.right[-1] not in ".,!?"
            assert not any(
                other != answer and other.startswith(answer)
                for other in (probe.right, *probe.wrong)
            )


def test_the_cue_is_far_away(asked):
    for probe in asked:
        assert probe.distance >= DISTANCE[probe.kind]
        if probe.kind not in ("agreement", "ending"):
            near = WORD.findall(probe.prompt)[-5:]
            assert WORD.findall(probe.right)[0] not in near


def test_what_is_asked_for_was_said_before(asked):
    for probe in asked:
        if probe.kind != "agreement":
            assert probe.right.strip(" .,!?") in probe.prompt


def test_the_other_of_the_story_is_among_the_wrong_names(asked):
    for probe in (one for one in asked if one.kind == "name"):
        other, stranger = (answer.strip(" .,!?") for answer in probe.wrong)
        assert re.search(rf"\b{other}\b", probe.prompt)
        assert not re.search(rf"\b{stranger}\b", probe.prompt)


def test_agreement_is_feminine_as_often_as_masculine(asked):
    endings = Counter(
        probe.right.strip(" .,!?").rstrip("s")[-1] for probe in asked if probe.kind == "agreement"
    )
    assert abs(endings["a"] - endings["o"]) <= 4


def test_word_frequency_decides_no_better_than_chance(asked, grams):
    def score(_, answer):
        return sum(math.log(grams[(word,)] + 0.5) for word in WORD.findall(answer))

    chance = {probe.kind: probe.chance for probe in asked}
    for kind, share in accuracy(asked, score).items():
        assert share < chance[kind] + 0.15, (kind, share)


def test_counted_5_grams_decide_little_better_than_chance(asked, grams):
    """Stupid back-off (Brants et al. 2007) over the 2,000 stories."""

    def score(prompt, answer):
        words = WORD.findall(prompt)
        total = 0.0
        for word in WORD.findall(answer):
            total += backed_off(tuple(words[-4:]), word)
            words.append(word)
        return total

    def backed_off(context, word):
        penalty = 0.0
        while context and not grams[(*context, word)]:
            context = context[1:]
            penalty += math.log(0.4)
        seen = grams[context] if context else sum(grams[(one,)] for one in [word]) + 1e6
        return penalty + math.log((grams[(*context, word)] + 1e-3) / seen)

    chance = {probe.kind: probe.chance for probe in asked}
    for kind, share in accuracy(asked, score).items():
        assert share < chance[kind] + 0.2, (kind, share)


def test_the_module_documents_every_kind():
    assert all(kind in (probes_module.__doc__ or "") for kind in KINDS)
