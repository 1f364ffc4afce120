"""The whole Portuguese corpus through `prosa prepare`, and the beginning of training on it."""

import tempfile
from pathlib import Path

from benchmarks.run import SKIPPED, prosa


def report(data: Path) -> str:
    """Seconds and peak memory of the largest process."""
    path = data / "corpus-pt"
    if not path.exists():
        return "## Corpus\n\n" + SKIPPED.format(path=path)
    with tempfile.TemporaryDirectory() as place:
        made = prosa("prepare", path, "-o", f"{place}/corpus")
        flags = ["--family", "decoder", "--steps", "5", "--layers", "2", "--hidden-size", "64"]
        trained = prosa("train", f"{place}/corpus", *flags, "-o", f"{place}/model")
    return (
        "## Corpus\n\n"
        f"`prosa prepare CORPUS` on {made['records']:,} documents "
        f"({made['bytes'] / 1e6:.0f} MB kept), then five steps of training on the result. Peak is "
        "of the process.\n\n"
        "| | seconds | peak MB |\n|---|---|---|\n"
        f"| prepare | {made['wall']:.0f} | {made['rss'] / 1e6:.0f} |\n"
        f"| begin training | {trained['wall']:.0f} | {trained['rss'] / 1e6:.0f} |\n"
    )
