"""Translation by a recurrent encoder-decoder, with attention and without, and what it looks at."""

import tempfile
from pathlib import Path

from benchmarks.run import SKIPPED, prosa

MINUTES = 5
SEEDS = (0, 1, 2)
SENTENCE = "This function returns the number of items."
PICTURE = Path(__file__).parent / "alignment.svg"


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
        PICTURE.write_text(alignment(folder, SENTENCE), encoding="utf-8")
    return (
        "## Translation: documentation of Python, English to Portuguese\n\n"
        f"`prosa train translation-en-pt --family seq2seq --attention A --minutes {MINUTES}`, then "
        "`prosa evaluate` on the held-out pairs. chrF of 100 of them, written greedily.\n\n"
        "| attention | seed | chrF | nats per token | bits per byte | parameters | steps |\n"
        "|---|---|---|---|---|---|---|\n" + "\n".join(rows) + "\n\n"
        f"What the last one looks at as it writes a translation of “{SENTENCE}”:\n\n"
        f"![alignment]({PICTURE.name})\n"
    )


def alignment(folder: Path, sentence: str) -> str:
    """What a model looks at as it writes, as a picture."""
    import prosa as library
    from prosa.explanation import svg
    from prosa.explanation.attention import alignment as draw
    from prosa.explanation.subject import Subject

    model = library.load(folder)
    picture = draw(Subject(model.network, model.tokenizer, sentence))
    return svg.still(picture.svg(600)) + "\n"
