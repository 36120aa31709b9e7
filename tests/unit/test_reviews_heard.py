"""Reviews in the stream: a BERT reads them, what it is sure of counts, and no replay changes it."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from portrait.events.tone import READ, ReadTones, Tone
from portrait.model.heard import counts_as
from portrait.opinions.aspects import Aspect, ClauseRead, aspects_of
from portrait.profiles.profile import decode_profile
from portrait.profiles.reviewed import By, Reading
from portrait.profiles.searched import read_readings
from tests.support.fakes import MemoryProfiles
from tests.support.records import FakeRecord, event_record
from tests.support.streams import ListStream, memory_updater
from tests.unit.test_backlog import LastingStream
from workers.update.updater import Updater
from workers.update.worker import update

PATIENCE = 30.0
TONES = {"hated": Tone.NEGATIVE, "loved": Tone.POSITIVE, "either way": Tone.NEUTRAL}


def reads(texts: Sequence[str]) -> list[Tone | None]:
    """Read what is plain, and nothing else."""
    return [next((TONES[word] for word in TONES if word in text), None) for text in texts]


def review(offset: int, text: str | None, rating: float | None, user: str = "ann") -> FakeRecord:
    return event_record(
        offset, type="review", text=text, rating=rating, user_id=user, item_id="tuna"
    )


async def folded(*batches: Sequence[FakeRecord], by: ReadTones | None = reads) -> Updater:
    updater = await memory_updater()
    await fold_into(updater, *batches, by=by)
    return updater


async def fold_into(
    updater: Updater, *batches: Sequence[FakeRecord], by: ReadTones | None = reads
) -> None:
    studio = updater.studio
    studio.painter = replace(studio.painter, read_tones=by)
    await update(ListStream(*batches), updater)


def profiles_of(updater: Updater) -> MemoryProfiles:
    assert isinstance(updater.profiles, MemoryProfiles)
    return updater.profiles


def heard(updater: Updater, user: str = "ann") -> list[tuple[int, bool]]:
    """Return the stars and whether they were read, of each event, newest first."""
    ring = decode_profile(profiles_of(updater).records[user]).ring
    return [(int(each["rating"]), int(each["quantity"]) == READ) for each in ring]


@pytest.mark.parametrize(
    ("text", "said", "stars", "is_read"),
    [
        ("hated it", 5.0, 10, True),  # a complaint with five stars is one
        ("hated it", None, 10, True),
        ("hated it", 2.0, 20, False),  # both say so: as it was said
        ("loved it", 1.0, 50, True),
        ("loved it", None, 50, True),
        ("loved it, awful as it is", None, 50, True),  # words alone take it for blame
        ("either way", 5.0, 50, False),
        ("either way, awful", None, 30, True),
        ("nothing sure", 5.0, 50, False),
        ("nothing sure, awful", None, 10, True),  # left to the words
    ],
)
async def test_a_review_counts_by_what_it_says(
    text: str,
    said: float | None,
    stars: int,
    is_read: bool,  # noqa: FBT001 - a column
) -> None:
    updater = await folded([review(0, text, said)])

    assert heard(updater) == [(stars, is_read)]


async def test_stars_and_reader_lie_beside_the_record_with_the_aspects() -> None:
    updater = await folded([review(0, "hated it. Delivery was slow and late.", 5.0)])

    (reading,) = read_readings(profiles_of(updater).searched["ann"]).values()
    assert (reading.by, reading.tone, reading.stars) == (By.BERT, Tone.NEGATIVE, 50)
    assert reading.aspects


async def test_what_a_bert_reads_in_clauses_is_named_beside_what_words_name() -> None:
    updater = await memory_updater()
    clauses = {"it keeps nothing warm": ClauseRead(Aspect.USE, Tone.NEGATIVE)}
    updater.studio.painter = replace(
        updater.studio.painter,
        read_tones=reads,
        read_aspects=lambda texts: [aspects_of(text, clauses) for text in texts],
    )

    text = "It keeps nothing warm. The delivery was slow and late."
    await update(ListStream([review(0, text, 5.0)]), updater)

    (reading,) = read_readings(profiles_of(updater).searched["ann"]).values()
    places = [*Aspect]
    assert {places[place]: tone for place, tone in reading.aspects} == {
        Aspect.USE: Tone.NEGATIVE,
        Aspect.DELIVERY: Tone.NEGATIVE,
    }


async def test_without_a_reader_words_are_noted_and_stars_stay() -> None:
    updater = await folded([review(0, "hated it, awful", 5.0)], by=None)

    assert heard(updater) == [(50, False)]
    (reading,) = read_readings(profiles_of(updater).searched["ann"]).values()
    assert (reading.by, reading.tone) == (By.WORDS, Tone.NEGATIVE)


async def test_stars_alone_are_nothing_to_read() -> None:
    updater = await folded([review(0, None, 5.0)])

    assert "ann" not in profiles_of(updater).searched


EVENTS = [
    review(0, "hated it", 5.0),
    event_record(1, user_id="ann", item_id="soap"),
    review(2, "loved it", None),
    review(3, "nothing sure", 3.0),
    event_record(4, type="search", text="cat food", item_id=None, user_id="ann"),
]


async def test_in_whatever_batches_it_comes_the_profile_is_the_same() -> None:
    whole = await folded(EVENTS)

    for cut in range(1, len(EVENTS)):
        parted = await folded(EVENTS[:cut], EVENTS[cut:])
        assert profiles_of(parted).records == profiles_of(whole).records
        assert profiles_of(parted).searched == profiles_of(whole).searched


async def test_what_is_read_after_the_fold_ends_as_if_it_had_been_read_before() -> None:
    quiet = await folded(EVENTS[:1], EVENTS[1:])
    gate, updater = threading.Event(), await memory_updater()
    updater = replace(updater, limits=replace(updater.limits, encode_wait=timedelta(0)))

    def slowly(texts: Sequence[str]) -> list[Tone | None]:
        assert gate.wait(PATIENCE)
        return reads(texts)

    updater.studio.painter = replace(updater.studio.painter, read_tones=slowly)
    stream = LastingStream(EVENTS[:1], EVENTS[1:])

    def is_over() -> bool:
        if len(profiles_of(updater).records) and (50, False) in heard(updater):
            gate.set()  # folded by its stars, and nobody has waited
        return gate.is_set() and len(updater.backlog) == 0

    stream.stop = is_over
    await update(stream, updater)

    assert gate.is_set()
    assert profiles_of(updater).records == profiles_of(quiet).records
    assert profiles_of(updater).searched == profiles_of(quiet).searched


async def test_a_replay_by_another_reader_changes_nothing_that_was_read() -> None:
    updater = await folded(EVENTS)
    before = dict(profiles_of(updater).records), dict(profiles_of(updater).searched)

    await fold_into(updater, EVENTS, by=lambda texts: [Tone.POSITIVE for _ in texts])
    await fold_into(updater, EVENTS, by=None)

    assert (profiles_of(updater).records, profiles_of(updater).searched) == before


async def test_what_words_have_read_gives_way_to_a_reader_that_comes_by_it_again() -> None:
    updater = await folded(EVENTS, by=None)

    await fold_into(updater, EVENTS)

    assert profiles_of(updater).records == profiles_of(await folded(EVENTS)).records


async def test_who_has_not_seen_a_reading_cannot_write_over_it() -> None:
    updater = await folded([review(0, "nothing", 5.0)], by=None)
    store = profiles_of(updater)
    ((seen, *_),) = await store.load_whole(["ann"])
    assert seen is not None

    await fold_into(updater, [review(0, "nothing", 5.0)], by=lambda _: [Tone.POSITIVE])

    assert store.records["ann"][:8] != seen[:8]
    assert store.records["ann"][1:8] == seen[1:8]  # as many records as before


async def test_what_the_ring_has_lost_is_counted_no_longer() -> None:
    before = "2026-09-21T14:00:00+00:00"
    old = event_record(0, type="review", text="hated it", rating=5.0, occurred_at=before)
    updater = await folded([old])
    assert profiles_of(updater).records["ann"][0] == 1

    await fold_into(updater, [event_record(n, user_id="ann") for n in range(1, 70)])

    assert profiles_of(updater).records["ann"][0] == 0
    assert "ann" not in profiles_of(updater).searched


@pytest.mark.parametrize("tone", [*Tone, None])
def test_words_never_change_what_was_said(tone: Tone | None) -> None:
    assert counts_as(Reading(By.WORDS, tone, 50)) is None
