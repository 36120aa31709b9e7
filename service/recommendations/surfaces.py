"""Surfaces: where lists are shown, and how they are made there unless a request says otherwise.

A list is about something (the session, an item, a cart, a query, what was bought before) and made
of sources: `behaviour`, `together` and `similar` are parts of what the model says, one score
together; `due` is what is due to be bought again; `popular` fills up what is left.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from portrait.inference.parts import Part

Surface = Literal["home", "item", "cart", "again", "search", "email"]
Source = Literal[Part, "due", "popular"]
DUE: Source = "due"
POPULAR: Source = "popular"


@dataclass(frozen=True, slots=True)
class Manner:
    """How the lists of a surface are made."""

    sources: tuple[Source, ...]
    exclude_seen: bool = False
    diversity: float = 0.0
    same_category: bool = True  # whether items of the very categories it is about may stand in it
    is_once: bool = False  # whether no item comes again within weeks
    needs: str | None = None  # a field of the request; `a/b`: within another

    @property
    def alone(self) -> Literal["similar", "together"] | None:
        """The one part of what the model says that a narrow list is made of, if it is one."""
        parts = {*self.sources} - {POPULAR}
        if parts == {"similar"}:
            return "similar"
        return "together" if parts == {"together"} else None


# What the model says of events, and what everybody wants where it says nothing.
PERSONAL: tuple[Source, ...] = "behaviour", "together", "similar", "popular"
OF_THINGS: tuple[Source, ...] = "together", "similar", "popular"  # not where the person is heading

SURFACES: Mapping[Surface, Manner] = {
    "home": Manner(PERSONAL, diversity=0.3, exclude_seen=True),
    "item": Manner(OF_THINGS, needs="item_id"),
    "cart": Manner(OF_THINGS, diversity=0.3, same_category=False, needs="session/cart"),
    "search": Manner(PERSONAL, needs="query"),
    "again": Manner((DUE,), needs="user_id"),
    "email": Manner(PERSONAL, diversity=0.3, exclude_seen=True, is_once=True, needs="user_id"),
}

_NAMES = {
    "item_id": "`item_id`: the item that is looked at",
    "session/cart": "`session.cart`: what is in the cart",
    "query": "`query`: what is searched for",
    "user_id": "`user_id`: whose it is",
}
_ALONE = {"item_id": "item", "query": "search"}  # fields that say nothing to any other surface


def lacking(surface: Surface, said: frozenset[str]) -> str | None:
    """Say what a surface lacks of a request that says some fields; None: nothing."""
    needs = SURFACES[surface].needs
    if needs is not None and needs not in said:
        return f"`surface: {surface}` needs {_NAMES[needs]}."
    idle = [field for field, owner in _ALONE.items() if field in said and surface != owner]
    return f"`{idle[0]}` is for `surface: {_ALONE[idle[0]]}`." if idle else None


def mixed(sources: tuple[Source, ...] | None) -> str | None:
    """Say which sources cannot stand beside each other; None: they can."""
    others = {*(sources or ())} - {POPULAR, DUE}
    return "`due` stands alone, or beside `popular`." if DUE in (sources or ()) and others else None
