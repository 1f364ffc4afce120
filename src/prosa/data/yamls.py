"""YAML in the shapes that `documents` knows, such as the dialogues of ChatterBot's corpora."""

from prosa.data import documents
from prosa.data.chunks import Chunks, from_rows
from prosa.data.decoding import TextFile
from prosa.errors import InputError
from prosa.i18n import _


def read_yaml(file: TextFile) -> Chunks:
    """The records of a YAML file by column; every value stays the string that was written.

    Raises:
        InputError: The YAML is broken; the error names line and column.
    """
    import yaml  # noqa: PLC0415  only YAML files need it

    try:
        with file.open() as text:
            # BaseLoader builds strings, lists and dictionaries only: a "no" stays a "no".
            value = yaml.load(text, yaml.BaseLoader)  # noqa: S506
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise InputError(
            _("This is not valid YAML ({reason})").format(reason=error.problem),
            path=file.name,
            line=mark.line + 1 if mark else None,
            column=mark.column + 1 if mark else None,
            hint=_("Mend that place; often the indentation or a quote is wrong just before it"),
        ) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(
            _("This is not valid YAML ({reason})").format(reason=str(error).splitlines()[0]),
            path=file.name,
        ) from error
    rows = documents.rows_of(value, file.name)
    yield from_rows([documents.as_row(row, file.name, n) for n, row in enumerate(rows, 1)])
