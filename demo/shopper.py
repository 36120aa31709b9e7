"""Whom the demo shows: shoppers of whom most is to be told, found in what was published alone."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from demo.replay import Fields
from portrait.events.columns import RING
from sandbox.planted.life import profile_key

OFTEN = 3  # days on which a thing is bought that is bought again and again


def most_telling(events: Sequence[Fields], most: int) -> list[str]:
    """Return the shoppers who buy most things again and again, by what a profile keeps of each.

    Args:
        events: Purchases, oldest first.
        most: How many to return.
    """
    newest: defaultdict[str, list[Fields]] = defaultdict(list)
    for event in reversed(events):
        if len(newest[profile_key(event)]) < RING:
            newest[profile_key(event)].append(event)
    order = sorted(newest, key=lambda user: (-_bought_often(newest[user]), user))
    return order[:most]


def _bought_often(events: Sequence[Fields]) -> int:
    """Count the things that were bought on several days."""
    of_day = {(event["item_id"], str(event["occurred_at"])[:10]) for event in events}
    days = Counter(item for item, _ in of_day)
    return sum(count >= OFTEN for count in days.values())
