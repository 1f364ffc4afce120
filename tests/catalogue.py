"""Messages from the source into the catalogue: `make catalogue`.

The compiled catalogue is kept in the repository, since gettext reads nothing else and a wheel or a
checkout must speak Portuguese without a build step.
"""

import io
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "prosa"
PO = SOURCE / "locale" / "pt_BR" / "LC_MESSAGES" / "prosa.po"
MO = PO.with_suffix(".mo")
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2)}


def extracted() -> Catalog:
    """Every message of the source, with the file it stands in."""
    template = Catalog(project="prosa")
    methods = [("**.py", "python"), ("**.jinja", "jinja2.ext:babel_extract")]
    found = extract_from_dir(SOURCE, methods, keywords=KEYWORDS)
    for name, _line, message, _comments, _context in found:
        template.add(message, locations=[(Path(name).as_posix(), None)])
    return template


def translated() -> Catalog:
    """The catalogue as it stands."""
    if not PO.exists():
        return Catalog(locale="pt_BR", project="prosa", fuzzy=False)
    with PO.open("rb") as file:
        catalogue = read_po(file, locale="pt_BR")
    # Without dates of its own a catalogue gets those of now, and no two compilations are equal.
    catalogue.creation_date = catalogue.revision_date = datetime(2000, 1, 1, tzinfo=UTC)
    return catalogue


def compiled(catalogue: Catalog) -> bytes:
    """The catalogue in gettext's binary form."""
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def main() -> None:
    """Bring the catalogue up to the source, and compile it."""
    catalogue = translated()
    catalogue.update(extracted(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=100, sort_by_file=True, include_lineno=False)
    lines = buffer.getvalue().decode().splitlines(keepends=True)
    # The date of a file that changes nothing else would only make noise in every commit.
    PO.write_text("".join(line for line in lines if "-Date:" not in line), encoding="utf-8")
    MO.write_bytes(compiled(translated()))
    missing = [message.id for message in catalogue if message.id and not message.string]
    print(f"{len(catalogue)} messages, {len(missing)} without a translation")  # noqa: T201


if __name__ == "__main__":
    main()
