"""Values that stand for a missing text are told from texts that repeat."""

import pyarrow as pa
import pytest

from prosa.data.placeholders import placeholders

NAMES = [f"Nome {number}" for number in range(100)]


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
    assert placeholders(pa.chunked_array([pa.array(rows, pa.string())])).sum() == found


def test_a_stock_answer_may_repeat():
    column = pa.chunked_array([["Não sei."] * 30 + ["nenhum"] * 10 + ["n/a"] * 3 + NAMES])
    assert placeholders(column, answers=True).sum() == 3
