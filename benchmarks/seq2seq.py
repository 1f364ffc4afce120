"""Translation by a recurrent encoder-decoder, with attention and without, and what it looks at."""

import tempfile
from pathlib import Path

from benchmarks.run import SKIPPED, prosa

MINUTES = 5
SEEDS = (0, 1, 2)
SENTENCE = "This function returns the number of items."
PICTURE = Path(__file__).parent / "alignment.svg"
CELL, LEFT, TOP = 34, 120, 120


def report(data: Path) -> str:
    """chrF on held-out pairs after equal time, three seeds each, and an alignment."""
    path = data / "translation-en-pt"
    if not path.exists():
        return "## Translation\n\n" + SKIPPED.format(path=path)
    rows = []
    with tempfile.TemporaryDirectory() as place:
        for attention in ("none", "additive", "multiplicative"):
            for seed in SEEDS if attention != "additive" else SEEDS[:1]:
                folder = Path(place, f"{attention}{seed}")
                flags = ["--family", "seq2seq", "--attention", attention, "--seed", seed]
                made = prosa("train", path, *flags, "--minutes", MINUTES, "-o", folder)
                score = prosa("evaluate", folder, path)
                rows.append(
                    f"| {attention} | {seed} | {score['chrf']:.1f} | {score['loss']:.3f} "
                    f"| {score['bits_per_byte']:.3f} | {made['parameters']:,} | {made['steps']:,} |"
                )
        sources, targets, weights = alignment(folder, SENTENCE)
    PICTURE.write_text(draw(sources, targets, weights), encoding="utf-8")
    return (
        "## Translation: documentation of Python, English to Portuguese\n\n"
        f"`prosa train translation-en-pt --family seq2seq --attention A --minutes {MINUTES}`, then "
        "`prosa evaluate` on the held-out pairs. chrF of 100 of them, written greedily.\n\n"
        "| attention | seed | chrF | nats per token | bits per byte | parameters | steps |\n"
        "|---|---|---|---|---|---|---|\n" + "\n".join(rows) + "\n\n"
        f"What the last one looks at as it writes a translation of “{SENTENCE}”:\n\n"
        f"![alignment]({PICTURE.name})\n"
    )


def alignment(folder: Path, sentence: str) -> tuple[list[str], list[str], list[list[float]]]:
    """Words of a source, of the translation that a model writes, and its attention [T][S]."""
    import torch

    import prosa as library
    from prosa.tasks.task import writing_task

    model = library.load(folder)
    source = writing_task(model.network).prompt(model.tokenizer, sentence)
    ids = torch.tensor([source])
    written = model.network.generate(ids, max_new_tokens=40, do_sample=False)
    with torch.no_grad():
        seen = model.network(
            input_ids=ids, decoder_input_ids=written[:, :-1], output_attentions=True
        ).cross_attentions[-1][0, 0]

    def words(numbers: list[int]) -> list[str]:
        return [model.tokenizer.decode([number]).strip() or "␣" for number in numbers]

    return words(source), words(written[0, 1:].tolist()), seen.tolist()


def draw(sources: list[str], targets: list[str], weights: list[list[float]]) -> str:
    """A table of squares, darker where more attention lies: source across, target down."""
    width, height = LEFT + CELL * len(sources) + 10, TOP + CELL * len(targets) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="13" role="img">',
        "<title>Attention of each written word to the words of the source</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for column, word in enumerate(sources):
        x = LEFT + CELL * column + CELL / 2
        turned = f'transform="translate({x:.0f},{TOP - 8}) rotate(-50)"'
        parts.append(f"<text {turned}>{_escaped(word)}</text>")
    for row, word in enumerate(targets):
        y = TOP + CELL * row
        parts.append(
            f'<text x="{LEFT - 8}" y="{y + CELL / 2 + 5:.0f}" text-anchor="end">'
            f"{_escaped(word)}</text>"
        )
        for column, weight in enumerate(weights[row]):
            parts.append(
                f'<rect x="{LEFT + CELL * column}" y="{y}" width="{CELL - 2}" height="{CELL - 2}" '
                f'fill="#0b5394" fill-opacity="{max(0.04, weight):.2f}"/>'
            )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
