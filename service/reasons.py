"""Reasons: the events that speak for an item, as a reader knows them."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from portrait.event import Action
from portrait.explain import strongest
from portrait.hash_index import MISSING
from portrait.item import Item
from portrait.ref import text_ref
from service.describe import Json, moment

REASONS = 3  # named for each item
DECIMALS = 6  # of shares

_ACTIONS = tuple(action.value for action in Action)

Ring = NDArray[np.void]
Rows = NDArray[np.int64]


class Mentions:
    """Names the events of a session and of a profile, in this order, each when first asked for."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items
        self._session: tuple[Ring, Rows] | None = None
        self._past: tuple[Ring, Rows] | None = None
        self._texts: Mapping[int, str] = {}
        self._named: dict[int, Json] = {}

    def with_session(self, ring: Ring, rows: Rows, texts: Sequence[str]) -> "Mentions":
        """Put a session first. A search is named by its text, which only the request knows."""
        self._session, self._texts = (ring, rows), {text_ref(text): text for text in texts}
        return self

    def with_past(self, ring: Ring, rows: Rows) -> "Mentions":
        """Put a profile's events last."""
        self._past = ring, rows
        return self

    def __getitem__(self, place: int) -> Json:
        if place not in self._named:
            self._named[place] = self._name(place)
        return self._named[place]

    def _name(self, place: int) -> Json:
        first = 0 if self._session is None else len(self._session[0])
        if self._session is not None and place < first:
            ring, rows = self._session
            return self._of_session(int(ring["ref"][place]), self._item(rows[place]))
        assert self._past is not None  # noqa: S101 - there are no other events
        ring, rows = self._past
        event, item = ring[place - first], self._item(rows[place - first])
        return {
            "action": _ACTIONS[event["action"]],
            "item_id": None if item is None else item.id,
            "title": None if item is None else item.title,
            "occurred_at": moment(int(event["at"])),
        }

    def _of_session(self, ref: int, item: Item | None) -> Json:
        return {
            "action": "session",
            "item_id": None if item is None else item.id,
            "title": self._texts.get(ref) if item is None else item.title,
            "occurred_at": None,
        }

    def _item(self, row: int) -> Item | None:
        return None if row == MISSING else self._items[row]


def reasons_for(shares: NDArray[np.float32], mentions: Mentions) -> list[list[Json]]:
    """Name the events that speak for each of N items, by their shares (N, S), strongest first."""
    return [
        [{**mentions[event], "share": round(share, DECIMALS)} for event, share in events]
        for events in strongest(shares, REASONS)
    ]
