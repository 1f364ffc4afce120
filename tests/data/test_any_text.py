"""Any text of any characters is read or refused in words, in time that grows with its length."""

import json
import time
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prosa.data.read import read
from prosa.errors import InputError

DOORS = {"read": read}
"""What takes a file: here the door alone."""

RUNS = [
    *("\udce9", "éééé\udce9", "\udc81"),  # bytes that are no UTF-8
    *(
        ".",
        "…",
        "7",
        " ",
        "\t",
        "\n",
        "\r",
        '"',
        "'",
        "|",
        "-",
        "*",
        "_",
        "[",
        "]",
        "{",
        "}",
        "(",
        ")",
    ),
    *(
        "#",
        ">",
        "`",
        "~",
        "=",
        ":",
        ",",
        ";",
        "\\",
        "/",
        "&",
        "<",
        "!",
        "?",
        "a",
        "é",
        "\u0301",
        "😀",
    ),
    *("\x1b", "\x1b]", "\x1bP", "\x1b[", "\u2028", "\x0b", "\xa0", "\ufeff", "\u200b", "\x85"),
    *(
        "7.",
        "1,",
        "- ",
        "* ",
        "**",
        "a.",
        "\n\n",
        "\n ",
        "\r\n",
        '"a",',
        '""',
        "a|",
        "|-",
        "[[",
        "](",
    ),
    *(
        '{"a":',
        "[{",
        '"\\',
        "\\u",
        "\\ud83d",
        "&amp;",
        "Ã©",
        "http://a",
        "www.",
        "sep=;",
        "a\t",
        "a: ",
    ),
]
"""Pieces whose repetition has made a regular expression or a loop slow somewhere."""

PIECES = st.one_of(
    st.sampled_from(RUNS), st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
)
ENDS = st.sampled_from(["", "x", "\n", "\nx", "!\n"])
PARTS = st.lists(st.tuples(PIECES.filter(bool), ENDS), min_size=1, max_size=4)
SUFFIXES = [".txt", ".md", ".csv", ".tsv", ".json", ".jsonl", ".yaml", ""]
SIZES = (8_000, 32_000)


def text_of(pieces, ends, size):
    """Runs of every piece, one after the other, each with an end that it may fail at."""
    each = size // len(pieces)
    return "".join(
        piece * max(1, each // len(piece)) + end for piece, end in zip(pieces, ends, strict=True)
    )


def seconds(door, path, content):
    path.write_bytes(content.encode(errors="surrogateescape"))
    begun = time.process_time()
    with suppress(InputError):
        door(path)
    return time.process_time() - begun


def check(door, path, make):
    # Some times, because a machine may be busy; quadratic time shows as sixteen times the time.
    shorts, longs = [0.03], []
    for _attempt in range(3):
        shorts.append(seconds(DOORS[door], path, make(SIZES[0])))
        longs.append(seconds(DOORS[door], path, make(SIZES[1])))
        if min(longs) < 9 * max(shorts):
            return
    pytest.fail(f"{make(40)}: {shorts[1:]} s, four times as long: {longs} s")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(parts=PARTS)
def test_any_text_is_read_or_refused_in_time(tmp_path, door, suffix, parts):
    pieces, ends = zip(*parts, strict=True)
    check(door, tmp_path / f"a{suffix}", lambda size: text_of(pieces, ends, size))


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_runs_of_one_piece_are_read_or_refused_in_time(tmp_path, door, suffix):
    for piece in RUNS:
        check(door, tmp_path / f"a{suffix}", lambda size, run=piece: run * (size // len(run)) + "x")


@pytest.mark.parametrize("door", DOORS)
def test_runs_within_a_value_are_read_in_time(tmp_path, door):
    def row(run, size):
        value = run.replace("\udce9", "é") * (size // len(run)) + "x"
        return json.dumps([{"texto": "Olá", "título": value}] * 2)

    for piece in RUNS:
        check(door, tmp_path / "a.json", lambda size, run=piece: row(run, size))
