"""No flag is lost on its way into a request: its parameter's name is what carries it."""

from dataclasses import fields

import pytest
import typer

from prosa.cli.app import build
from prosa.verbs.request import Request

ELSEWHERE = {
    *("data", "as_json", "help", "config"),  # of the command, not of a run
    *("column", "filters"),  # in Request as `columns` and `filter`
}


@pytest.mark.parametrize("verb", ["inspect", "prepare", "train"])
def test_every_flag_is_a_field_of_the_request_or_known(verb):
    command = typer.main.get_command(build()).commands[verb]
    names = {parameter.name for parameter in command.params}
    assert names - {field.name for field in fields(Request)} <= ELSEWHERE
    assert "column" in names
