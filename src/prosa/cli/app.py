"""The `prosa` command: the list of its verbs, the language, and how errors end it.

Each verb's file registers itself here and imports only typer; what a verb needs is imported when
it runs, so that `prosa --help` answers in about 0.2 s.
"""

import os
import sys
import traceback
from collections.abc import Sequence

import typer

from prosa import i18n
from prosa.cli import (
    comparing,
    data,
    demo,
    documents,
    explaining,
    measuring,
    serving,
    studio,
    training,
    usage,
    writing,
)
from prosa.errors import ProsaError, understood
from prosa.i18n import _

INTERRUPTED = 130


def build() -> typer.Typer:
    """The command line in the language now in force."""
    app = typer.Typer(
        name="prosa",
        cls=usage.Group,
        help=_(
            "Turn your own text, or your own questions and answers, into your own language "
            "model and chatbot: free, private, offline."
        ),
        epilog=_("Begin with: prosa demo"),
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )

    @app.callback(invoke_without_command=True)
    def whole(
        context: typer.Context,
        version: bool = typer.Option(False, "--version", help=_("Show the version and exit.")),
    ) -> None:
        if version:
            from prosa import __version__

            print(f"prosa {__version__}")
            raise typer.Exit

    writers = (writing, explaining, documents, serving, studio)
    groups = (demo, data, training, measuring, comparing, *writers)
    for group in groups:
        group.register(app)
    writing.register_export(app)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command.

    Args:
        arguments: The words after `prosa`.

    Returns:
        The exit code: 0 done, 1 a failure of ours, 2 the person's input is at fault, 130 Ctrl-C.
    """
    if os.environ.get("RANK", "0") != "0":
        # torchrun has started several processes: the first one speaks for all.
        sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    words = _global_flags(list(arguments))
    code = 0
    try:
        code = int(build()(args=words, prog_name="prosa", standalone_mode=False) or 0)
    except typer.TyperException as error:
        usage.show(error)
        code = error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        print("\n" + _("Interrupted."), file=sys.stderr)
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (head, less) has gone: nothing is wrong.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    except Exception as error:
        code = _fail(understood(error))
    return code


def _global_flags(arguments: list[str]) -> list[str]:
    """Take out the flags that work everywhere: --lang CODE and --debug."""
    kept: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            kept += [word, *words]
        elif word == "--debug":
            os.environ["PROSA_DEBUG"] = "1"
        elif word == "--lang":
            i18n.use(next(words, None))
        elif word.startswith("--lang="):
            i18n.use(word.partition("=")[2])
        else:
            kept.append(word)
    return kept


def _fail(error: ProsaError) -> int:
    world = sys.modules.get("prosa.training.world")
    alone = world is not None and world.rank() > 0 and not error.told
    # What went wrong in another process than the first, and there alone, is said there.
    voice = sys.__stderr__ if alone else sys.stderr
    if os.environ.get("PROSA_DEBUG") == "1":
        traceback.print_exc(file=voice)
    print(_("Error: {message}").format(message=error), file=voice)
    return error.exit_code
