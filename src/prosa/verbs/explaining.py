"""The verb `explain`: what happens inside a model, as pictures in a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from prosa import files, runs
from prosa.errors import InputError
from prosa.extras import packages_of
from prosa.i18n import _

if TYPE_CHECKING:
    from prosa.explanation.picture import Picture


@dataclass(frozen=True)
class Explained:
    """What `explain` wrote.

    Attributes:
        model: The model's folder.
        text: The sentence.
        output: The folder.
        pictures: What is in it, in the order of the page.
        images: The pictures' png files, by the pictures' names; empty without the extra `explain`.
        notes: What the person may want to know.
    """

    model: str
    text: str
    output: Path
    pictures: "list[Picture]"
    images: dict[str, Path]
    notes: list[str]

    @property
    def page(self) -> Path:
        """The page with all pictures."""
        return self.output / "index.html"


def explain(
    model: str | Path, text: str, output: str | Path | None = None, *, overwrite: bool = False
) -> Explained:
    """Look at what a model does with a sentence, and write a page and a png of every picture.

    Args:
        model: A run's folder or name, or a Hugging Face folder or id.
        text: The sentence; for a model that fills in words with `[MASK]` where one is missing.
        output: The folder; by default `MODEL-explained` in the current one.
        overwrite: Replace the folder if it exists.

    Raises:
        InputError: No such model, no text, a text that is too long, or a folder that is there.
    """
    from prosa.explanation import page
    from prosa.explanation.pictures import look
    from prosa.explanation.subject import Subject
    from prosa.search.stores import is_index
    from prosa.verbs.writing import load_model

    folder = runs.resolve(str(model))
    if is_index(folder):
        raise InputError(_("An index has no model inside"), path=folder, expected=_("a model"))
    place = files.free_place(output or f"{Path(folder).name}-explained", overwrite=overwrite)
    loaded = load_model(folder)
    subject = Subject(loaded.network, loaded.tokenizer, text)
    pictures = look(subject)
    notes = []
    if subject.fills and subject.next is None:
        notes.append(_("Write [MASK] in place of a word to see what the model would fill in."))
    resvg = page.renderer()
    said = list(notes)
    if resvg is None:
        packages = " ".join(f'"{name}"' for name in packages_of("explain")) or "resvg-py"
        said.append(
            _("For png files as well, run: pip install {packages}").format(packages=packages)
        )
    with files.replacing(place, overwrite=overwrite) as temporary:
        whole = page.html(Path(folder).name, subject.text, pictures, notes)
        (temporary / "index.html").write_text(whole, encoding="utf-8")
        if resvg is not None:
            for picture in pictures:
                (temporary / f"{picture.name}.png").write_bytes(page.png(picture, resvg))
    images = {one.name: place / f"{one.name}.png" for one in pictures} if resvg else {}
    return Explained(folder, subject.text, place, pictures, images, said)
