"""What README.md asks after the demo is answered: routes, bodies, ids and people are the demo's."""

import re
import shlex
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from demo.segment import GOOD, NAME, SOON
from portrait.events.item import Item
from tests.support.catalogues import catalogue
from tests.support.generated import ROOT
from tests.support.shop import Shop, open_shop
from tests.unit.test_demo import shop as demo_shop

((HEADER, LINES),) = re.findall(
    r"^After `make demo`.*?```sh\nJSON='(.*?)'\n(.*?)```",
    (ROOT / "README.md").read_text(),
    re.DOTALL | re.MULTILINE,
)
SHOPPER, SUBJECT = "household-441", "Produce > Potatoes"
NEWEST = 12  # purchases that are looked at, of each household
BUYERS, OTHERS = 30, 60  # of the subject, lately


class Ask(NamedTuple):
    """One curl."""

    method: str
    path: str
    body: str
    headers: dict[str, str]


def asks() -> Iterator[Ask]:
    for line in LINES.splitlines():
        _curl, _silent, url, *rest = shlex.split(line.replace("$JSON", HEADER), comments=True)
        path = url.removeprefix("localhost:8000")
        options = dict(zip(rest[::2], rest[1::2], strict=True))
        headers = dict([options["-H"].split(": ")]) if options else {}
        yield Ask("POST" if options else "GET", path, options.get("-d", ""), headers)


async def shop_of_the_demo() -> Shop:
    """Return a shop with some of the demo's households, and what they bought lately."""
    items = {str(item["id"]): item for item in demo_shop().items}
    bought: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in demo_shop().events:
        bought[str(event["user_id"])].append(event)
    newest = {user: events[-NEWEST:] for user, events in bought.items()}
    subject = {id for id, item in items.items() if item["category"] == SUBJECT}
    buyers = [user for user in newest if subject & {event["item_id"] for event in newest[user]}]
    others = [user for user in newest if user not in buyers]
    people = {SHOPPER, *buyers[:BUYERS], *others[:OTHERS]}
    known = {str(event["item_id"]) for user in people for event in newest[user]}
    stocked = [
        Item.model_validate(item) for id, item in items.items() if id in known or id in LINES
    ]
    shop, painted = Shop(), catalogue(*stocked)
    await shop.stock(*stocked)
    for user in people:
        done = [{name: each[name] for name in ("type", "item_id")} for each in newest[user]]
        shop.remember(user, *done, painted=painted)
    return shop


async def test_what_is_asked_after_the_demo_is_answered() -> None:
    shop, audience, failed = await shop_of_the_demo(), "", dict[str, str]()
    async with open_shop(shop) as client:
        await client.put(f"/segments/{NAME}", json={"expression": f"{GOOD} && {SOON}"})
        for method, path, body, headers in asks():
            answer = await client.request(
                method, path.replace("$ID", audience), content=body, headers=headers
            )
            if not answer.is_success:
                failed[path] = answer.text
            elif path == "/audiences":
                audience = answer.json()["audience_id"]

    assert failed == {}


def test_every_kind_of_list_is_asked_for() -> None:
    asked = [*asks()]

    assert {each.path.split("?")[0] for each in asked} >= {
        "/items/981760/similar",
        "/items/981760/together",
        "/recommend/page",
        f"/profile/{SHOPPER}/why",
        "/audiences",
        "/segments/preview",
        f"/segments/{NAME}/members",
    }
    assert {"item", "cart", "again"} <= {
        found for each in asked for found in re.findall(r'"surface": "(\w+)"', each.body)
    }
