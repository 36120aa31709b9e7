"""Robustness: what typing errors, odd characters and a flood of events do to a model, as numbers.

texts ─▶ spoiled ─▶ cosine to the clean ones, hit rate lost             text_robustness
histories ─▶ 100 times the same item on top ─▶ how far other scores move      burst_robustness

The figures go into the model's manifest. An encoder and a way of scoring are arguments: nothing
here needs torch.
"""

from collections.abc import Callable, Sequence

import numpy as np

from portrait.arrays import MISSING, Codes
from portrait.events.columns import RING
from portrait.model.encoder import TextEncoder
from portrait.model.space import Vectors

SPOILED = 0.05  # of all characters
BURST = 100  # events
TOLERANCE = 1e-3  # of a length of 1: fast encoders round
# A visible stranger, an invisible one, a full-width form, a Cyrillic double, a picture.
ODD_CHARACTERS = "\u00b6\u200b\uff21\u0430\U0001f45f"
ODD_TEXTS = {
    "empty": "",
    "blank": " \t\n",
    "emoji": "\U0001f45f\U0001f3fd\u200d\U0001f525" * 20,
    "control": "\x00\x07\x1b[31mred",
    "right_to_left": "\u202e\u062d\u0630\u0627\u0621 \u05e0\u05e2\u05dc",
    "chinese": "\u8fd0\u52a8\u978b \u7537\u5973\u540c\u6b3e",
    "combining": "e\u0301\u0323\u0316" * 50,
    "unpaired_surrogate": "shoe \ud83d",
    "one_long_word": "x" * 10_000,
    "ten_thousand_characters": "red shoe " * 1_112,
}

HitRate = Callable[[Vectors, Vectors], float]  # items as users' histories have them, and as ranked
State = Callable[[Codes], Vectors]  # (U, S) rows of items, newest first, or MISSING -> (U, K)


def spoil(text: str, generator: np.random.Generator, share: float = SPOILED) -> str:
    """Spoil a share of a text's characters: swap, drop, double, mistype, or put in odd ones."""
    characters = list(text)
    for place in np.flatnonzero(generator.random(len(characters)) < share).tolist():
        kind = int(generator.integers(5))
        here = characters[place]
        if kind == 0 and place + 1 < len(characters):
            characters[place], characters[place + 1] = characters[place + 1], here
        elif kind == 1:
            characters[place] = ""
        elif kind == 2:  # noqa: PLR2004 - one of five kinds
            characters[place] = here * 2
        elif kind == 3:  # noqa: PLR2004 - one of five kinds
            characters[place] = chr(ord("a") + int(generator.integers(26)))
        else:
            characters[place] = ODD_CHARACTERS[int(generator.integers(len(ODD_CHARACTERS)))]
    return "".join(characters)


def text_robustness(
    encoder: TextEncoder, texts: Sequence[str], hit_rate: HitRate | None = None, seed: int = 0
) -> dict[str, float]:
    """Measure what spoiled texts cost.

    Args:
        encoder: The text encoder.
        texts: (N,), of the catalogue.
        hit_rate: HR@10 of histories whose items are read as the first (N, D) embeddings and ranked
            by the second: a shop's catalogue is clean, what producers send along is not.
        seed: Which characters are spoiled.
    """
    generator = np.random.default_rng(seed)
    clean = encoder.encode(texts)
    spoiled = encoder.encode([spoil(text, generator) for text in texts])
    cosine = (clean * spoiled).sum(axis=1)
    figures = {
        "spoiled_share": SPOILED,
        "cosine_mean": round(float(cosine.mean()), 4),
        "cosine_p05": round(float(np.quantile(cosine, 0.05)), 4),
        "odd_texts_failed": float(len(odd_texts_failed(encoder))),
    }
    if hit_rate is not None:
        before, after = hit_rate(clean, clean), hit_rate(spoiled, clean)
        figures |= {
            "hr@10_clean": round(before, 4),
            "hr@10_spoiled": round(after, 4),
            "hr@10_lost": round(1 - after / before, 4) if before else 0.0,
        }
    return figures


def odd_texts_failed(encoder: TextEncoder) -> list[str]:
    """Name the odd texts that have no usable vector: it should be none."""
    vectors = encoder.encode(list(ODD_TEXTS.values()))
    length = np.linalg.norm(vectors, axis=1)  # not a number where the vector is not
    return [
        name for name, each in zip(ODD_TEXTS, length, strict=True) if not abs(each - 1) < TOLERANCE
    ]


def burst_robustness(
    rows: Codes, items: Vectors, state: State, *, burst: int = BURST, seed: int = 0
) -> dict[str, float]:
    """Measure what `burst` events on one item do to the scores of items that are unlike it.

    Each user gets an item of chance. Unlike it are the half of the catalogue with the lowest
    cosine to it.

    Args:
        rows: (U, S), rows of `items`, newest first, or MISSING.
        items: (N, K), unit rows.
        state: How the model reads a history; what is older than its memory falls out.
        burst: How many events.
        seed: Which items.
    """
    generator = np.random.default_rng(seed)
    flood = generator.integers(len(items), size=len(rows))
    flooded = np.concatenate([np.repeat(flood[:, None], burst, axis=1), rows], axis=1)[:, :RING]
    before, after = state(rows) @ items.T, state(flooded) @ items.T  # (U, N)
    likeness = items[flood] @ items.T
    unlike = likeness <= np.median(likeness, axis=1, keepdims=True)
    moved = np.abs(after - before)[unlike]
    order_before = np.where(unlike, before, -np.inf)
    order_after = np.where(unlike, after, -np.inf)
    kept = [
        len(set(one) & set(other)) / 10
        for one, other in zip(_top(order_before), _top(order_after), strict=True)
    ]
    return {
        "events": burst,
        "unlike_moved_mean": round(float(moved.mean()), 4),
        "unlike_moved_p95": round(float(np.quantile(moved, 0.95)), 4),
        "unlike_top10_kept": round(float(np.mean(kept)), 4),
        "remembered_of_before": round(
            float((flooded[:, burst:] != MISSING).sum() / max(1, (rows != MISSING).sum())), 4
        ),
    }


def _top(scores: Vectors) -> list[list[int]]:
    top: list[list[int]] = np.argpartition(-scores, 10, axis=1)[:, :10].tolist()
    return top
