"""Material: time goes forward, users are held out, the erased are not there, memory is bounded."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from portrait.archive.archive import SCHEMA
from portrait.dataset.interactions import NO_ITEM, NO_QUERY, Interactions
from portrait.events.category import interest_category
from portrait.events.columns import ACTION_CODE
from portrait.events.erasure import Erasures
from portrait.events.event import Action
from portrait.events.price import NOT_KNOWN
from portrait.lifecycle.learner import NothingToLearnError
from portrait.lifecycle.need import Need
from portrait.ref import item_ref, name_ref, search_ref, user_ref
from portrait.times import EPOCH, MILLISECOND
from portrait.training.material import (
    Material,
    MaterialOutdatedError,
    Shares,
    gather,
    load,
    save,
)
from sandbox.shuffled import shuffled
from tests.support.archives import memory_archive
from tests.support.training_shop import CATALOGUE, OPENED, SEASON, keep, season, with_searches

SHARES = Shares(least_events=100, held_out=0.2)
SECOND_SEASON = EPOCH + (OPENED + SEASON) * MILLISECOND


def gathered(shares: Shares = SHARES, new_from: datetime | None = SECOND_SEASON) -> Material:
    archive = memory_archive()
    keep(archive, season(0), season(1))
    return gather(archive, CATALOGUE, new_from, shares)


def users_of(material: Material, events: Interactions) -> set[int]:
    return set(material.user_refs[np.unique(events.user)].tolist())


def test_what_is_learned_is_before_the_choices_and_those_before_the_exam() -> None:
    material = gathered()

    assert material.begin < material.new_from < material.valid_from < material.test_from
    assert material.learned.at.max() < material.valid_from
    assert material.valid_from <= material.learned_again.at.max() < material.test_from
    asked = np.unique(material.events.user[material.questions])
    assert len(material.questions) > len(asked) > 30
    assert not material.held[asked].any()
    assert (material.validation.users == material.events.user[material.questions]).all()
    at = np.sort(material.events.at[material.events.at >= material.new_from])
    assert (at >= material.test_from).mean() == pytest.approx(SHARES.test, abs=0.01)


def test_choices_are_asked_as_the_exam_is_with_all_that_was_just_done() -> None:
    material = gathered()
    events, questions = material.events, material.questions
    again = questions[1:][np.diff(questions) == 1]  # the event before is a question, too
    validation = material.validation

    assert len(again) > 30
    place = np.searchsorted(questions, again)
    np.testing.assert_array_equal(validation.rows[place, 0], events.item[again - 1])
    np.testing.assert_array_equal(validation.targets[place], events.item[again])
    assert (validation.events.at[place, 0] >= material.valid_from).all()


def test_whoever_is_held_out_is_learned_from_by_nobody() -> None:
    material = gathered()

    assert 0.1 < material.held.mean() < 0.3
    assert not material.held[material.learned.user].any()
    assert not material.held[material.counted.user].any()
    assert not material.held[material.learned_again.user].any()


def test_the_same_users_are_held_out_whatever_else_is_read() -> None:
    two, first = gathered(), gathered(new_from=None)
    held = set(two.user_refs[two.held].tolist())

    assert held == set(first.user_refs[first.held].tolist())


def test_old_events_are_replayed_one_for_one_and_all_are_counted() -> None:
    archive = memory_archive()
    keep(archive, season(0, users=2_000), season(1))

    material = gather(archive, CATALOGUE, SECOND_SEASON, SHARES)

    rows = material.rows
    assert rows["replay"] == pytest.approx(rows["new"] / (1 - 0.3), rel=0.25)
    old = material.events.at < material.new_from
    assert rows["counted"] == rows["new"] + int((old & ~material.held[material.events.user]).sum())
    assert rows["counted"] > 4 * rows["new"]


def test_a_first_training_has_nothing_old() -> None:
    material = gathered(new_from=None)

    assert material.new_from == material.begin
    assert material.rows["replay"] == 0
    assert material.rows["archived"] == len(material.events)


def test_of_a_large_archive_only_so_many_events_are_held() -> None:
    material = gathered(replace(SHARES, most_events=1_000))

    assert len(material.events) <= 2_000
    assert material.rows["archived"] > 4_000


def test_every_item_of_the_catalogue_stands_with_its_text_and_category() -> None:
    material = gathered(new_from=None)

    row = int(np.searchsorted(material.events.items, item_ref("item-7")))
    assert len(material.events.items) == len(CATALOGUE)
    assert material.texts[row] == CATALOGUE[7].text
    assert material.categories[row] == name_ref(interest_category(CATALOGUE[7].category))


def test_purchases_and_returns_without_a_price_have_one_as_they_do_in_the_stream() -> None:
    archive, table = memory_archive(), season(0)
    action = np.array(["purchase", "return", "click"])[np.arange(len(table)) % 3]
    place = table.column_names.index("action")
    keep(archive, table.set_column(place, SCHEMA.field("action"), pa.array(action, pa.string())))
    items = [item.model_copy(update={"price": 2.5}) for item in CATALOGUE[1:]]

    events = gather(archive, items, None, SHARES).events

    is_deal = events.action != ACTION_CODE[Action.CLICK]
    is_listed = events.items[events.item] != np.uint64(item_ref(CATALOGUE[0].id))
    assert {*events.price[is_deal & is_listed].tolist()} == {2.5}
    assert {*events.price[~(is_deal & is_listed)].tolist()} == {NOT_KNOWN}


def test_an_item_that_the_catalogue_has_lost_has_no_text() -> None:
    archive = memory_archive()
    keep(archive, season(0))

    material = gather(archive, CATALOGUE[1:], None, SHARES)

    row = int(np.searchsorted(material.events.items, item_ref("item-0")))
    assert material.events.items[row] == item_ref("item-0")
    assert (material.texts[row], material.categories[row]) == ("", 0)


def test_erased_users_are_counted_and_not_there() -> None:
    archive = memory_archive()
    keep(archive, season(0))
    gone = [user_ref(f"user-{n}") for n in range(50)]
    archive.erase(Erasures.of(dict.fromkeys(gone, OPENED + 9 * SEASON)))

    material = gather(archive, CATALOGUE, None, SHARES)

    assert not users_of(material, material.events) & set(gone)
    assert material.told.erased_users == 50
    assert material.told.erased_until == material.told.erased_since == OPENED + 9 * SEASON


def test_whoever_is_erased_later_spoils_what_was_gathered() -> None:
    material = gathered()
    here, elsewhere = int(material.user_refs[0]), user_ref("somebody else")

    assert not material.holds_any(Erasures.of({}))
    assert not material.holds_any(Erasures.of({elsewhere: OPENED}))
    assert material.holds_any(Erasures.of({here: OPENED}))


def test_too_little_is_not_worth_a_training() -> None:
    archive = memory_archive()
    keep(archive, season(0, users=20))

    with pytest.raises(NothingToLearnError, match=r"There are \d+ of 1,000 new events") as few:
        gather(archive, CATALOGUE, None, replace(SHARES, least_events=1_000))
    with pytest.raises(NothingToLearnError, match="of 30 users who took a new item") as fewer:
        gather(archive, CATALOGUE, None, replace(SHARES, least_events=10))

    (need,) = few.value.needs
    assert need == Need(what="new events", there=len(season(0, users=20)), needed=1_000)
    (need,) = fewer.value.needs
    assert (need.there < 30, need.needed) == (True, 30)


def test_without_a_catalogue_nothing_is_learned() -> None:
    archive = memory_archive()
    keep(archive, season(0))

    with pytest.raises(NothingToLearnError, match="that the catalogue knows") as unknown:
        gather(archive, [], None, SHARES)

    (need,) = unknown.value.needs
    assert (need.there, need.needed) == (0, -(-len(season(0)) // 2))


def test_nothing_is_new_after_the_last_event() -> None:
    with pytest.raises(NothingToLearnError, match="0 of 100 new events"):
        gathered(new_from=datetime.now(UTC) + timedelta(days=9_999))


def test_a_file_gives_back_what_was_gathered(tmp_path: Path) -> None:
    material = gathered()

    save(tmp_path / "material.npz", material)
    again = load(tmp_path / "material.npz")

    assert (again.texts, again.told, again.rows) == (material.texts, material.told, material.rows)
    np.testing.assert_array_equal(again.learned.item, material.learned.item)
    np.testing.assert_array_equal(again.held, material.held)
    assert [path.name for path in tmp_path.iterdir()] == ["material.npz"]


def test_searches_stand_with_their_texts(tmp_path: Path) -> None:
    archive = memory_archive()
    keep(archive, with_searches(season(0)), with_searches(season(1)))

    material = gather(archive, CATALOGUE, SECOND_SEASON, SHARES)
    save(tmp_path / "material.npz", material)
    again = load(tmp_path / "material.npz")

    events = material.events
    searches = events.action == ACTION_CODE[Action.SEARCH]
    assert searches.mean() == pytest.approx(0.25, abs=0.01)
    assert (events.query[~searches] == NO_QUERY).all()
    titles = {item.title for item in CATALOGUE}
    assert {material.queries[row] for row in events.query[searches].tolist()} <= titles
    assert [search_ref(text) for text in material.queries] == events.queries.tolist()
    assert again.queries == material.queries
    np.testing.assert_array_equal(again.events.query, events.query)


@pytest.mark.parametrize("lacking", ["events.order", "events.place", "examined"])
def test_a_file_of_before_there_were_orders_or_lists_is_outdated(
    tmp_path: Path, lacking: str
) -> None:
    path = tmp_path / "material.npz"
    save(path, gathered())
    with np.load(path) as file:
        arrays = dict(file)
    del arrays[lacking]
    np.savez(path, **arrays)

    with pytest.raises(MaterialOutdatedError):
        load(path)


def test_a_file_of_an_older_version_is_outdated(tmp_path: Path) -> None:
    path = tmp_path / "material.npz"
    save(path, gathered())
    with np.load(path) as file:
        arrays = dict(file)
    said = json.loads(arrays["said"].tobytes())
    del said["queries"]
    arrays["said"] = np.frombuffer(json.dumps(said).encode(), np.uint8)
    np.savez(path, **arrays)

    with pytest.raises(MaterialOutdatedError):
        load(path)


def test_shuffled_events_keep_users_and_times_and_lose_the_items() -> None:
    material = gathered()
    other = shuffled(material)

    np.testing.assert_array_equal(other.events.at, material.events.at)
    searches = material.events.item == NO_ITEM
    assert (other.events.item == material.events.item).mean() < 0.1
    assert (other.events.item[searches] == NO_ITEM).all()
    counts, found = (np.bincount(each.item[~searches]) for each in (material.events, other.events))
    np.testing.assert_array_equal(np.sort(counts), np.sort(found))  # others are popular now
