"""Names of shops: what on Kafka, in Redis and in folders says whose something is.

acme.events.view   a topic of its own, as is every consumer group: `acme.portrait-update`
build/archive/shops/acme

A name has no dot, so that no shop's topics begin as another's do; and no letter above lower case,
for there are file systems that take `Acme` and `acme` for one.
"""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

# What topics and groups begin with where there are no shops; a test holds it against the topics.
RESERVED = frozenset(
    {
        *("alerts", "consents", "erasures", "events", "identities", "impressions", "items"),
        *("opinions", "portrait", "profiles", "segments", "unwanted"),
    }
)
FOLDER = "shops"  # of each place: beside days, lists and versions, and never one of them


def _is_free(name: str) -> str:
    """Refuse what our own topics begin with."""
    if name in RESERVED:
        msg = "names of our own topics begin so; choose another one"
        raise ValueError(msg)
    return name


ShopName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?$"),
    AfterValidator(_is_free),
]


def prefix_of(shop: str | None) -> str:
    """Return what names on Kafka begin with: nothing, where there are no shops."""
    return "" if shop is None else f"{shop}."


def place_of(url: str, shop: str) -> str:
    """Return the folder of a shop in a place, which may be any URL."""
    return f"{url.rstrip('/')}/{FOLDER}/{shop}"
