"""Two shops, what they sell and who shops there: everybody is called alike in both.

One's name begins as the other's does. Of Dora everything that can be said carries a mark of its
own: none of them is a word, so wherever one is found, it came from her.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

Fields = dict[str, object]

PEOPLE = ("anna", "ben", "carla")
TOUCHED = 4  # items, by everybody
DORA = "dora-zqxuser"
DEVICE = "zqxdevice"  # she, before she logged in
MARKS = {
    "user id": "zqxuser",
    "device id": "zqxdevice",
    "session id": "zqxsession",
    "order id": "zqxorder",
    "event id": "zqxevent",
    "search": "zqxsearch",
    "review": "zqxreview",
    "letter": "zqxletter",  # a message that nobody could read
}


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop: its name, where its pages lie, and what it sells."""

    name: str
    pages: str  # origin
    secret: str  # a word in every title, and in nothing that the other has
    goods: tuple[str, ...]

    @property
    def items(self) -> dict[str, Fields]:
        """The catalogue, by id."""
        return {
            f"item-{number}": {
                "title": f"{self.secret} {good}",
                "category": f"{self.name} > {good.rsplit(maxsplit=1)[-1]}",
                "brand": self.secret,
                "price": 10 + 5 * number,
            }
            for number, good in enumerate(self.goods)
        }


NORD = Shop(
    "nord",
    "https://nord.example",
    "Fjellrygg",
    (
        "light tent",
        "winter tent",
        "down sleeping bag",
        "summer sleeping bag",
        "gas stove",
        "storm stove",
        "trail boots",
        "winter boots",
        "rain jacket",
        "wool jacket",
    ),
)
BOOKS = Shop(
    "nord-books",
    "https://books.nord.example",
    "Blekkhus",
    (
        "northern cookbook",
        "bread cookbook",
        "sea novel",
        "crime novel",
        "mountain atlas",
        "star atlas",
        "wool pattern book",
        "wood pattern book",
        "bird guide",
        "trail guide",
    ),
)
SHOPS = (NORD, BOOKS)


def visits(shop: Shop) -> list[Fields]:
    """Return what everybody does in a shop, as its server tells."""
    return [
        {
            "event_id": f"{shop.name}-{who}-{number}",
            "type": "purchase" if number == 0 else "click",
            "user_id": who,
            "item_id": f"item-{(place + 2 * number) % len(shop.goods)}",
            **_at(number),
        }
        for place, who in enumerate(PEOPLE)
        for number in range(TOUCHED)
    ]


def visited() -> list[Fields]:
    """Return what Dora does before she logs in, as the pages tell."""
    of_device: Fields = {"anonymous_id": DEVICE, "session_id": MARKS["session id"]}
    return [
        {**of_device, "type": "browse", "item_id": f"item-{number}", **_marked(f"page-{number}")}
        for number in range(2)
    ]


def known() -> list[Fields]:
    """Return what Dora does once she has logged in, as the shop's server tells."""
    searched: Fields = {"type": "search", "text": f"stove for storms {MARKS['search']}"}
    bought: Fields = {
        "type": "purchase",
        "item_id": "item-5",
        "order_id": MARKS["order id"],
        "price": 35,
    }
    review: Fields = {"type": "review", "item_id": "item-5", "rating": 5}
    said = {"text": f"Burns in any wind, even on the ridge. {MARKS['review']}"}
    acts = enumerate([searched, bought, {**review, **said}])
    return [{"user_id": DORA, **act, **_marked(str(number))} for number, act in acts]


def unreadable() -> Fields:
    """Return a message of Dora's that no consumer can read: it becomes a dead letter."""
    return {"type": "click", "user_id": DORA, "item_id": 4711, "note": MARKS["letter"]}


def _marked(name: str) -> Fields:
    return {"event_id": f"{MARKS['event id']}-{name}", **_at(1)}


def _at(hours: int) -> Fields:
    """Say that something was done of late."""
    at = datetime.now(UTC) - timedelta(hours=12 - hours)
    return {"occurred_at": at.isoformat(timespec="milliseconds")}
