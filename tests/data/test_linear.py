"""Whatever characters a text is made of, its repair takes time in proportion to its length."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prosa.data.classic import STEPS
from prosa.data.filters import REASONS, Filters
from prosa.data.repair import Repair, repair
from prosa.data.signatures import identities, minhash, shingles, words

RUNS = [
    *(
        "a",
        "1",
        ".",
        "-",
        "a-",
        "a-\n",
        "1.",
        "1,",
        "&",
        "&amp;",
        "<a",
        "<",
        "\n",
        " ",
        "\t",
        " \n",
    ),
    *("\\n", ".\\n", "{ ", "; \n", "“", "“AÃ", "AÃ”", "Ã", "Ã©", "â€", "\x1b", "\x1b]a", "\x1bP"),
    *("\x1b[1", "\x9b1", "\xa0", "\xad", "\u0301\u0323", "e\u0301", "ж", "漢", "\uf180", "|", "#"),
    *(
        "_",
        "' ",
        "A: ",
        "http://",
        "www.",
        "\x85",
        "\u200b",
        "😀",
        "palavra que se dobra no fim da-\n",
    ),
]
EVERY = Filters(short=1, repetition=0.3, symbols=0.3, links=0.3, language="pt", blocked=("a b",))
TASKS = {
    "repair": repair,
    "filters": EVERY.reason,
    "masked": EVERY.masked,
    "hashes": lambda text: identities(words([text])),
    **{name: step for name, step in STEPS.items() if name != "lemmas"},
}
FEW, MANY = 8_000, 64_000


def seconds(task, text):
    def once():
        start = time.process_time()
        task(text)
        return time.process_time() - start

    return min(once() for _ in range(2))


@pytest.mark.parametrize("name", TASKS)
def test_eight_times_the_text_takes_less_than_thirty_times_as_long(name):
    task = TASKS[name]
    task("um aquecimento é feito")
    for run in RUNS:
        few, many = (f"x é {run * (size // len(run))} y" for size in (FEW, MANY))
        # Quadratic is 64 times; what takes a hundredth of a second is not worth a look.
        growth = seconds(task, many) / max(seconds(task, few), 0.0005)
        assert growth < 30, f"{name} of a run of {run!r}: {growth:.0f} times"


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400))
def test_any_text_is_repaired_once_and_counted(text):
    mended, what = repair(text)
    assert bool(what & ~Repair.NONE) == (mended != text)
    again = repair(mended)[0]
    assert repair(again)[0] == again
    for name, step in STEPS.items():
        if name != "lemmas":
            step(mended)
    assert EVERY.reason(mended) in (None, *REASONS)
    hashed = words([mended, text])
    assert len(minhash(shingles(hashed.only(hashed.counts >= 10)))) <= 2
