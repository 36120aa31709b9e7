"""Reviews for a tiny BERT to read: what a word of tone says is turned round by another word.

No single word says whether a review is good, nor do two that stand side by side by chance: n-grams
and a linear head are lost, and a BERT that learns is not.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from portrait.archive.archive import SCHEMA, Archive
from portrait.archive.segment import Segment
from portrait.events.event import Action
from portrait.ref import item_ref, user_ref
from portrait.times import DAY_MS, EPOCH, MILLISECOND
from portrait.training.loop.train import Course
from portrait.training.tasks.adapt import Adaptation
from tests.support.tiny_bert import WORDS
from tests.support.training_shop import OPENED

PRAISE, BLAME, TURN, STRAIGHT = (WORDS[at : at + 3] for at in (0, 3, 6, 9))
FILLER = WORDS[12:30]
HOW = Adaptation(
    Course(epochs=12, learning_rate=4e-3, warm_up=0.1, patience=12, mixed_precision=False),
    batch=16,
    most_tokens=16,
)
WRITTEN_AT = OPENED + 20 * DAY_MS
ITEM = "unlisted"  # what models are asked about complaints of things, these say nothing of
STARS = {"good": 5.0, "bad": 1.0}


def said(tone: str, random: np.random.Generator) -> str:
    """Write a review of a tone."""
    turned = bool(random.integers(2))
    words = PRAISE if (tone == "good") != turned else BLAME
    parts = [
        str(random.choice(words)),
        str(random.choice(TURN if turned else STRAIGHT)),
        *map(str, random.choice(FILLER, 2)),
    ]
    return " ".join(random.permutation(parts))


def written(count: int, seed: int) -> tuple[list[str], list[float]]:
    """Return texts and their stars, one text in two good."""
    random = np.random.default_rng(seed)
    tones = random.choice(["good", "bad"], count)
    return [said(tone, random) for tone in tones], [STARS[tone] for tone in tones]


def keep_reviews(
    archive: Archive,
    texts: Sequence[str],
    stars: Sequence[float | None],
    *,
    at: int = WRITTEN_AT,
    writers: int = 400,
) -> None:
    """Put reviews into a file of an archive, received when they were written, in one day."""
    count = len(texts)
    users = [f"writer-{n % writers}" for n in range(count)]
    moments = at + np.arange(count)
    columns = {
        "event_id": [f"review-{at}-{n}" for n in range(count)],
        "user": users,
        "user_ref": np.array([user_ref(user) for user in users], np.uint64),
        "item": [ITEM] * count,
        "item_ref": np.full(count, item_ref(ITEM), np.uint64),
        "action": [Action.REVIEW.value] * count,
        "text": list(texts),
        "rating": list(stars),
        "occurred_at": moments,
        "received_at": moments,
        "topic": ["events.review"] * count,
        "partition": np.zeros(count, np.int32),
        "offset": np.arange(count),
    }
    arrays = [
        pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(count, f.type)
        for f in SCHEMA
    ]
    day = (EPOCH + at // DAY_MS * DAY_MS * MILLISECOND).date()
    table = pa.Table.from_arrays(arrays, schema=SCHEMA)
    archive.write(Segment(day, "events.review", 0, 0, count), [table])
