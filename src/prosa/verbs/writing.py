"""A model that a person can use: `prosa.load(...)`, and through it generate, stream and chat."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from prosa import files, runs
from prosa.errors import InputError
from prosa.i18n import _
from prosa.search.stores import is_index
from prosa.verbs.answering import open_documents

if TYPE_CHECKING:
    from prosa.chat import Chat
    from prosa.generation.fill import Candidate

FORMATS = ("arpa", "hf")


class Model:
    """A loaded model with its tokenizer.

    Attributes:
        path: Its folder (or Hugging Face id).
        network: The `PreTrainedModel`; a GGUF file's `LlamaCpp` where llama-cpp-python is there.
        tokenizer: Its `PreTrainedTokenizerFast`; None of a packed one.
    """

    def __init__(self, path: str, network: Any, tokenizer: Any) -> None:
        self.path = path
        self.network = network
        self.tokenizer = tokenizer

    def generate(self, prompt: str = "", **decoding: Any) -> str:
        """Continue a prompt; the continuation alone comes back.

        Args:
            prompt: The beginning; "" begins a new text.
            decoding: Fields of `prosa.generation.options.Decoding`, such as `temperature=0.7`.
        """
        return "".join(self.stream(prompt, **decoding))

    def stream(self, prompt: str = "", **decoding: Any) -> Iterator[str]:
        """The same, piece by piece."""
        from prosa.generation.engines import engine
        from prosa.generation.options import Decoding

        yield from engine(self.network, self.tokenizer).stream(prompt, Decoding(**decoding))

    def fill(self, text: str, count: int = 5) -> "list[Candidate]":
        """The likeliest words for the `[MASK]` of a text, with their probabilities."""
        from prosa.generation.fill import fill

        return fill(self.network, self.tokenizer, text, count)

    @property
    def continues(self) -> bool:
        """Whether what it writes goes on from the prompt, and is not an answer to it."""
        from prosa.generation.engines import engine

        return engine(self.network, self.tokenizer).continues

    def chat(self, *, system: str = "", **decoding: Any) -> "Chat":
        """Begin a conversation; `.say(text)` gives the reply in pieces.

        `system` is what the model is told to be, and `decoding` as for `generate`.
        """
        from prosa.chat import CHAT_DECODING, Chat
        from prosa.generation.options import Decoding

        drawn = Decoding(**decoding) if decoding else CHAT_DECODING
        memory = self._has_turns()
        return Chat(self.network, self.tokenizer, drawn, memory=memory, system=system)

    def _has_turns(self) -> bool:
        manifest = runs.read_manifest(Path(self.path)) if Path(self.path).is_dir() else None
        return manifest is None or manifest.data.get("kind") != "question-answer"


def load(path: str | Path, **settings: Any) -> Any:
    """Load a model, or open an index.

    Args:
        path: A run's folder or name under `runs`, any folder of a model or an adapter, a GGUF
            file, or a Hugging Face id; or the folder of an index.
        settings: Of an index: those of `prosa.verbs.answering.Documents`.

    Returns:
        A `Model`, or of an index the `Documents` that answer.

    Raises:
        InputError: There is no such model, or its folder is broken.
    """
    if is_index(path):
        return open_documents(path, **settings)
    return load_model(path)


def load_model(model: str | Path, say: Callable[[str], None] = lambda _text: None) -> Model:
    """Load a model: what `load` does with anything but an index.

    `say` hears what there is to know of it, in sentences.

    Raises:
        InputError: There is no such model, or its folder is broken.
    """
    from prosa.generation.engines import LlamaCpp, has_llama

    path = runs.resolve(str(model))
    if path.lower().endswith(".gguf") and has_llama():
        return Model(path, LlamaCpp(path), None)
    from prosa.models.pretrained import load as load_folder

    network, tokenizer = load_folder(path, say=say)
    return Model(path, network, tokenizer)


def export(
    model: str | Path, to: str, output: str | Path | None = None, *, overwrite: bool = False
) -> Path:
    """Write a model in another program's format, one of `FORMATS`.

    "hf" is a whole Hugging Face folder: a run's adapter is merged into its base, and a GGUF file
    unpacked. Without `output` it has the run's name with the format's suffix, and lies here.

    Raises:
        InputError: An unknown format, or a model that the format cannot hold.
    """
    if to not in FORMATS:
        raise InputError(_("--to is {value}").format(value=to), expected=", ".join(FORMATS))
    from prosa.exports import arpa
    from prosa.models.pretrained import load as load_folder
    from prosa.models.pretrained import save

    folder = runs.resolve(str(model))
    target = Path(output) if output else Path(f"{Path(folder).name}.{to}")
    files.free_place(target, overwrite=overwrite)
    network, tokenizer = load_folder(folder, device="cpu")
    if to == "arpa":
        arpa.export(network, cast(Any, tokenizer), target, overwrite=overwrite)
    else:
        with files.replacing(target, overwrite=overwrite) as partial:
            save(network, tokenizer, partial)
    return target
