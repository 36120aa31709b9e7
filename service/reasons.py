"""Reasons: the events that speak for an item, as a reader knows them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from portrait.event import Action
from portrait.explain import strongest
from portrait.item import Item
from portrait.ref import text_ref
from service.describe import moment
from service.schemas import Reason

REASONS = 3  # named for each item
DECIMALS = 6  # of shares

_ACTIONS = tuple(Action)

Ring = NDArray[np.void]


class Mention(NamedTuple):
    """One event, as a reason names it."""

    action: Action | Literal["session"]
    item_id: str | None
    title: str | None
    occurred_at: datetime | None


def past_mentions(ring: Ring, items: Sequence[Item | None]) -> list[Mention]:
    """Name a profile's events."""
    return [
        Mention(
            _ACTIONS[action],
            None if item is None else item.id,
            None if item is None else item.title,
            moment(at),
        )
        for action, at, item in zip(
            ring["action"].tolist(), ring["at"].tolist(), items, strict=True
        )
    ]


def session_mentions(
    ring: Ring, items: Sequence[Item | None], texts: Sequence[str]
) -> list[Mention]:
    """Name a session's events; a search by its text, which only the request knows."""
    text_of = {text_ref(text): text for text in texts}
    return [
        Mention("session", None, text_of.get(ref), None)
        if item is None
        else Mention("session", item.id, item.title, None)
        for ref, item in zip(ring["ref"].tolist(), items, strict=True)
    ]


def reasons_for(
    shares: NDArray[np.float32], mentions: Sequence[Mention]
) -> list[tuple[Reason, ...]]:
    """Name the events that speak for each of N items, by their shares (N, S), strongest first."""
    return [
        tuple(
            Reason(**mentions[event]._asdict(), share=round(share, DECIMALS))
            for event, share in events
        )
        for events in strongest(shares, REASONS)
    ]
