"""Heard: a review counts by what a BERT has read in it, where that is sure and says otherwise.

readings, of reviews in the rings ─▶ stars, marked as read ─▶ rings
                                  └▶ how many there are ─▶ the top byte of the revision

It comes to the same before and after the event is folded, in any order and however often: what a
ring holds is a function of the event and of its reading, which stays as it was first. The revision
says how many of them a ring has, so that who has not seen a reading cannot write over it.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from portrait.events.tone import READ, Tone
from portrait.model.kinds import DISLIKED, LIKED, REVIEW
from portrait.profiles.facts import Facts
from portrait.profiles.reviewed import By, Reading
from portrait.profiles.searched import read_readings

COUNTS_AS = {Tone.POSITIVE: 50, Tone.NEUTRAL: 30, Tone.NEGATIVE: 10}  # tenths of a star
TOP = np.uint64(56)  # bits of the revision below its top byte
BELOW = np.uint64((1 << 56) - 1)


def hear(facts: Facts, stored: Sequence[bytes], fresh: Collection[int]) -> None:
    """Let reviews of U users count by what was read in them, in place.

    Args:
        facts: Of the users.
        stored: What lies beside each record from now on.
        fresh: Ids of the events that a BERT has read just now.
    """
    concerned = facts.head["revision"] > BELOW
    if fresh:
        read = np.fromiter(fresh, np.uint64, len(fresh))
        concerned |= np.isin(facts.ring["id"], read).any(axis=1)
    for row in np.flatnonzero(concerned).tolist():
        _hear(facts, row, read_readings(stored[row]))


def _hear(facts: Facts, row: int, readings: Mapping[int, Reading]) -> None:
    """Let the reviews of one user count by these."""
    ring, heard = facts.ring[row], 0
    for place in np.flatnonzero(ring["action"] == REVIEW).tolist():
        reading = readings.get(int(ring["id"][place]))
        if reading is None or reading.by is not By.BERT:
            continue
        heard += 1
        tenths = counts_as(reading)
        if tenths is not None:
            ring["rating"][place], ring["quantity"][place] = tenths, READ
    facts.head["revision"][row] &= BELOW
    facts.head["revision"][row] |= np.uint64(heard) << TOP


def counts_as(reading: Reading) -> int | None:
    """Return the tenths of stars that a review counts as for what it says; None: as it was.

    So it is where nothing is sure, where words have read it, where stars say the same, and where
    somebody gave stars to what is neither good nor bad.
    """
    if reading.by is not By.BERT or reading.tone is None:
        return None
    said = reading.stars
    agrees = {
        Tone.POSITIVE: said >= LIKED,
        Tone.NEUTRAL: said > 0,
        Tone.NEGATIVE: 0 < said <= DISLIKED,
    }
    return None if agrees[reading.tone] else COUNTS_AS[reading.tone]
