"""A visit: what a shop shows one shopper, page by page, and whom it would tell of what they saw.

home page ─▶ the page of the first thing recommended there ─▶ it lies in the cart ─▶ buy again
                         └▶ an audience for what it is: people like those who buy such things
"""

from collections.abc import Sequence
from dataclasses import dataclass

import httpx
from pydantic_core import from_json

from demo.report import Answer

FEW, SOME = 3, 4  # items of a row, and of the last row of the home page
AGAIN = 5
AUDIENCE = 200  # people, at most
# What is about something that they bought, and neither more of the same nor all alike.
BECAUSE = {"surface": "item", "same_category": False, "diversity": 0.3, "limit": FEW}


@dataclass(frozen=True, slots=True)
class Audience:
    """People whom a shop would tell of something."""

    subject: str  # a category
    told: Answer  # as `POST /audiences` answers
    members: Sequence[Answer]  # the best first

    def place_of(self, user: str) -> int | None:
        """Say where in it somebody stands, from 0; None: they are not in it."""
        return next((n for n, each in enumerate(self.members) if each["user_id"] == user), None)


@dataclass(frozen=True, slots=True)
class Visit:
    """What one shopper is shown: answers of the service."""

    user: str
    home: Sequence[Answer]  # rows
    item: Answer  # that they look at
    beside: Sequence[Answer]  # rows
    cart: Sequence[Answer]  # items
    basket: Answer  # what goes with the cart
    again: Answer
    audience: Audience | None

    @property
    def is_telling(self) -> bool:
        """Whether every page has something to say."""
        lists = [*self.home, *self.beside, self.basket, self.again]
        is_in_it = self.audience is not None and self.audience.place_of(self.user) is not None
        return is_in_it and all(each["items"] for each in lists)


def visit(http: httpx.Client, user: str) -> Visit:
    """Ask for every page of a visit."""
    home = _page(http, user, [BECAUSE, {"limit": SOME}])
    recommended = home[-1]["items"]
    item = recommended[0]
    beside = _page(http, user, [_beside(item, "similar"), _beside(item, "together")])
    again = _list(http, user, surface="again", limit=AGAIN)
    cart = [item, *again["items"][:1]]
    in_it = {"cart": [each["item_id"] for each in cart]}
    basket = _list(http, user, surface="cart", session=in_it, limit=SOME)
    audience = _audience(http, user, [str(each["category"]) for each in recommended])
    return Visit(user, home, item, beside, cart, basket, again, audience)


def _beside(item: Answer, source: str) -> dict[str, object]:
    """Ask for a row of an item's page; what goes with it is of another kind."""
    return {
        "surface": "item",
        "item_id": item["item_id"],
        "sources": [source],
        "same_category": source == "similar",
        "limit": FEW,
    }


def _page(http: httpx.Client, user: str, rows: Sequence[Answer]) -> Sequence[Answer]:
    asked = {"user_id": user, "rows": rows, "explain": True}
    answer = http.post("/recommend/page", json=asked).raise_for_status().json()
    told: Sequence[Answer] = answer["rows"]
    return told


def _list(http: httpx.Client, user: str, **wanted: object) -> Answer:
    asked = {"user_id": user, "explain": True, **wanted}
    told: Answer = http.post("/recommend", json=asked).raise_for_status().json()
    return told


def _audience(http: httpx.Client, user: str, categories: Sequence[str]) -> Audience | None:
    """Gather an audience for one of some categories: the first that the shopper is in, if any.

    Whoever has bought such things leads it, and is not in it.
    """
    found: Audience | None = None
    for subject in dict.fromkeys(categories):
        audience = _gather(http, subject)
        if audience is not None and audience.place_of(user) is not None:
            return audience
        found = found or audience
    return found


def _gather(http: httpx.Client, subject: str) -> Audience | None:
    """Gather an audience; None: too few people buy such things, or may yet."""
    asked = {"like": {"category": subject}, "size": AUDIENCE, "least_score": 1}
    answer = http.post("/audiences", json=asked)
    if answer.status_code == httpx.codes.CONFLICT:
        return None
    told: Answer = answer.raise_for_status().json()
    while told["state"] == "running":
        told = http.get(f"/audiences/{told['audience_id']}").raise_for_status().json()
    if told["state"] != "ready":
        return None
    lines = http.get(f"/audiences/{told['audience_id']}/members").raise_for_status().text
    return Audience(subject, told, [from_json(line) for line in lines.splitlines()])
