"""`portrait shops`: what it takes and says, and in which order a shop goes."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from portrait.errors import SettingsInvalidError, StreamUnavailableError
from portrait.shops.shop import Quotas
from portrait.shops.store import ShopNotFoundError
from tests.support.memory_shops import MemoryShops
from workers.shops.command import add_options, name_in, quotas_in, table
from workers.shops.delete import Holdings, ShopInUseError, delete

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)


def asked(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args(arguments)


def test_quotas_are_read_and_those_that_are_not_named_are_none() -> None:
    options = asked("create", "acme", "--requests", "0.5", "--users", "100000")

    assert name_in(options) == "acme"
    assert quotas_in(options) == Quotas(requests=0.5, users=100_000)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["Acme"], "NAME: Small letters, digits and"),
        (["events"], "NAME: names of our own topics begin so"),
        (["acme", "--users", "0"], "--users: Input should be greater than 0"),
        (["acme", "--users", "many"], "--users: Input should be a valid integer"),
        (["acme", "--events", "inf"], "--events: Input should be"),
        (["acme", "--requests", "1e-300"], "--requests: Input should be"),
    ],
    ids=str,
)
def test_what_cannot_be_is_told_by_its_name(arguments: Sequence[str], told: str) -> None:
    options = asked("create", *arguments)

    with pytest.raises(SettingsInvalidError, match=told):
        name_in(options), quotas_in(options)


async def test_the_table_says_what_there_is() -> None:
    shops = MemoryShops()
    await shops.create("acme", Quotas(events=200, items=5), NOW)
    await shops.create("beta-shop", Quotas(), NOW)
    await shops.close("beta-shop")

    assert table(await shops.all()) == [
        "name       since       state          requests  events  users  items",
        "acme       2026-11-27  good           -         200     -      5",
        "beta-shop  2026-11-27  being deleted  -         -       -      -",
    ]
    assert table([]) == ["There are no shops: `portrait shops create NAME` makes one."]


class Kafka:
    """`ShopTopics` that may be in use, or away."""

    def __init__(self) -> None:
        self.members: list[str] = []
        self.is_away = False
        self.topics = ["acme.items"]

    async def readers(self) -> Sequence[str]:
        return self.members

    async def delete(self) -> Sequence[str]:
        if self.is_away:
            raise StreamUnavailableError
        gone, self.topics = self.topics, []
        return gone


async def three() -> int:
    return 3


async def test_what_goes_is_counted_and_the_shop_itself_goes_last() -> None:
    shops, kafka = MemoryShops(), Kafka()
    await shops.create("acme", Quotas(), NOW)
    seen: list[bool] = []

    async def empty() -> int:
        seen.append(shops.shops["acme"].is_closing)
        return 3

    gone = await delete("acme", Holdings(shops, kafka, {"archive": empty}))

    assert gone == {"topics_and_groups": 1, "archive": 3}
    assert seen == [True]
    assert shops.shops == {}


async def test_a_shop_in_use_stays_as_it_is_unless_forced() -> None:
    shops, kafka = MemoryShops(), Kafka()
    await shops.create("acme", Quotas(), NOW)
    kafka.members = ["acme.portrait-update"]

    with pytest.raises(ShopInUseError, match=r"acme still run \(acme.portrait-update\)"):
        await delete("acme", Holdings(shops, kafka, {}))

    assert not shops.shops["acme"].is_closing
    assert kafka.topics
    await delete("acme", Holdings(shops, kafka, {}), force=True)
    assert shops.shops == {}


async def test_a_deletion_that_was_interrupted_goes_on() -> None:
    shops, kafka = MemoryShops(), Kafka()
    await shops.create("acme", Quotas(), NOW)
    kafka.is_away = True
    with pytest.raises(StreamUnavailableError):
        await delete("acme", Holdings(shops, kafka, {"archive": three}))
    assert shops.shops["acme"].is_closing

    kafka.is_away = False
    assert await delete("acme", Holdings(shops, kafka, {"archive": three})) == {
        "topics_and_groups": 1,
        "archive": 3,
    }


async def test_there_is_nothing_to_delete_of_a_shop_that_there_is_not() -> None:
    with pytest.raises(ShopNotFoundError):
        await delete("acme", Holdings(MemoryShops(), Kafka(), {}))
