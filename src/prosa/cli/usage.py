"""Help and usage errors in the person's language: typer writes its own few words in English."""

import re
import sys
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from prosa.i18n import N_, _

_HEADINGS = (
    N_("Usage:"),
    N_("Options:"),
    N_("Commands:"),
    N_("Arguments:"),
    N_("Show this message and exit."),
    N_("[required]"),
    N_("[default: "),
    N_("[OPTIONS]"),
    N_("COMMAND [ARGS]..."),
)

# typer's messages, as patterns, and the same as ours.
_MESSAGES = (
    (r"No such option: (?P<name>\S+)(?: \(Possible options: (?P<near>.*)\))?", ""),
    (r"No such command '(?P<name>.*?)'\.?(?P<near>.*)", N_("There is no command '{name}'.")),
    (r"Missing (?:argument|option|parameter) (?P<name>.*?)\.?", N_("{name} is missing.")),
    (r"Invalid value for (?P<name>.*?): (?P<why>.*)", N_("{name} has a wrong value: {why}")),
    (r"Option (?P<name>\S+) does not take a value\.?", N_("{name} takes no value.")),
    (r"Option (?P<name>\S+) requires an argument\.?", N_("{name} needs a value behind it.")),
    (
        r"Got unexpected extra arguments?(?:\(s\))? \((?P<name>.*)\)",
        N_("Too many arguments: {name}"),
    ),
)

# The same of what a value should have been.
_EXPECTED = (
    (r".*valid (?:integer|int)\b.*", N_("a whole number")),
    (r".*valid (?:number|float)\b.*", N_("a number")),
    (r".*valid bool(?:ean)?\b.*", N_("true or false")),
)


class _Translated:
    """Mixin: the help text with typer's own words translated."""

    def get_help(self, ctx: Any) -> str:
        text: str = super().get_help(ctx)  # type: ignore[misc]
        for heading in _HEADINGS:
            text = text.replace(heading, _(heading))
            if heading.endswith(" "):  # typer may break the line here
                text = text.replace(heading.rstrip() + "\n", _(heading).rstrip() + "\n")
        return text


class Command(_Translated, TyperCommand):
    """A verb."""


class Group(_Translated, TyperGroup):
    """The list of verbs, in the order in which a person needs them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The order of registration, not of the alphabet."""
        return list(self.commands)


def show(error: typer.TyperException) -> None:
    """Print a usage error as one message a person can act on."""
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.format_message(), file=sys.stderr)
        return
    text = _translate(error.format_message().strip())
    text += "" if text.endswith((".", "?", "!")) else "."
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "prosa"
    hint = _("See: {command} --help").format(command=path)
    print(_("Error: {message}").format(message=f"{text} {hint}"), file=sys.stderr)


def _translate(message: str) -> str:
    for pattern, ours in _MESSAGES:
        if found := re.fullmatch(pattern, message, re.DOTALL):
            parts = found.groupdict()
            if "why" in parts and (expected := _expected(parts["why"])):
                wrong = _("{name} has a wrong value.").format(name=parts["name"])
                return wrong + " " + _("Expected: {what}").format(what=expected) + "."
            if ours:
                return _(ours).format(**parts)
            text = _("There is no option {name}.").format(name=found["name"])
            near = found["near"]
            return text if not near else text + " " + _("Similar: {near}.").format(near=near)
    return message


def _expected(why: str) -> str:
    for pattern, ours in _EXPECTED:
        if re.fullmatch(pattern, why, re.DOTALL):
            return _(ours)
    return ""
