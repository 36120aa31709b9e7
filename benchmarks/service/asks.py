"""What is asked of the service, as whole HTTP requests."""

import json
from random import Random

from benchmarks.service.shop import IDEOGRAPHS, WORDS, Shop
from service.recommendations.asked import MOST_CHOICES, MOST_EXCLUDED, MOST_ITEMS, MOST_TEXTS

DIFFERENT = 2_000  # requests of a kind, taken in turn
OFTEN_READ = 1_000  # users whose profiles are read again and again
COSTLIEST = 50  # different ones of the costliest kind
TEXT_LENGTH = 1_024  # the longest text of a session
SURFACES = ("item", "cart", "search", "again", "email")  # beside `home`, which all others are
RECOMMENDATIONS = (
    *("user", "user explained", "session", "session explained", "stranger"),
    *SURFACES,
)


def profiles(shop: Shop, *, again: bool) -> list[str]:
    """Ask for the profiles of a few users, again and again, or of all the others, once each."""
    few = min(OFTEN_READ, shop.users // 2)
    users = range(few) if again else range(few, shop.users)
    return [f"GET /profile/user-{user} HTTP/1.1\r\nHost: localhost\r\n\r\n" for user in users]


def recommendations(kind: str, shop: Shop) -> list[str]:
    """Ask for recommendations of one kind."""
    random = Random(5)  # noqa: S311 - a benchmark
    return [_post(_body(kind, shop, random)) for _ in range(DIFFERENT)]


def costliest(shop: Shop) -> list[str]:
    """Ask for all that one request may, as somebody would who means no good."""
    random = Random(9)  # noqa: S311 - a benchmark
    return [_post(_costly(shop, random)) for _ in range(COSTLIEST)]


def _body(kind: str, shop: Shop, random: Random) -> dict[str, object]:
    if kind == "stranger":
        return {}
    if kind in SURFACES:
        return _on_surface(kind, shop, random)
    explain = {"explain": True} if kind.endswith("explained") else {}
    if not kind.startswith("session"):
        return {"user_id": f"user-{random.randrange(shop.users)}", **explain}
    items = [f"item-{random.randrange(len(shop.items))}" for _ in range(3)]
    session = {"items": items, "texts": [" ".join(random.sample(WORDS, 2))]}
    return {"session": session, **explain}


def _on_surface(surface: str, shop: Shop, random: Random) -> dict[str, object]:
    """Return what a user is shown on a surface."""
    items = [f"item-{random.randrange(len(shop.items))}" for _ in range(3)]
    needed: dict[str, dict[str, object]] = {
        "item": {"item_id": items[0]},
        "cart": {"session": {"cart": items}},
        "search": {"query": " ".join(random.sample(WORDS, 2))},
    }
    user = f"user-{random.randrange(shop.users)}"
    return {"user_id": user, "surface": surface, **needed.get(surface, {})}


def _costly(shop: Shop, random: Random) -> dict[str, object]:
    """Return a body with as much of everything as is accepted."""
    items = [f"item-{random.randrange(len(shop.items))}" for _ in range(MOST_EXCLUDED)]
    numbers = [random.randrange(10**6) for _ in range(MOST_CHOICES - 1)]
    return {
        "user_id": f"user-{random.randrange(shop.users)}",
        "session": {
            "items": items[:64],
            "texts": [
                "".join(random.choices(IDEOGRAPHS, k=TEXT_LENGTH)) for _ in range(MOST_TEXTS)
            ],
        },
        "limit": MOST_ITEMS,
        "exclude": items,
        "filters": {
            "category": [*(f"none {number}" for number in numbers), *_all_departments(shop)][
                -MOST_CHOICES:
            ],
            "available": False,
            "price_min": 0,
        },
        "diversity": 1,
        "explain": True,
    }


def _all_departments(shop: Shop) -> list[str]:
    return sorted({item.category.split(" > ")[0] for item in shop.items})


def _post(body: dict[str, object]) -> str:
    payload = json.dumps(body)
    return (
        "POST /recommend HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(payload)}\r\n\r\n{payload}"
    )
