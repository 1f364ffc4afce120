"""`prosa train`."""

import shlex
import sys
from typing import Any

import typer

from prosa.cli import flags, shared, usage
from prosa.i18n import _
from prosa.models.registry import REGISTRY
from prosa.runs import first_commands


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(cls=usage.Command, help=_("Train a model on DATA."))
    def train(
        data: str = typer.Argument(..., metavar="DATA", help=_data_help()),
        family: str | None = typer.Option(
            None, help=_("One of {names}; without it decoder.").format(names=", ".join(REGISTRY))
        ),
        from_model: str | None = typer.Option(
            None,
            "--from",
            metavar="MODEL",
            help=_("Teach this model further: a run, folder, GGUF, hub id."),
        ),
        lora: bool | None = typer.Option(
            None,
            "--lora/--full",
            help=_("Teach an adapter beside the model, or all of it (--from)."),
        ),
        four_bit: bool = typer.Option(
            False, "--four-bit", help=_("Keep the frozen model in 4 bits, on a GPU (--lora).")
        ),
        minutes: float | None = typer.Option(
            None, help=_("How long you are willing to wait; the rest is computed from it.")
        ),
        output: str | None = typer.Option(
            None, "-o", "--output", help=_("The model's folder (default: runs/DATA-FAMILY).")
        ),
        resume: bool = typer.Option(False, "--resume", help=_("Continue a run that was killed.")),
        overwrite: bool = flags.overwrite(),
        epochs: float | None = typer.Option(None, help=_("Passes over the data.")),
        steps: int | None = typer.Option(None, help=_("Optimizer steps.")),
        batch_size: int | None = typer.Option(None, help=_("Rows of --context tokens a step.")),
        learning_rate: float | None = typer.Option(None, help=_("In AdamW's scale.")),
        seed: int | None = typer.Option(None, help=_("Makes a run repeatable (default 0).")),
        context: int | None = typer.Option(None, help=_("Tokens the model sees at once.")),
        layers: int | None = typer.Option(None, help=_("Layers.")),
        hidden_size: int | None = typer.Option(None, help=_("Units of a layer.")),
        heads: int | None = typer.Option(None, help=_("Attention heads (Transformers).")),
        embedding_size: int | None = typer.Option(
            None, help=_("Width of the embeddings (rnn, lstm, gru, seq2seq).")
        ),
        dropout: float | None = typer.Option(None, help=_("Share of units dropped, 0 to 0.9.")),
        order: int | None = typer.Option(None, help=_("Longest n-gram (ngram).")),
        cell: str | None = typer.Option(None, help=_("lstm or gru (seq2seq).")),
        attention: str | None = typer.Option(
            None, help=_("additive, multiplicative or none (seq2seq).")
        ),
        word_vectors: str | None = typer.Option(
            None,
            metavar="FILE",
            help=_(
                "Begin with these word vectors: word2vec, GloVe, .vec (rnn, lstm, gru, seq2seq)."
            ),
        ),
        tokenizer: str | None = typer.Option(
            None, help=_("char, word, whitespace, bpe (the default), unigram or wordpiece.")
        ),
        vocabulary: int | None = typer.Option(None, help=_("Tokens of the vocabulary at most.")),
        clean: str | None = flags.clean(),
        filters: list[str] = flags.filters(),
        validation: str | None = flags.share(),
        test: str | None = flags.share(),
        raw: bool = flags.raw(),
        kind: str | None = flags.kind(),
        column: list[str] = flags.column(),
        config: str | None = typer.Option(
            None, metavar="FILE.yaml", help=_("Settings by the flags' names; flags win.")
        ),
        as_json: bool = flags.as_json(),
    ) -> None:
        _run(data, flags.settings(locals()), config, as_json=as_json)


def _data_help() -> str:
    return _(
        "A file or folder (txt, md, csv, tsv, json, jsonl, parquet, also gzipped), '-', "
        "a bundled sample (historias, perguntas) or a Hugging Face data set."
    )


def _run(data: str, given: dict[str, Any], config: str | None, *, as_json: bool) -> None:
    from prosa.cli.progress import Display
    from prosa.verbs.request import Request, read_config

    request = Request(**{**(read_config(config) if config else {}), **given})
    with Display(file=sys.stderr if as_json else sys.stdout) as display:
        display.working(_("Reading {source}").format(source=data))
        from prosa.verbs.training import train as train_verb

        run = train_verb(data, request, listen=display, command=["prosa", *sys.argv[1:]])
    if as_json:
        shared.print_json(run.result)
    else:
        shared.say(*summary(run.result, run.name))
        if run.tokenizer.chat_template is not None and run.result["task"] in ("causal", "seq2seq"):
            shared.say(*_of_answers(data, run.result))


def _of_answers(data: str, result: dict[str, Any]) -> list[str]:
    """What somebody who trained on questions and answers should know."""
    lines = [
        "",
        _("To give the stored answers word for word, with their source, and no others:"),
        f"  prosa index {shlex.quote(data)} -o INDEX",
        '  prosa ask INDEX "..."',
    ]
    if result["validation_loss"] is not None:
        lines += [
            "",
            _("The answers held out for validation and test were not learned; to learn all:"),
            f"  prosa train {shlex.quote(data)} --validation 0 --test 0",
        ]
    return lines


def summary(result: dict[str, Any], name: str) -> list[str]:
    """What came of a run, in a few lines."""
    lines = [""]
    if result["validation_bits_per_byte"] is not None:
        lines.append(
            _("Validation: {bits} bits per byte, perplexity {perplexity}").format(
                bits=shared.number(result["validation_bits_per_byte"], 3),
                perplexity=shared.number(result["validation_perplexity"], 2),
            )
        )
    if result.get("validation_macro_f1") is not None:
        lines.append(
            _("Validation: {accuracy} % right, macro F1 {f1} %; the majority {majority} %").format(
                accuracy=shared.number(100 * result["validation_accuracy"], 1),
                f1=shared.number(100 * result["validation_macro_f1"], 1),
                majority=shared.number(100 * result["validation_majority_accuracy"], 1),
            )
        )
    lines += [
        _("Training loss: {loss} nats per token, after {seconds} of training").format(
            loss=shared.number(result["train_loss"], 3),
            seconds=shared.duration(result["seconds"]),
        ),
        _("Saved in {output}").format(output=result["output"]),
        "",
        _("Next:"),
        *(f"  {command}" for command in first_commands(name, result["task"])),
    ]
    return lines
