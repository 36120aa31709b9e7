"""Reviews: what shoppers wrote, with the stars they gave; what a reader of reviews learns from.

Of those alone who let models learn from what they do, without what they asked to be forgotten. The
texts are in the archive as they were read: without what names or reaches anybody.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portrait.archive.archive import EVER, Archive, numbers
from portrait.arrays import Floats, Refs
from portrait.dataset.archive_reading import Learnable, steadily
from portrait.events.event import Action

COLUMNS = ("user_ref", "text", "rating", "received_at")
TRIMMED_AT = 4  # times as many rows as are asked for: what is held while the archive is passed over


@dataclass(frozen=True, slots=True)
class Reviews:
    """R reviews with text and stars, the newest last."""

    texts: tuple[str, ...]  # (R,)
    stars: Floats  # (R,)
    users: Refs  # (R,), user_ref of who wrote each

    def __len__(self) -> int:
        return len(self.texts)


def read_reviews(archive: Archive, most: int) -> Reviews:
    """Read the newest reviews that have both, no text twice.

    Args:
        archive: Where to read.
        most: How many fit.

    Raises:
        ArchiveUnavailableError: The files cannot be read.
    """
    return steadily(lambda: _read(archive, most))


def _read(archive: Archive, most: int) -> Reviews:
    passing = Learnable.of(archive, archive.segments(), archive.erasures()).rows(EVER)
    kept: list[pa.Table] = []
    for batch in passing(COLUMNS):
        said = pc.and_(
            pc.equal(batch["action"], Action.REVIEW.value),
            pc.and_(
                pc.greater(pc.fill_null(batch["rating"], 0), 0),
                pc.greater(pc.utf8_length(pc.fill_null(batch["text"], "")), 0),
            ),
        )
        kept.append(pa.Table.from_batches([batch.filter(said)]).select(list(COLUMNS)))
        if sum(map(len, kept)) > TRIMMED_AT * most:
            kept = [_newest(pa.concat_tables(kept), most)]
    if not kept:
        return Reviews((), np.zeros(0, np.float32), np.zeros(0, np.uint64))
    found = _newest(pa.concat_tables(kept), most)
    return Reviews(
        tuple(found["text"].to_pylist()),
        numbers(found["rating"]).astype(np.float32),
        numbers(found["user_ref"]).astype(np.uint64),
    )


def _newest(rows: pa.Table, most: int) -> pa.Table:
    """Return the newest rows in order of receipt; of those with one text the first."""
    ordered = rows.sort_by([(name, "ascending") for name in ("received_at", "user_ref", "text")])
    codes = numbers(ordered["text"].combine_chunks().dictionary_encode().indices)
    _, first = np.unique(codes, return_index=True)
    return ordered.take(pa.array(np.sort(first)[-most:]))
