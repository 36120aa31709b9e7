"""Anchors: items that a row of a page may be about, by what somebody has done.

what they bought ─▶ what they are looking at ─▶ what else they touched; the newest first, each once
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from portrait.arrays import Flags, Ring
from portrait.events.columns import ACTION_CODE, PURCHASE
from portrait.events.event import Action
from portrait.events.item import Item
from portrait.model.kinds import is_complaint, kinds_of
from portrait.ref import item_ref
from service.recommendations.asked import ListBody
from service.recommendations.known import Loaded
from service.view import View

NOT_LIKED = [ACTION_CODE[each] for each in (Action.SEARCH, Action.REVIEW, Action.REMOVE)]


@dataclass(frozen=True, slots=True)
class Anchor:
    """An item, and whether they have bought it."""

    item: Item
    is_bought: bool


@dataclass(slots=True)
class Anchors:
    """Gives each row of a page an item of its own."""

    loaded: Loaded
    view: View
    _taken: set[int] = field(default_factory=set)  # refs

    def of(self, row: ListBody) -> Anchor | None:
        """Return what a row is about; None: it is of no item, or there is none left."""
        if row.surface != "item":
            return None
        refs = self._refs() if row.item_id is None else iter([item_ref(row.item_id)])
        bought = {*self._bought()}
        for ref in refs:
            item = self._item(ref)
            if item is not None and (row.item_id is not None or ref not in self._taken):
                self._taken.add(ref)
                return Anchor(item, ref in bought)
        return None

    def _refs(self) -> Iterator[int]:
        session = self.loaded.asked.session
        yield from self._bought()
        yield from map(item_ref, reversed(session.items) if session else ())
        ring = self._ring()
        if ring is not None:
            yield from ring["ref"][_is_liked(ring)].tolist()

    def _bought(self) -> Iterator[int]:
        ring = self._ring()
        if ring is not None:
            yield from ring["ref"][(ring["action"] == PURCHASE) & _is_liked(ring)].tolist()

    def _ring(self) -> Ring | None:
        return None if self.loaded.profile is None else self.loaded.profile.ring

    def _item(self, ref: int) -> Item | None:
        row, shelf = self.view.source.rows.get(ref), self.view.shelf
        is_told = row is not None and row < len(shelf) and not shelf.hidden[row]
        return shelf.items[row] if row is not None and is_told else None


def _is_liked(ring: Ring) -> Flags:
    """Say which events, (S,), are about an item that nothing is said against."""
    blamed = ring["ref"][is_complaint(kinds_of(ring["action"], ring["rating"]))]
    liked: Flags = ~(np.isin(ring["ref"], blamed) | np.isin(ring["action"], NOT_LIKED))
    return liked
