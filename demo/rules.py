"""What the demo's shop wants of lists: petrol and coupons are in its log, and in nobody's cart.

Everybody buys petrol, so it goes with everything; that it is no answer to cheese is for a shop to
say. It says so as a shop would, over HTTP.
"""

import time

import httpx

NO_GOODS = (
    "Fuel",
    "Coupon",
    "Miscellaneous",
    "Grocery > Coupon/misc items",
    "Deli > Deli supplies",
)
BOOK = {
    "note": "What is sold at the till alone",
    "rules": [{"id": "no-goods", "where": {"category": NO_GOODS}, "do": {"exclude": True}}],
}
FORCE_SECONDS = 30.0  # until all lists hold to it: mostly one
POLL_SECONDS = 0.1


def put_rules(http: httpx.Client) -> None:
    """Put the shop's rules, and wait until lists hold to them."""
    answer = http.put("/rules", json=BOOK, headers={"If-Match": "*"}).raise_for_status()
    version, ends = answer.json()["version"], time.monotonic() + FORCE_SECONDS
    while _version(http) != version:
        if time.monotonic() > ends:
            msg = "rules did not come into force; see build/demo/service.log"
            raise SystemExit(msg)
        time.sleep(POLL_SECONDS)


def _version(http: httpx.Client) -> int:
    answer = http.post("/recommend", json={"limit": 1}).raise_for_status()
    return int(answer.json()["rules_version"])
