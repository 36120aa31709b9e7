"""Ids: what is taken in can be read and erased over HTTP, exactly; what cannot is refused."""

from urllib.parse import quote

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portrait.errors import RecordInvalidError
from portrait.events.event import ANONYMOUS
from portrait.events.topics import ERASURES
from tests.support.catalogues import catalogue
from tests.support.records import one_event
from tests.support.shop import Shop, open_shop, record_of

CLICK = {
    "event_id": "e-1",
    "type": "click",
    "item_id": "milk",
    "occurred_at": "2026-11-23T18:01:58Z",
}
BOUGHT = {"type": "purchase", "item_id": "milk"}
EXACT = [
    "王小明",
    "a b",
    " a ",
    "a/b",
    "/",
    "a//b/",
    "ü%&?#",
    "%2F",
    "...",
    "a/.b/c..",
    "a;b=c",
    "a+b",
    "\N{LATIN SMALL LETTER A WITH DIAERESIS}",
    "a\N{COMBINING DIAERESIS}",
    "\N{REPLACEMENT CHARACTER}",
    "anonymous",
    "export",  # what lies beneath a profile is called so, too
    "consent",
    "a/export",
    "x" * 128,
    "\N{GRINNING FACE}" * 128,
]
REFUSED = [
    "",
    "a\nb",
    "x\n",
    "\nx",
    "a\rb",
    "a\tb",
    "a\0",
    "\x7f",
    "\x85",
    "\N{LINE SEPARATOR}",
    ".",
    "..",
    "a/..",
    "../a",
    "a/./b",
    "x" * 129,
]
ID_TEXTS = st.text(st.sampled_from("ab/.%?# \n\r\t\0~é:;+&=\\\u2028"), max_size=8) | st.text(
    max_size=130
)


def address(kind: str, id: str) -> str:
    return f"/{kind}/{quote(id, safe='')}"


async def take_in(client: httpx.AsyncClient, **who: str) -> bool:
    answer = await client.post("/events", json={**CLICK, **who})
    return answer.status_code == 202


@pytest.mark.parametrize("field", ["user_id", "anonymous_id"])
@pytest.mark.parametrize("id", EXACT)
async def test_an_id_that_is_taken_in_is_read_and_erased_as_it_was_sent(
    field: str, id: str
) -> None:
    await require_exact(field, id)


@pytest.mark.parametrize("field", ["user_id", "anonymous_id", "item_id", "event_id"])
@pytest.mark.parametrize("id", REFUSED)
async def test_an_id_that_cannot_be_written_in_an_address_is_refused_at_both_doors(
    field: str, id: str
) -> None:
    event = {"user_id": "ann", **CLICK, field: id}
    if field == "anonymous_id":
        event.pop("user_id")

    async with open_shop(Shop()) as client:
        answer = await client.post("/events", json=event)

    gets_one = field == "event_id" and not id.strip()  # what says nothing is as if it were absent
    assert answer.status_code == (202 if gets_one else 422)
    with pytest.raises(RecordInvalidError):
        one_event(httpx.Request("POST", "http://shop", json=event).content)


@settings(max_examples=40)
@given(st.sampled_from(["user_id", "anonymous_id"]), ID_TEXTS)
@example("user_id", "x\n")
@example("user_id", ANONYMOUS)
@example("anonymous_id", "x" * 128)
async def test_any_id_that_is_taken_in_is_read_and_erased_as_it_was_sent(
    field: str, id: str
) -> None:
    await require_exact(field, id)


async def require_exact(field: str, id: str) -> None:
    """Send an event; if it is accepted, read and erase its user: that one, and no other."""
    shop = Shop()
    await shop.stock()
    async with open_shop(shop) as client:
        if not await take_in(client, **{field: id}):
            assert shop.publisher.messages == []
            return
        (message,) = shop.publisher.messages
        name = (message.key or b"").decode()
        assert name == (id if field == "user_id" else ANONYMOUS + id)
        shop.profiles.records[name] = record_of("ann", BOUGHT, painted=catalogue())

        read = await client.get(address("profile", name))
        erased = await client.delete(address("profile", name))
        asked = await client.post("/recommend", json={"user_id": name})

    assert (read.status_code, read.json()["user_id"]) == (200, name)
    assert (erased.status_code, erased.json()["user_id"]) == (202, name)
    assert asked.json()["strategy"] == "profile"
    assert (shop.publisher.messages[-1].topic, shop.publisher.messages[-1].key) == (
        ERASURES,
        name.encode(),
    )


@pytest.mark.parametrize("id", ["x\n", "x\r\n", "\nx", "a\nb", "a\0b", ".", "..", "a/../b"])
async def test_what_was_taken_in_long_ago_under_any_id_can_still_be_read_and_erased(
    id: str,
) -> None:
    shop = Shop()
    await shop.stock()
    shop.profiles.records[id] = record_of("ann", BOUGHT, painted=catalogue())

    async with open_shop(shop) as client:
        read = await client.get(address("profile", id).replace(".", "%2E"))
        erased = await client.delete(address("profile", id).replace(".", "%2E"))

    assert read.json()["user_id"] == erased.json()["user_id"] == id
    assert shop.publisher.messages[-1].key == id.encode()


@pytest.mark.parametrize("path", ["/livez%0A", "/models/train%0A", "/recommend%0A", "/events%0A"])
async def test_no_path_is_that_of_another_route(path: str) -> None:
    async with open_shop(Shop()) as client:
        answers = [await client.get(path), await client.post(path, json={})]

    assert {answer.status_code for answer in answers} <= {404, 405, 422}


@pytest.mark.parametrize("path", ["/profile/%FF", "/profile/x%C3", "/profile/%ED%A0%80"])
async def test_a_path_that_is_no_utf8_is_refused_and_nobody_else_is_meant(path: str) -> None:
    shop = Shop()

    async with open_shop(shop) as client:
        answer = await client.delete(path)

    assert answer.json()["type"] == "urn:portrait:problem:address-invalid"
    assert answer.status_code == 400
    assert shop.publisher.messages == []


@pytest.mark.parametrize("path", ["/profile/x?y", "/profile/x??", "/items/x?y=1"])
async def test_a_question_mark_that_was_not_escaped_erases_nobody(path: str) -> None:
    shop = Shop()

    async with open_shop(shop) as client:
        answer = await client.delete(path)

    assert answer.status_code == 422
    assert shop.publisher.messages == []


async def test_a_user_id_cannot_name_the_profile_of_a_visitor() -> None:
    shop = Shop()

    async with open_shop(shop) as client:
        taken = await take_in(client, user_id="anonymous:c-77")
        erased = await client.delete("/profile/anonymous:c-77")

    assert not taken
    assert erased.status_code == 202


@pytest.mark.parametrize("id", [*EXACT[:9], "a/b/c"])
async def test_an_item_that_is_put_is_read_and_withdrawn_under_its_id(id: str) -> None:
    shop = Shop()

    async with open_shop(shop) as client:
        put = await client.put(address("items", id), json={"title": "thing"})
        withdrawn = await client.delete(address("items", id))

    assert put.json()["item_id"] == withdrawn.json()["item_id"] == id
    assert [message.key for message in shop.publisher.messages] == [id.encode()] * 2


@pytest.mark.parametrize("id", ["a\nb", "x\n", "a/../b", "\0"])
async def test_an_item_whose_id_cannot_be_written_in_an_address_is_not_put(id: str) -> None:
    shop = Shop()

    async with open_shop(shop) as client:
        answer = await client.put(address("items", id), json={"title": "thing"})

    assert answer.status_code == 422
    assert shop.publisher.messages == []
