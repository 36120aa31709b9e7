"""The clerk: gathers what is kept of somebody, and sees it gone."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import OKPKey
from jsonschema import Draft202012Validator

from portrait.access.audit import AuditLine
from portrait.archive.tidy import sweep
from portrait.events.consent import Consent, Purpose
from portrait.events.erasure import SUPPRESSING
from portrait.events.letter import dead_letter
from portrait.events.stream import EventStream
from portrait.events.topics import DEAD, ERASURES
from portrait.events.unwanted import Unwanted, Word
from portrait.experiments.attribution import Attribution
from portrait.experiments.given import PAGED_FOR, Given, person_name
from portrait.experiments.joining import Deed
from portrait.helpdesk.labels import Asked
from portrait.identity.keys import keys_of
from portrait.lifecycle.registry import Card
from portrait.opinions.book import Book
from portrait.ref import item_ref, user_ref
from portrait.rights.erasure_job import ErasureJob, Place, new_erasure
from portrait.rights.receipt import verified
from portrait.segments.segment import Segment
from portrait.segments.store import Moved
from portrait.times import to_ms
from tests.support.archives import BOUNDS, click, fill, memory_archive
from tests.support.cards import card_of_model
from tests.support.lists import ANN, LIST, answer, done
from tests.support.memory_given import MemoryGiven
from tests.support.memory_keys import MemoryAudit
from tests.support.memory_labels import MemoryLabels
from tests.support.memory_lists import MemoryLists
from tests.support.memory_opinions import MemoryOpinions
from tests.support.memory_registry import MemoryRegistry
from tests.support.memory_rights import MemoryErasures, MemoryExports
from tests.support.memory_segments import MemorySegments
from tests.support.records import FakeRecord, event_record
from tests.support.reviewers import said
from tests.support.streams import MODEL, ListStream, memory_updater
from workers.archive import archive
from workers.privacy.belongings import NAMING, Places
from workers.privacy.clerk import Clerk
from workers.privacy.gather import gather
from workers.update.updater import Updater
from workers.update.worker import update

EVERYTHING = ("logins", "lists", "messages", "archive", "dead_letters", "audit")
KEY = OKPKey.generate_key("Ed25519")
NOW = datetime.now(UTC)
SCHEMA = Path(__file__).parents[2] / "docs" / "export.schema.json"
SEARCH = event_record(50, type="search", text="secret words", item_id=None)
REVIEW = event_record(51, type="review", text="arrived late and broken", user_id="ann")


def letter_of(user: str, offset: int, value: bytes | None = None) -> FakeRecord:
    broken = FakeRecord("events.click", value or b"broken", offset, key=user.encode())
    letter = dead_letter(broken, "payload: json_invalid")
    now = round(NOW.timestamp() * 1_000)
    return FakeRecord(
        *(DEAD, letter.value, offset), timestamp=now, key=letter.key, headers=letter.headers
    )


TEA = Segment(name="tea", version=1, expression="true", author="ann", at=NOW)


class Shop:
    """Ann and Bob, wherever something of them lies."""

    def __init__(self, updater: Updater, letters: Sequence[FakeRecord]) -> None:
        self.archive = memory_archive()
        self.audit, self.registry = MemoryAudit(), MemoryRegistry()
        self.erasures, self.exports = MemoryErasures(), MemoryExports()
        self.lists, self.opinions = MemoryLists(), MemoryOpinions()
        self.given = MemoryGiven()
        self.messages = MemoryLabels()
        self.segments = MemorySegments()

        @asynccontextmanager
        async def dead_letters() -> AsyncIterator[EventStream]:
            yield ListStream(letters)

        self.places = Places(
            profiles=updater.profiles,
            identities=updater.identities,
            lists=self.lists,
            given=self.given,
            opinions=self.opinions,
            messages=self.messages,
            segments=self.segments,
            archive=self.archive,
            dead_letters=dead_letters,
            naming=NAMING,
            audit=self.audit,
            registry=self.registry,
            erasures=self.erasures,
            exports=self.exports,
        )


async def shop_of() -> tuple[Shop, "Clerk"]:
    updater = await memory_updater()
    letters = [letter_of("ann", 0), letter_of("bob", 1), letter_of("x", 2, b'{"user_id":"ann"}')]
    shop = Shop(updater, letters)
    await update(
        ListStream([event_record(0), SEARCH, REVIEW, event_record(1, user_id="bob")]), updater
    )
    await updater.profiles.agree({"ann": Consent(9_000, frozenset({Purpose.TRAINING}))})
    await updater.profiles.refuse({"ann": Unwanted({"brand:farm": Word(9_000, 0)})})
    await got_a_list(shop, {"try:1": "bold"})
    await wrote(shop)
    await is_in_a_segment(shop)
    for user in ("ann", "bob"):
        given = Given().adding(LIST, [item_ref("tea")], 9_000, is_first=True)
        await shop.given.put(person_name(user_ref(user)), given, PAGED_FOR)
    await asked_for_help(shop, "ann")
    await asked_for_help(shop, "bob")
    fill(shop.archive, [click(1, "ann", text=None), click(2, "bob"), click(3, "ann")])
    for user in ("ann", "bob"):
        await shop.audit.add(
            AuditLine(
                at=NOW,
                who="key 3f9c1a20b7de",
                what="GET",
                about=f"user {user_ref(user):016x}",
                status=200,
                request_id="",
            )
        )
    return shop, Clerk(shop.places, KEY)


async def got_a_list(shop: Shop, experiments: dict[str, str]) -> None:
    """Ann buys tea that she was recommended."""
    opened = await shop.lists.load([LIST], [ANN])
    joined = Attribution(opened.journeys, opened.people)
    joined.answered(LIST, answer(experiments=experiments))
    joined.did(done(Deed.PURCHASE, named="r1", worth=2_500))
    await shop.lists.save(opened, joined.tally)


async def wrote(shop: Shop) -> None:
    """Ann writes of tea."""
    opened = await shop.opinions.load([said(1)])
    Book(opened.ledgers).take([said(1)], [None])
    await shop.opinions.save(opened, [said(1)], [], {}, [], [])


async def is_in_a_segment(shop: Shop, *, is_in: bool = True) -> None:
    """Let Ann and Bob be in a segment, or not Ann."""
    await shop.segments.put("tea", lambda _: TEA)
    opened = await shop.segments.open(["ann", "bob"])
    moved = [Moved(TEA, "ann", is_in), Moved(TEA, "bob", is_in=True)]
    await shop.segments.settle(opened, moved, 9_000)


async def asked_for_help(shop: Shop, user: str) -> None:
    message = Asked(text=f"where is it, says {user}", language="en", intent=None, probability=0.2)
    await shop.messages.keep(message, "bert", None, user_ref(user))


async def exported(shop: Shop, user: str) -> dict[str, Any]:
    whole = b"".join([part async for part in gather(user, shop.places, NOW)])
    read: dict[str, Any] = json.loads(whole)
    return read


async def test_an_export_has_all_that_is_kept_of_one_and_nothing_of_others() -> None:
    shop, _ = await shop_of()

    whole = await exported(shop, "ann")

    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(whole)
    (profile,) = whole["profiles"]
    assert profile["searched"] == ["secret words"]
    assert profile["consent"]["purposes"]["training"] is False
    assert len(profile["facts"]["events"]) == 3
    (review,) = profile["reviews"]
    assert (review["read_by"], review["tone"]) == ("words", "negative")
    assert review["aspects"]["delivery"] == "negative"
    assert [each["thing"] for each in profile["unwanted"]] == ["brand:farm"]
    (of_lists,) = whole["lists"]
    assert of_lists["key"] == "ann"
    assert of_lists["experiments"]["try:1"]["variant"] == "bold"
    assert of_lists["experiments"]["try:1"]["spending"] == 2.5
    (listed,) = of_lists["lists"]
    assert [each["touched"] for each in listed["items"]] == [True, False, False]
    assert [each["position"] for each in of_lists["touched"]] == [1]
    assert [(each["deed"], each["worth"]) for each in of_lists["taken"]] == [("purchase", 2.5)]
    assert whole["segments"] == [{"segment": "tea", "since": "1970-01-01T00:00:09Z"}]
    (given,) = of_lists["given"]
    assert given["about"] == f"{item_ref('tea'):016x}"
    assert [each["text"] for each in whole["messages"]] == ["where is it, says ann"]
    rows = whole["archive"]
    assert [row["offset"] for row in rows] == [1, 3]
    assert {row["user"] for row in rows} == {"ann"}
    assert len(whole["dead_letters"]) == 2
    assert len(whole["audit"]) == 1
    assert "bob" not in json.dumps(whole)


async def test_an_export_has_nothing_of_whoever_is_named_in_the_same_message() -> None:
    batch = json.dumps({"events": [{"user_id": "ann"}, {"user_id": "bob", "text": "his"}]})
    broken = letter_of("ann", 1, batch[:-4].encode())
    shop = Shop(await memory_updater(), [letter_of("ann", 0, batch.encode()), broken])

    letters = (await exported(shop, "ann"))["dead_letters"]

    assert [each["value"] for each in letters] == ['{"user_id": "ann"}', None]
    assert [each["letter"]["reason"] for each in letters] == ["payload: json_invalid"] * 2


async def test_an_export_of_nobody_is_whole_and_empty() -> None:
    shop, _ = await shop_of()

    whole = await exported(shop, "nobody")

    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(whole)
    assert [whole[each] for each in EVERYTHING] == [[]] * 6


async def test_what_was_asked_for_is_gathered_once() -> None:
    shop, clerk = await shop_of()
    assert await shop.exports.ask("ann")
    assert not await shop.exports.ask("ann")

    await clerk.gather_one()
    await clerk.gather_one()

    size = await shop.exports.size("ann")
    whole = b"".join([part async for part in shop.exports.read("ann")])
    assert len(whole) == size
    assert json.loads(whole)["user_id"] == "ann"


async def updater_of(shop: Shop) -> Updater:
    return await memory_updater(profiles=shop.places.profiles, identities=shop.places.identities)


async def erased_in(  # noqa: PLR0913 - the places
    shop: Shop,
    *,
    profile: bool = True,
    files: bool = True,
    lists: bool = True,
    opinions: bool = True,
    segments: bool = True,
) -> None:
    """Let the workers take in that Ann is to be forgotten."""
    at = round(datetime.now(UTC).timestamp() * 1_000)
    erasure = FakeRecord(ERASURES, SUPPRESSING, 0, timestamp=at, key=b"ann")
    if profile:
        updater = await updater_of(shop)
        await update(ListStream([erasure]), updater)
    if files:
        await archive(ListStream([erasure]), shop.archive, BOUNDS)
    if lists:
        await shop.lists.forget(ANN, at)
    if opinions:
        await shop.opinions.forget(ANN, at)
    if segments:
        await is_in_a_segment(shop, is_in=False)


def states(job: ErasureJob) -> dict[str, str]:
    return {place.value: each.state for place, each in job.places.items()}


async def asked(shop: Shop, champion: str | None = None) -> ErasureJob:
    _, *devices = await keys_of("ann", shop.places.identities)
    job = new_erasure("ann", devices, datetime.now(UTC) - timedelta(seconds=1), champion)
    await shop.erasures.ask(job)
    return job


async def test_nothing_is_said_to_be_gone_before_it_is() -> None:
    shop, clerk = await shop_of()
    job = await asked(shop)

    job = await clerk.advance(job)

    found = states(job)
    waiting = {name for name, state in found.items() if state == "waiting"}
    at_once = {"profile", "lists", "opinions", "help_desk", "segments"}
    assert waiting == {*at_once, "archive", "model"}
    assert len(await shop.messages.newest(9)) == 2
    assert found["dead_letters"] == found["unwanted_log"] == found["alerts_log"] == "expires"
    assert job.places[Place.DEAD_LETTERS].found == 2
    assert (job.is_forgotten, job.user, shop.erasures.receipts) == (False, "ann", {})


@pytest.mark.parametrize("missing", ["profile", "files", "lists", "opinions", "segments"])
async def test_all_places_but_one_are_not_enough(missing: str) -> None:
    shop, clerk = await shop_of()
    job = await asked(shop)
    await erased_in(shop, **{missing: False})

    job = await clerk.advance(job)

    found = states(job)
    ends = {
        "profile": found["profile"] == "gone",
        "files": found["archive"] == "hidden",
        "lists": found["lists"] == "gone",
        "opinions": found["opinions"] == "gone",
        "segments": found["segments"] == "gone",
    }
    assert [place for place, has_ended in ends.items() if not has_ended] == [missing]
    assert not job.is_forgotten
    assert shop.erasures.receipts == {}


async def test_once_nobody_sees_anything_of_them_a_receipt_is_signed_and_the_name_goes() -> None:
    shop, clerk = await shop_of()
    job = await asked(shop)
    await erased_in(shop)

    job = await clerk.advance(job)

    assert job.is_forgotten
    assert [each.who for each in await shop.messages.newest(9)] == [user_ref("bob")]
    assert [*shop.given.kept] == [person_name(user_ref("bob"))]
    assert job.places[Place.HELP_DESK].found == 1
    assert not job.is_over
    assert job.user is None
    assert "ann" not in shop.erasures.jobs[job.id].model_dump_json()
    receipt = verified(shop.erasures.receipts[job.id], KEY)
    assert receipt.places == job.places
    assert receipt.model_without is None


async def test_a_receipt_says_of_which_shop_it_is() -> None:
    shop, _ = await shop_of()
    job = await asked(shop)
    await erased_in(shop)

    await Clerk(shop.places, KEY, shop="acme").advance(job)

    assert verified(shop.erasures.receipts[job.id], KEY).shop == "acme"


async def test_when_the_files_are_swept_and_a_model_knew_of_it_the_job_is_over() -> None:
    shop, clerk = await shop_of()
    job = await asked(shop, "champion")
    await erased_in(shop)
    job = await clerk.advance(job)
    sweep(shop.archive, datetime.now(UTC) + timedelta(hours=1))
    job = await clerk.advance(job)
    assert states(job)["archive"] == "gone"
    assert not job.is_over

    window = {"since": job.asked_at, "until": job.asked_at + timedelta(milliseconds=1)}
    said = {**card_of_model(MODEL).model_dump(), "erased_users": 1, "erased_within": window}
    refused, better = (
        Card.model_validate({**said, "version": version, "parent": MODEL.version})
        for version in ("refused", "better")
    )
    for card in (refused, better):
        await shop.registry.store(replace(MODEL, version=card.version))
        await shop.registry.add(card)
    job = await clerk.advance(job)
    assert not job.is_over  # nobody is served by them
    await shop.registry.want("better", insist=True, reason="the test says so")
    await shop.registry.switch("better")
    job = await clerk.advance(job)

    assert job.is_over
    assert await shop.erasures.open() == []
    receipt = verified(shop.erasures.receipts[job.id], KEY)
    assert (receipt.model_without, receipt.began_from) == ("better", MODEL.version)


async def test_a_model_that_learned_of_nobody_learned_nothing_of_them() -> None:
    shop, clerk = await shop_of()
    card = card_of_model(MODEL).model_copy(update={"trained_on": None, "erased_within": None})
    await shop.registry.begin(MODEL, card)
    job = await asked(shop, MODEL.version)
    await erased_in(shop)

    job = await clerk.advance(job)

    assert job.places[Place.MODEL].model == MODEL.version


class SlowExports(MemoryExports):
    """While one is written, other workers do something: once."""

    def __init__(self, meanwhile: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self._meanwhile: Callable[[], Awaitable[None]] | None = meanwhile

    async def put(self, user: str, parts: AsyncIterator[bytes]) -> int:
        size = await super().put(user, parts)
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        return size


async def test_whoever_is_forgotten_while_an_export_is_gathered_is_not_in_one_that_stays() -> None:
    shop, _ = await shop_of()
    exports = SlowExports(lambda: erased_in(shop))
    clerk = Clerk(replace(shop.places, exports=exports), KEY)

    await exports.ask("ann")
    await clerk.gather_one()
    assert await exports.size("ann") is None

    assert await exports.ask("ann")
    await clerk.gather_one()
    assert await exports.size("ann")  # what is kept of her now: that she is forgotten


async def test_an_export_goes_with_whom_it_is_of() -> None:
    shop, clerk = await shop_of()
    await shop.exports.ask("ann")
    await clerk.gather_one()
    job = await asked(shop)
    await erased_in(shop)

    await clerk.advance(job)

    assert await shop.exports.size("ann") is None


async def gathered(shop: Shop, clerk: Clerk, user: str) -> None:
    await shop.exports.ask(user)
    await clerk.gather_one()
    assert await shop.exports.size(user)


async def test_exports_of_their_devices_go_with_whom_they_are_of() -> None:
    shop, clerk = await shop_of()
    await visits(shop)
    for device in ("anonymous:home", "anonymous:till"):
        await gathered(shop, clerk, device)
    job = await asked(shop)
    await erased_in(shop)
    await erased_devices(shop, job)

    await clerk.advance(job)

    for device in job.devices:
        assert await shop.exports.size(device) is None


async def test_what_the_archive_still_told_is_in_no_export_that_stays() -> None:
    shop, clerk = await shop_of()
    job = await asked(shop)
    await erased_in(shop, files=False)
    job = await clerk.advance(job)
    assert states(job)["profile"] == "gone"
    await gathered(shop, clerk, "ann")  # the profile is emptied, and rows are still read

    await erased_in(shop, profile=False)
    await clerk.advance(job)

    assert await shop.exports.size("ann") is None


@pytest.mark.parametrize("missing", ["profile", "files"])
async def test_a_device_that_is_forgotten_while_its_export_is_gathered_is_in_none_that_stays(
    missing: str,
) -> None:
    shop, _ = await shop_of()
    await visits(shop)
    job = await asked(shop)
    exports = SlowExports(lambda: erased_devices(shop, job, **{missing: False}))
    clerk = Clerk(replace(shop.places, exports=exports), KEY)

    for user in ("anonymous:home", "ann"):
        await exports.ask(user)
        await clerk.gather_one()
        assert (await exports.size(user) is None) == (user == "anonymous:home")


async def test_a_profile_is_not_gone_while_it_is_known_what_they_do_not_want() -> None:
    shop, clerk = await shop_of()
    job = await asked(shop)
    await erased_in(shop)
    later = to_ms(datetime.now(UTC)) + 60_000
    await shop.places.profiles.refuse({"ann": Unwanted({"brand:farm": Word(later, 0)})})

    assert states(await clerk.advance(job))["profile"] == "waiting"


async def test_what_a_device_is_shown_later_holds_up_nobody() -> None:
    shop, clerk = await shop_of()
    job = await asked(shop)
    await erased_in(shop)
    await got_a_list(shop, {})

    job = await clerk.advance(job)

    assert states(job)["lists"] == "gone"


async def test_a_job_of_before_lists_were_counted_waits_for_them_by_their_hash() -> None:
    shop, clerk = await shop_of()
    job = (await asked(shop)).without_names()
    stored = job.model_dump(mode="json")
    del stored["places"]["lists"]
    job = ErasureJob.model_validate(stored)

    assert states(await clerk.advance(job))["lists"] == "waiting"
    await shop.lists.forget(ANN, to_ms(NOW) + 60_000)
    assert states(await clerk.advance(job))["lists"] == "gone"


async def test_a_job_of_before_opinions_were_looked_at_waits_for_them_by_their_hash() -> None:
    shop, clerk = await shop_of()
    job = (await asked(shop)).without_names()
    stored = job.model_dump(mode="json")
    del stored["places"]["opinions"]
    job = ErasureJob.model_validate(stored)

    assert states(await clerk.advance(job))["opinions"] == "waiting"
    await shop.opinions.forget(ANN, to_ms(NOW) + 60_000)
    assert states(await clerk.advance(job))["opinions"] == "gone"


async def test_without_a_key_everything_goes_and_nothing_is_signed() -> None:
    shop, _ = await shop_of()
    job = await asked(shop)
    await erased_in(shop)

    job = await Clerk(shop.places, None).advance(job)

    assert job.is_forgotten
    assert shop.erasures.receipts == {}


async def visits(shop: Shop) -> None:
    """Ann was at home before she logged in; in the shop Bob was before her."""
    visited = [
        event_record(60 + n, user_id=user, anonymous_id=device)
        for n, (user, device) in enumerate(
            [(None, "home"), ("ann", "home"), ("bob", "till"), (None, "till"), ("ann", "till")]
        )
    ]
    await update(ListStream(visited), await updater_of(shop))


async def erased_devices(
    shop: Shop, job: ErasureJob, *, profile: bool = True, files: bool = True
) -> None:
    """Let the workers take in that what was done on her devices is to be forgotten."""
    now = round(datetime.now(UTC).timestamp() * 1_000)
    erasures = [
        FakeRecord(ERASURES, None, 1 + n, timestamp=now, key=device.encode())
        for n, device in enumerate(job.devices)
    ]
    if profile:
        await update(ListStream(erasures), await updater_of(shop))
    if files:
        await archive(ListStream(erasures), shop.archive, BOUNDS)


async def test_what_she_did_before_she_logged_in_is_hers_unless_others_were_there() -> None:
    shop, _ = await shop_of()
    await visits(shop)

    whole = await exported(shop, "ann")

    assert [each["key"] for each in whole["profiles"]] == ["ann", "anonymous:home"]
    assert len(whole["profiles"][1]["facts"]["events"]) == 1
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(whole)
    assert sorted(each["anonymous_id"] for each in whole["logins"]) == ["home", "till"]  # not his
    assert "bob" not in json.dumps(whole)


async def test_nobody_is_forgotten_before_their_devices_are() -> None:
    shop, clerk = await shop_of()
    await visits(shop)
    job = await asked(shop)
    assert set(job.devices) == {"anonymous:home", "anonymous:till"}
    await erased_in(shop)

    job = await clerk.advance(job)
    assert states(job)["profile"] == states(job)["archive"] == "waiting"

    await erased_devices(shop, job, files=False)
    job = await clerk.advance(job)
    assert (states(job)["profile"], states(job)["archive"]) == ("gone", "waiting")
    await erased_devices(shop, job, profile=False)
    job = await clerk.advance(job)

    assert job.is_forgotten
    assert (job.user, job.devices) == (None, ())
    assert "home" not in shop.erasures.jobs[job.id].model_dump_json()
