import math
import re
from collections import Counter

import pytest
import torch

from prosa.measure.probes import ask, rules
from prosa.models.family import Sizes, SpecialIds
from prosa.models.registry import build, family
from prosa.samples import probes as probes_module
from prosa.samples import stories
from prosa.samples.probes import CHANCE, DISTANCE, KINDS, Probe, mentions, probes
from prosa.samples.stories.tell import PROBES, TRAINING, tell
from prosa.tokens.learn import learn

COUNT = 400
WORD = re.compile(r"[\w-]+|[^\w\s]")


@pytest.fixture(scope="module")
def asked():
    return probes(COUNT)


@pytest.fixture(scope="module")
def training():
    return list(stories.generate(2000))


@pytest.fixture(scope="module")
def grams(training):
    """How often each run of one to five words occurs."""
    counts = Counter()
    for text in training:
        words = WORD.findall(text)
        for order in range(1, 6):
            counts.update(tuple(words[i : i + order]) for i in range(len(words) - order + 1))
    return counts


def accuracy(asked, score):
    """Share answered right, by kind; a tie counts as a guess."""
    right = {kind: [] for kind in KINDS}
    for probe in asked:
        a, b = score(probe.prompt, probe.right), score(probe.prompt, probe.wrong)
        right[probe.kind].append((a > b) + (a == b) / 2)
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


def test_no_probe_is_made_of_a_training_story(asked, training):
    starts = {probe.prompt[:200] for probe in asked}
    assert starts.isdisjoint(text[: len(start)] for text in training for start in starts)
    assert tell(0, 0, PROBES)[1].out != tell(0, 0, TRAINING)[1].out


def test_answers_have_one_shape(asked):
    for probe in asked:
        assert not probe.prompt.endswith(" ")
        assert probe.right != probe.wrong
        assert len(probe.wrong.split()) == len(probe.right.split())
        for answer, other in ((probe.right, probe.wrong), (probe.wrong, probe.right)):
            assert re.fullmatch(r" [\w -]+[.,!?]?", answer)
            assert answer[-1] in ".,!?" or other[-1] not in ".,!?"
            assert not other.startswith(answer)


def test_the_cue_is_far_away(asked):
    for probe in asked:
        assert probe.distance >= DISTANCE[probe.kind]
        if probe.kind != "agreement":
            near = WORD.findall(probe.prompt)[-5:]
            assert WORD.findall(probe.right)[0] not in near


def test_both_answers_were_said_before_or_neither(asked):
    for probe in asked:
        said = [bool(mentions(probe.prompt, answer)) for answer in (probe.right, probe.wrong)]
        assert said == [probe.kind != "agreement"] * 2


@pytest.mark.parametrize("seed", [0, 1])
def test_what_was_said_does_not_decide(seed):
    for rule, shares in rules(probes(1000, seed)).items():
        for kind, share in shares.items():
            assert share == pytest.approx(CHANCE), (rule, kind)


def test_rules_look_at_what_was_said():
    asked = [
        Probe("object", "A bola. O pote e a bola. O pote e a fita. A", " bola", " fita", 9),
        Probe("name", "Ana, Bia e Ana viram Bia e Ana. Era", " Bia.", " Ana.", 3),
        Probe("agreement", "Ana ficou", " cansada", " cansado", 1),
    ]
    shares = rules(asked)
    assert shares["most said"] == {"object": 1, "name": 0, "agreement": 0.5, "all": 0.5}
    assert shares["last said"] == {"object": 0, "name": 0, "agreement": 0.5, "all": 0.5 / 3}
    assert shares["first said"] == {"object": 1, "name": 0, "agreement": 0.5, "all": 0.5}


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("decoder", Sizes(context=256, layers=1, hidden_size=32, heads=2)),
        ("lstm", Sizes(context=128, layers=1, embedding_size=32, hidden_size=32)),
    ],
)
def test_an_untrained_model_guesses(asked, training, name, sizes):
    tokenizer = learn(training[:500], "word", 2_000)
    shares = []
    for seed in range(3):
        torch.manual_seed(seed)
        model = build(family(name), sizes, len(tokenizer), SpecialIds.of(tokenizer)).eval()
        shares.append(ask(model, tokenizer, asked)["all"])
    assert abs(sum(shares) / 3 - CHANCE) < 0.05, shares


def test_agreement_is_feminine_as_often_as_masculine(asked):
    endings = Counter(
        probe.right.strip(" .,!?").rstrip("s")[-1] for probe in asked if probe.kind == "agreement"
    )
    assert abs(endings["a"] - endings["o"]) <= 4


def test_word_frequency_decides_no_better_than_chance(asked, grams):
    def score(_, answer):
        return sum(math.log(grams[(word,)] + 0.5) for word in WORD.findall(answer))

    for kind, share in accuracy(asked, score).items():
        assert share < CHANCE + 0.1, (kind, share)


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

    for kind, share in accuracy(asked, score).items():
        assert share < CHANCE + 0.15, (kind, share)


def test_the_module_documents_every_kind():
    assert all(kind in (probes_module.__doc__ or "") for kind in KINDS)
