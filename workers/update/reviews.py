"""Reviews of a batch: what their texts say, by words at once, and by a BERT as it comes to them.

words ─▶ tone, aspects ─▶ beside the record, with the fold
BERT ─▶ a tone instead, aspects beside, where it is sure ─▶ with the fold or after it (`backlog.py`)
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from portrait.events.tone import Tone, tone_read
from portrait.opinions.aspects import Aspect, AspectSaid, aspects_of
from portrait.profiles.reviewed import By, Reading
from portrait.profiles.searched import Texts
from portrait.reading.decode import EventBatch, Review
from workers.painter import Painter

Pairs = tuple[tuple[int, Tone], ...]  # of aspects, by their places, and what is said of each
ASPECTS = {aspect: place for place, aspect in enumerate(Aspect)}


class SaidBeside(NamedTuple):
    """What a batch says that lies beside the records."""

    searches: Texts  # by search_ref
    readings: Mapping[int, bytes]  # of reviews, by event id
    heard: frozenset[int]  # of which a BERT has read
    declared: Mapping[str, Mapping[str, str]]  # by user


def said_of(part: EventBatch) -> SaidBeside:
    """Return what a part of a batch says, as far as it has been read."""
    readings = {id: _reading(id, review, part).encode() for id, review in part.reviews.items()}
    return SaidBeside(part.searches, readings, frozenset(part.tones), part.declared)


def unread_reviews(part: EventBatch) -> Iterator[str]:
    """Yield the texts that no BERT has read."""
    return (review.text for id, review in part.reviews.items() if id not in part.tones)


async def read_reviews(part: EventBatch, texts: Sequence[str], painter: Painter) -> None:
    """Read some texts in one pass. What has been read stays as it was read first."""
    if painter.read_tones is None:
        return
    read = await asyncio.to_thread(painter.read_tones, texts)
    tones = dict(zip(texts, read, strict=True))
    about = dict(zip(texts, await _aspects(texts, painter), strict=True))
    for id, review in part.reviews.items():
        if review.text in tones:
            part.tones.setdefault(id, tones[review.text])
            part.aspects.setdefault(id, about[review.text])


async def _aspects(texts: Sequence[str], painter: Painter) -> list[Pairs]:
    """Return what texts say of what, by words and by what a BERT is sure of in their clauses."""
    if painter.read_aspects is None:
        return [_pairs(aspects_of(text)) for text in texts]
    return [_pairs(said) for said in await asyncio.to_thread(painter.read_aspects, texts)]


def _pairs(said: Sequence[AspectSaid]) -> Pairs:
    return tuple((ASPECTS[each.aspect], each.tone) for each in said)


def _reading(id: int, review: Review, part: EventBatch) -> Reading:
    aspects = part.aspects.get(id)
    if aspects is None:
        aspects = _pairs(aspects_of(review.text))
    if id in part.tones:
        return Reading(By.BERT, part.tones[id], review.stars, aspects)
    return Reading(By.WORDS, tone_read(review.text), review.stars, aspects)
