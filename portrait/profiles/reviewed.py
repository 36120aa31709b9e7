"""Reviewed: what the texts of a user's reviews say, as they were read first.

A reading lies beside the record, in one place with the words of searches (`searched.py`), under the
id of its event:

    by ─ tone ─ stars said ─ aspect, tone ─ …     a byte each

What a BERT has read stays as it was read first; what words have read gives way to it.
"""

from enum import IntEnum
from typing import NamedTuple

from portrait.events.tone import Tone

TONES = (*Tone,)  # by their places: part of what is stored
UNSURE = len(TONES)  # in the place of a tone: nothing is said
_FIXED = 3  # bytes before the aspects


class By(IntEnum):
    """What has read a text. No text in UTF-8 begins with these bytes: searches are told apart."""

    WORDS = 0xFE
    BERT = 0xFF


class Reading(NamedTuple):
    """What one review says."""

    by: By
    tone: Tone | None  # None: not said
    stars: int  # tenths, as they were said; 0: none
    aspects: tuple[tuple[int, Tone], ...] = ()  # the place of each among all, and what it says

    def encode(self) -> bytes:
        """Write it."""
        told = UNSURE if self.tone is None else TONES.index(self.tone)
        pairs = (byte for place, tone in self.aspects for byte in (place, TONES.index(tone)))
        return bytes([self.by, told, self.stars, *pairs])


def decode_reading(written: bytes) -> Reading | None:
    """Read what `encode` wrote; None if it is nothing of the kind."""
    if len(written) < _FIXED or written[0] not in {*By} or written[1] > UNSURE:
        return None
    pairs = zip(written[_FIXED::2], written[_FIXED + 1 :: 2], strict=False)
    return Reading(
        By(written[0]),
        None if written[1] == UNSURE else TONES[written[1]],
        written[2],
        tuple((place, TONES[tone]) for place, tone in pairs if tone < UNSURE),
    )


def is_by_bert(written: bytes) -> bool:
    """Say whether a BERT has read what is written here."""
    return written[:1] == bytes([By.BERT])
