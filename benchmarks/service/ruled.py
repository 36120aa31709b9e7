"""The same service with rules of the shop: of every kind, as many as there may be."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

from portrait.rules.rule import MOST_RULES

WAIT_SECONDS = 30.0  # longest until the service goes by them: it is promised within one


@contextmanager
def ruled(port: int) -> Iterator[None]:
    """Let a service go by rules until the block ends."""
    _put(port, rules())
    try:
        yield
    finally:
        _put(port, [])


def rules() -> list[dict[str, object]]:
    """Return as many rules as may be, of every kind, about a shop of `shop.py`."""
    compared: list[dict[str, object]] = [
        {"id": "same", "where": {"not": {"same": "brand"}}, "do": {"bury": 0.1}},
        {
            "id": "band",
            "where": {"not": {"price_of_viewed": {"min": 0.1, "max": 9}}},
            "do": {"exclude": True},
        },
        {"id": "two", "do": {"quota": {"most": 2, "per": "brand"}}},
        {"id": "one", "where": {"category": "D2"}, "do": {"quota": {"least": 1}}},
        {"id": "top", "where": {"category": "D1"}, "do": {"pin": {"items": 2}}},
    ]
    return [*compared, *map(_plain, range(MOST_RULES - len(compared)))]


def _plain(place: int) -> dict[str, object]:
    effects = [{"exclude": True}, {"boost": 0.2}, {"bury": 0.2}]
    where: dict[str, object] = {"category": f"D{place % 30} > C{place % 300}"}
    if place % 5 == 0:
        where = {"all": [{"not": where}, {"price": {"min": 49}}, {"brand": f"brand {place}"}]}
    return {"id": f"rule-{place}", "where": where, "do": effects[place % len(effects)]}


def _put(port: int, rules: list[dict[str, object]]) -> None:
    """Replace the rules, and wait until the service goes by them.

    Raises:
        TimeoutError: It does not.
    """
    headers = {"If-Match": "*"}
    version = _ask(port, "PUT", "/rules", {"rules": rules}, headers)["version"]
    ends = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < ends:
        if _ask(port, "POST", "/recommend", {"limit": 1}, {})["rules_version"] == version:
            return
        time.sleep(0.05)
    msg = f"the service does not go by the rules after {WAIT_SECONDS:.0f} s"
    raise TimeoutError(msg)


def _ask(
    port: int, method: str, path: str, body: object, headers: dict[str, str]
) -> dict[str, object]:
    request = Request(
        f"http://127.0.0.1:{port}{path}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **headers},
        method=method,
    )
    with urlopen(request, timeout=30) as answer:  # noqa: S310 - our own service
        found: dict[str, object] = json.load(answer)
    return found
