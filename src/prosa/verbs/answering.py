"""`prosa index`, `ask`, and what `chat` and `evaluate` do with an index: answers from documents."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prosa import runs

if TYPE_CHECKING:
    from prosa.answering.answerer import Answer, Conversation, SpanReader, TextWriter
    from prosa.answering.measure import Evaluation
    from prosa.search.changes import IndexReport
    from prosa.search.index import Hit, Index


class Documents:
    """An index that answers. Made by `prosa.index(...)` and `prosa.load(folder)`.

    Args:
        index: From `search.index`.
        max_error: The share of wrong answers, among those given, that is accepted.
        reader: A span-qa model's folder or name, for exact spans out of running text.
        writer: A generative model's folder or name, for answers in its own words.
        sources: How many sources an answer comes with at most.

    Raises:
        InputError: A setting or a model is at fault.
    """

    def __init__(
        self,
        index: "Index",
        max_error: float | None = None,
        reader: "str | Path | SpanReader | None" = None,
        writer: "str | Path | TextWriter | None" = None,
        *,
        sources: int | None = None,
    ) -> None:
        from prosa.answering.answerer import MAX_ERROR, SOURCES, Answerer

        error = MAX_ERROR if max_error is None else max_error
        count = SOURCES if sources is None else sources
        self.answerer = Answerer(index, error, sources=count)
        if reader is not None or writer is not None:  # the settings are right: now the slow part
            spans, texts = _reader(reader), _writer(writer)
            self.answerer = Answerer(index, error, spans, texts, sources=count)

    @property
    def path(self) -> str:
        """The folder of the index, or the address of its database."""
        return self.answerer.index.place

    @property
    def report(self) -> "IndexReport | None":
        """What the run that made the index did; None where it was only opened."""
        return self.answerer.index.report

    def __len__(self) -> int:
        return len(self.answerer.index)

    def ask(self, question: str, history: Sequence[str] = ()) -> "Answer":
        """Answer a question, after the questions of `history`, the latest last.

        Raises:
            InputError: The question is empty.
        """
        return self.answerer.ask(question, history)

    def ask_many(self, questions: Sequence[str]) -> "list[Answer]":
        """Answer many questions, each by itself."""
        return self.answerer.ask_many(questions)

    def search(self, question: str, k: int = 10) -> "list[Hit]":
        """Find passages, the best first, and answer nothing."""
        return self.answerer.index.search(question, k)

    def chat(self) -> "Conversation":
        """Begin a conversation; `.ask(text)` gives the answer with its sources."""
        from prosa.answering.answerer import Conversation

        return Conversation(self.answerer)

    def evaluate(self, questions: Any = None) -> "Evaluation":
        """Measure the answers.

        Args:
            questions: A JSONL file of questions (see `prosa.answering.questions`), the name of a
                bundled sample, or a list of such records; without, the index's own wordings are
                held out.

        Raises:
            InputError: The questions are at fault, or there are none to hold out.
        """
        from prosa.answering import measure
        from prosa.answering import questions as asked

        if questions is None:
            return measure.held_out(self.answerer)
        return measure.evaluate(self.answerer, asked.read(questions))


def index(
    sources: Any,
    output: str | Path,
    *,
    remove: Sequence[str | Path] = (),
    language: str | None = None,
    encoder: str | None = None,
    filter: Sequence[str] = (),  # noqa: A002  as the flag is called
    progress: Callable[[str, int, int], None] | None = None,
    **settings: Any,
) -> Documents:
    """Make an index of documents, or bring one up to date with them.

    Args:
        sources: One or more of: a file (txt, md, html, pdf, docx, csv, tsv, json, jsonl, parquet),
            a folder, the name of a bundled sample, or what `prosa.read` takes.
        output: The folder of the index, or the address of a PostgreSQL database.
        remove: Documents, files or folders to take out.
        language: The language to stem words in; found out by default.
        encoder: What finds answers in other words: "auto" (the default) takes the encoder that is
            installed, "none" is words alone, else a sentence-transformers model's folder or id.
        filter: What is left out: ["short=3", "offensive"], see `data.filters.parse`; an index that
            has filters keeps them.
        progress: Is told of every document: its name, how many were read before, how many in all.
        settings: For the answers: `max_error`, `reader`, `writer`, `sources` of `Documents`.

    Raises:
        InputError: A source, the output or a setting is at fault.
        ProsaError: The disk is full, or another run is at work on the index.
    """
    from prosa.search.build import build

    made = build(
        sources,
        output,
        remove=remove,
        language=language,
        encoder=encoder,
        filters=filter,
        progress=progress,
    )
    return Documents(made, **settings)


def open_documents(path: str | Path, **settings: Any) -> Documents:
    """Open an index to ask, with settings of `Documents`.

    Raises:
        InputError: There is no index, it may not be read, or a newer prosa made it.
    """
    from prosa.search.index import open_index

    return Documents(open_index(path), **settings)


def texts_of(questions: str | Path) -> list[str]:
    """The questions of a file, for a batch.

    Raises:
        InputError: The file is missing or broken.
    """
    from prosa.answering import questions as asked

    return [row.question for row in asked.read(questions, answers=False)]


def _reader(reader: "str | Path | SpanReader | None") -> "SpanReader | None":
    if not isinstance(reader, str | Path):
        return reader
    from prosa.answering.reader import load

    return load(runs.resolve(str(reader)))


def _writer(writer: "str | Path | TextWriter | None") -> "TextWriter | None":
    if not isinstance(writer, str | Path):
        return writer
    from prosa.answering.writer import Writer
    from prosa.models.pretrained import load

    model, tokenizer = load(runs.resolve(str(writer)))
    return Writer(model, tokenizer)
