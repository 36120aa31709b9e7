"""How often the tone that is read is that of the label, on public Chinese reviews, by category."""

import zipfile
from pathlib import Path

import pandas as pd

from portrait.events.tone import PLAIN, blame_of
from portrait.opinions.aspects import Tone, aspects_of, tone_of
from portrait.opinions.harm import harm_of

Figures = dict[str, dict[str, float]]


def tones_of(archive: Path) -> Figures:
    """Read reviews labelled as praise or blame, of ten categories, and print what was right."""
    with zipfile.ZipFile(archive) as folder, folder.open(folder.namelist()[0]) as file:
        reviews = pd.read_csv(file).dropna().drop_duplicates("review")
    blame = reviews["review"].map(blame_of)
    reviews = reviews.assign(
        said=blame.map(tone_of),
        plain=blame >= PLAIN,
        aspects=reviews["review"].map(lambda text: len(aspects_of(text)) > 0),
        harm=reviews["review"].map(harm_of).notna(),
    )
    print(
        f"\n{'reviews':>16}{'texts':>8}{'spoken':>8}{'right':>7}{'blame':>7}{'found':>7}{'aspect':>8}"
        f"{'harm':>7}"
    )
    found = {"all": _figures(reviews)}
    found |= {name: _figures(part) for name, part in reviews.groupby("cat")}
    for name, row in found.items():
        print(
            f"{name:>16}{row['texts']:>8.0f}{row['spoken']:>8.3f}{row['right']:>7.3f}"
            f"{row['precision']:>7.3f}{row['recall']:>7.3f}{row['aspects']:>8.3f}{row['harm']:>7.4f}"
        )
    return found


def _figures(reviews: pd.DataFrame) -> dict[str, float]:
    """Return how many are read as something, how many of those rightly, and so for blame alone."""
    is_blame = reviews["label"] == 0
    negative, positive = reviews["said"] == Tone.NEGATIVE, reviews["said"] == Tone.POSITIVE
    spoken = negative | positive
    right = (negative & is_blame) | (positive & ~is_blame)
    return {
        "texts": float(len(reviews)),
        "spoken": float(spoken.mean()),
        "right": float(right.sum() / spoken.sum()),
        "precision": float((negative & is_blame).sum() / negative.sum()),
        "recall": float((negative & is_blame).sum() / is_blame.sum()),
        "aspects": float(reviews["aspects"].mean()),
        "harm": float(reviews["harm"].mean()),
    }
