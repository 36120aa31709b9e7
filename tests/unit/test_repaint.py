"""Repaint: after a promotion everybody is painted anew, the newest first; facts do not change."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from portrait.catalogue.mirror import Mirror
from portrait.model.model import Model
from portrait.profiles.profile import decode_profile
from portrait.profiles.record import received_at_of
from portrait.profiles.store import Write
from tests.support.catalogues import ITEMS
from tests.support.fakes import MemoryCatalogue, MemoryProfiles
from tests.support.memory_registry import MemoryRegistry
from tests.support.models import learned_model
from tests.support.processes import until
from tests.support.promotions import put_in_service
from tests.support.records import event_record
from tests.support.streams import MODEL, ListStream, hash_encoder, index_items, memory_updater
from workers.painter import Painter, Studio, open_painter
from workers.update import repaint as repainting
from workers.update.repaint import keep_repainted, repaint
from workers.update.worker import update

LEARNED = learned_model("learned")
PARTITION = 0  # of every record of the fake log


class Watched(MemoryProfiles):
    """Remembers in which order profiles were stored, and whether they kept their time to live."""

    def __init__(self) -> None:
        super().__init__()
        self.order: list[str] = []
        self.kept = True

    async def save(self, writes: Sequence[Write], *, keep_ttl: bool = False) -> list[int]:
        self.order += [write.user for write in writes]
        self.kept = keep_ttl
        return await super().save(writes, keep_ttl=keep_ttl)


async def painted_before() -> Watched:
    """Fold events of three users, at times of their own, with the model that learned nothing."""
    profiles = Watched()
    log = [
        event_record(place, event_id=f"e{place}", user_id=user, item_id=item, timestamp=at)
        for place, (user, item, at) in enumerate(
            [("ann", "milk", 1_000), ("bob", "tuna", 3_000), ("cyn", "beef", 2_000)]
        )
    ]
    await update(ListStream(log), await memory_updater(profiles))
    profiles.order.clear()
    return profiles


async def painter_of(model: Model) -> Painter:
    store = MemoryCatalogue()
    await index_items(store)
    return await open_painter(model, store, hash_encoder)


async def test_everybody_is_painted_anew_and_facts_do_not_change() -> None:
    profiles = await painted_before()
    before = dict(profiles.records)

    count = await repaint(profiles, await painter_of(LEARNED), {PARTITION})

    assert count == 3
    for user, record in profiles.records.items():
        old, new = decode_profile(before[user]), decode_profile(record)
        assert new.space_id == LEARNED.space_id
        assert new.portrait["state"].any()
        assert old.head.tobytes() == new.head.tobytes()
        assert old.ring.tobytes() == new.ring.tobytes()
    assert profiles.kept


@pytest.mark.parametrize("damaged", [b"", b"garbage", bytes(300), b"\xff" * 300])
async def test_a_damaged_record_holds_up_nobody(damaged: bytes) -> None:
    profiles = await painted_before()
    profiles.records["eve"] = damaged

    assert await repaint(profiles, await painter_of(LEARNED), {PARTITION}) == 3

    assert profiles.records["eve"] == damaged


async def test_the_newest_come_first() -> None:
    profiles = await painted_before()
    newest_first = sorted(
        profiles.records, key=lambda user: -received_at_of(profiles.records[user])
    )

    await repaint(profiles, await painter_of(LEARNED), {PARTITION})

    assert profiles.order == newest_first


async def test_who_is_in_the_space_already_or_another_workers_is_left_alone() -> None:
    profiles = await painted_before()
    painter = await painter_of(LEARNED)

    assert await repaint(profiles, painter, {PARTITION + 1}) == 0
    assert await repaint(profiles, painter, {PARTITION}) == 3
    assert await repaint(profiles, painter, {PARTITION}) == 0


async def test_who_lies_on_several_partitions_is_repainted_by_each_ones_worker_or_the_first() -> (
    None
):
    painter = await painter_of(LEARNED)
    for owned, rest in ((5, 2), (2, 5)):
        profiles = Watched()
        log = [replace(event_record(place), partition=place) for place in (5, 2)]
        await update(ListStream(log), await memory_updater(profiles))

        assert await repaint(profiles, painter, {owned}) == 1
        assert await repaint(profiles, painter, {rest}) == 0


async def test_whom_another_worker_repainted_meanwhile_is_left_alone() -> None:
    profiles, painter = await painted_before(), await painter_of(LEARNED)

    counts = await asyncio.gather(*(repaint(profiles, painter, {PARTITION}) for _ in range(3)))

    assert sum(counts) == 3
    assert len(profiles.order) == 3


async def test_a_profile_that_an_event_touched_meanwhile_is_not_overwritten() -> None:
    profiles = Overtaken()
    profiles.records = dict((await painted_before()).records)

    count = await repaint(profiles, await painter_of(LEARNED), {PARTITION})

    assert count == 2
    assert decode_profile(profiles.records["ann"]).head["revision"] == 2


class Overtaken(MemoryProfiles):
    """An event is folded into the profile of ann just before it is painted over."""

    async def save(self, writes: Sequence[Write], *, keep_ttl: bool = False) -> list[int]:
        record = self.records["ann"]
        self.records["ann"] = (2).to_bytes(8, "big") + record[8:]
        return await super().save(writes, keep_ttl=keep_ttl)


async def test_a_promotion_is_taken_up_between_two_batches_and_profiles_follow() -> None:
    profiles, registry, store = await painted_before(), MemoryRegistry(), MemoryCatalogue()
    await put_in_service(registry, MODEL)
    reader = await index_items(store)
    mirror = Mirror(store, MODEL)
    await mirror.load()
    studio = Studio(Painter(MODEL, mirror, reader), registry, store, hash_encoder)
    await put_in_service(registry, LEARNED)

    await studio.look()
    sweep = asyncio.create_task(keep_repainted(profiles, studio, lambda: {PARTITION}))
    await until(lambda: spaces_of(profiles) == {LEARNED.space_id}, "all are painted anew")
    sweep.cancel()
    with suppress(asyncio.CancelledError):
        await sweep

    assert studio.painter.model.version == "learned"
    assert np.all(studio.painter.mirror.catalogue.rows["place"] >= 0)


async def test_a_studio_outlives_an_outage() -> None:
    registry, store = MemoryRegistry(), MemoryCatalogue()
    await put_in_service(registry, MODEL)
    painter = await open_painter(MODEL, store, hash_encoder)
    await index_items(store)
    store.is_down = True
    following = asyncio.create_task(Studio(painter, registry, store, hash_encoder).follow())
    await asyncio.sleep(0.05)

    store.is_down = False
    await until(lambda: len(painter.mirror.catalogue) == len(ITEMS), "the catalogue is there")

    assert not following.done()
    following.cancel()


def spaces_of(profiles: MemoryProfiles) -> set[str]:
    return {decode_profile(record).space_id for record in profiles.records.values()}


async def test_everybody_is_painted_however_few_names_fit_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(repainting, "FOUND_AT_ONCE", 1)
    profiles = await painted_before()

    assert await repaint(profiles, await painter_of(LEARNED), {PARTITION}) == 3
