"""Values that stand for a missing text are told from texts that repeat."""

import pyarrow as pa
import pytest

from prosa.data.placeholders import placeholders

NAMES = [f"Nome {number}" for number in range(100)]


def count(batches, **options):
    return sum(int(mask.sum()) for mask in placeholders(lambda: batches, **options))


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (["[deleted]", *NAMES], 1),
        (["N/A ", " null", *NAMES], 2),
        (["sem título"] * 6 + NAMES, 6),
        (["sem título"] * 2 + NAMES, 0),
        (["Unknown"] * 30 + NAMES, 30),
        (["XPTO"] * 30 + NAMES, 30),
        (["Maria"] * 30 + ["José"] * 20 + NAMES, 0),
        (["Bom dia!"] * 15 + NAMES, 0),
        (["Sim"] * 100, 0),
        ([], 0),
    ],
)
def test_placeholders(rows, found):
    assert count([pa.array(rows, pa.string())]) == found
    halves = [pa.array(rows[start::2], pa.string()) for start in (0, 1)]
    assert count(halves) == found


def test_a_stock_answer_may_repeat():
    rows = pa.array(["Não sei."] * 30 + ["nenhum"] * 10 + ["n/a"] * 3 + NAMES)
    assert count([rows], answers=True) == 3


def test_a_known_word_may_be_the_answer():
    rows = [*NAMES, "NULL", "N/A", "[deleted]"]
    assert count([pa.array(rows)], answers=True) == 0
    assert count([pa.array(rows)]) == 3
