"""The archive: every event that could be read, as rows in files, each exactly once.

records ─▶ tabulate ─▶ cut into segments ─▶ write          rows.py, workers/archive.py
segments ─▶ overlapping ─▶ drop what is there twice or erased ─▶ rows                scan

A batch is written before its offsets are committed, so a kill loses nothing; what it writes again
has the same offsets, so a reader drops it. What a file holds does not change which rows there are.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from portrait.archive.segment import OffsetSet, Segment, overlapping
from portrait.errors import PortraitError
from portrait.events.consent import Consents
from portrait.events.erasure import Erasures

Span = tuple[int | None, int | None]  # ms: the first moment, and the first after it; None: none
EVER: Span = (None, None)

ERASED_BY = ("user_ref", "occurred_at", "received_at")  # columns that say whether a row is erased

_MOMENT = pa.timestamp("ms", "UTC")
CHOICE = pa.struct(
    [
        pa.field("item", pa.string(), nullable=False),
        pa.field("arm", pa.string(), nullable=False),
        pa.field("propensity", pa.float64(), nullable=False),
    ]
)
SCHEMA = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("user", pa.string(), nullable=False),  # the key of the profile
        pa.field("user_ref", pa.uint64(), nullable=False),
        pa.field("session", pa.string()),
        pa.field("item", pa.string()),
        pa.field("item_ref", pa.uint64()),  # none of a search
        pa.field("action", pa.string(), nullable=False),
        pa.field("price", pa.float64()),  # of one piece
        pa.field("quantity", pa.int32()),
        pa.field("text", pa.string()),  # of a search or a review
        pa.field("rating", pa.float32()),
        pa.field("recommendation_id", pa.string()),
        pa.field("occurred_at", _MOMENT, nullable=False),  # corrected if the clock was wrong
        pa.field("received_at", _MOMENT, nullable=False),  # Kafka's time
        pa.field("topic", pa.string(), nullable=False),
        pa.field("partition", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("order_id", pa.string()),  # files of before end here or at the next: they lack it
        pa.field("anonymous_ref", pa.uint64()),  # user_ref of the visitor that the user was, too
        pa.field("surface", pa.string()),  # of a list, or of a place of one that was drawn
        pa.field("choices", pa.list_(CHOICE)),  # what it was drawn among; `item` is what was drawn
        pa.field("shown", pa.list_(pa.uint64())),  # of a list: item_ref by place
    ]
)


class ArchiveUnavailableError(PortraitError):
    """The event log in files did not answer: try again later."""


class ArchiveChangedError(ArchiveUnavailableError):
    """A file was merged or retired while it was read: list the archive again."""


class Archive(Protocol):
    """Files of rows. Every method blocks, raises ArchiveUnavailableError, and may be repeated."""

    def segments(self) -> list[Segment]:
        """List what is there, at one moment."""
        ...

    def write(self, segment: Segment, rows: Iterable[pa.Table]) -> None:
        """Put a file of rows of SCHEMA there, whole or not at all, over one of the same name."""
        ...

    def read(
        self, segment: Segment, columns: Sequence[str], within: Span = EVER
    ) -> Iterator[pa.RecordBatch]:
        """Yield a file's rows that occurred in a window, its end excluded, a part at a time.

        Raises:
            ArchiveChangedError: The file has been removed.
        """
        ...

    def remove(self, segments: Iterable[Segment]) -> None:
        """Remove files, as far as they are there."""
        ...

    def erasures(self) -> Erasures:
        """Return everybody who is to be forgotten."""
        ...

    def pending(self) -> Erasures:
        """Return those of them whose rows may still lie in a file."""
        ...

    def erase(self, erasures: Erasures) -> None:
        """Forget these users: on return no reader sees them."""
        ...

    def consents(self) -> Consents:
        """Return what users have said of what may be done with what they do."""
        ...

    def agree(self, consents: Consents) -> None:
        """Remember what these have said, as far as nothing later is known of them."""
        ...

    def settle(self, swept: Erasures) -> None:
        """Note that no file holds rows of these any more."""
        ...

    def clean(self) -> None:
        """Remove what killed writers have left aside."""
        ...


def scan(
    archive: Archive,
    segments: Iterable[Segment],
    columns: Sequence[str],
    *,
    erasures: Erasures,
    within: Span = EVER,
) -> Iterator[pa.RecordBatch]:
    """Yield rows of these segments that occurred in a window: each once, none that is erased.

    Holds one part of one file at a time. Which rows there are, does not depend on how they were
    cut into files, nor on whether a merge of files was killed half-way.
    """
    asked = list(dict.fromkeys([*columns, *ERASED_BY, "offset"]))
    for group in overlapping(segments):
        seen = OffsetSet()
        for segment in group:
            here = []
            for batch in archive.read(segment, asked, within):
                kept = ~erased(batch, erasures)
                if len(group) > 1:
                    offsets = numbers(batch["offset"])
                    kept &= ~seen.has(offsets)
                    here.append(offsets)
                yield batch.filter(pa.array(kept)).select(list(columns))
            for offsets in here:
                seen.add(offsets)


def erased(
    rows: Any,  # noqa: ANN401 - pyarrow is untyped
    erasures: Erasures,
) -> NDArray[np.bool_]:
    """Say which rows, (E,), are erased: what happened or was received up to the erasure."""
    known_from = np.minimum(numbers(rows["occurred_at"]), numbers(rows["received_at"]))
    return erasures.cover(numbers(rows["user_ref"]), known_from)


def numbers(column: Any) -> NDArray[Any]:  # noqa: ANN401 - pyarrow is untyped
    """Return an Arrow column of numbers or moments (ms) without nulls as an array, (E,)."""
    if pa.types.is_timestamp(column.type):
        column = pc.cast(column, pa.int64())
    array: NDArray[Any] = (
        column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy()
    )
    return array
