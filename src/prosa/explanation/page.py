"""Pictures as files: one page that needs no network, and a png of each."""

import re
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from jinja2 import Environment

from prosa.errors import InputError
from prosa.explanation import svg
from prosa.explanation.picture import WIDE, Picture
from prosa.extras import need
from prosa.i18n import _, language

PAGE = "index.html"
_MARGIN = 16


def renderer() -> ModuleType | None:
    """What turns SVG into png, where it is installed (extra `explain`)."""
    try:
        return need("resvg_py", "explain")
    except InputError:
        return None


def html(model: str, text: str, pictures: Sequence[Picture], notes: Sequence[str] = ()) -> str:
    """The page, in the language in force; what people and models wrote is escaped."""
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.globals.update(_=_)
    source = Path(__file__).with_name("page.html.jinja").read_text("utf-8")
    page = environment.from_string(source).render(
        lang=language().replace("_", "-"),
        rules=svg.rules(),
        model=model,
        text=text,
        notes=notes,
        pictures=pictures,
    )
    # A folder's name need not be text: a lone surrogate could not be written.
    return page.encode("utf-8", "replace").decode()


def png(picture: Picture, resvg: ModuleType) -> bytes:
    """The picture in light colours, two pixels for each of its own, with a margin."""
    drawn = svg.still(picture.svg(WIDE))
    width, height = re.findall(r'(?:width|height)="(\d+)"', drawn)[:2]
    drawn = drawn.replace("<svg ", f'<svg x="{_MARGIN}" y="{_MARGIN}" ', 1)
    framed = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{int(width) + 2 * _MARGIN}" '
        f'height="{int(height) + 2 * _MARGIN}">{drawn}</svg>'
    )
    return bytes(resvg.svg_to_bytes(svg_string=framed, background="#ffffff", zoom=2))
