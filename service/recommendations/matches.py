"""Matches: what filters met in the shop, and why a list has nothing in it.

A name that nobody in the shop has is told with those that are most like it. Names come from items
of the catalogue alone: what events say that an item is called is nobody's name.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from portrait.arrays import MISSING, Flags, Rows
from portrait.catalogue.spelling import Spellings
from portrait.inference.eligible import matching
from portrait.inference.ranking import Filters
from portrait.inference.shelf import Shelf
from portrait.rules.rulings import NOTHING as NO_RULES
from service.profiles.describe import Json
from service.recommendations.known import Loaded
from service.recommendations.listing import Listing, list_items
from service.recommendations.schemas import Emptied
from service.view import View

NEAREST = 3  # names told of one that is not known
MOST_LOOKED_FOR = 5  # unknown names of one request whose nearest are looked for: 1 ms in all


def unknown_names(filters: Filters, view: View) -> list[Json]:
    """Name the categories and brands asked for that nothing in the shop has, and the nearest."""
    shelf, source = view.shelf, view.source
    categories = _unknown("category", filters.categories, shelf.has_category, source.categories)
    brands = _unknown("brand", filters.brands, shelf.has_brand, source.brands)
    unknown = [*categories, *brands]
    return [
        {
            "filter": kind,
            "name": name,
            "nearest": spellings.nearest(name, has, NEAREST) if place < MOST_LOOKED_FOR else [],
        }
        for place, (kind, name, has, spellings) in enumerate(unknown)
    ]


def _unknown(
    kind: str, names: Sequence[str], has: Callable[[str], bool], spellings: Spellings
) -> Iterator[tuple[str, str, Callable[[str], bool], Spellings]]:
    return ((kind, name, has, spellings) for name in names if not has(name))


def emptied_by(listing: Listing, loaded: Loaded, view: View) -> list[Emptied]:
    """Say what left nothing to offer; nothing did where there is a list.

    Rules did only if without them there is a list: it is made to see that.
    """
    wish, shelf = listing.wish, view.shelf
    if len(listing.ranking.rows):
        return []
    if not listing.ranking.matched:
        return [_unmatched(shelf, wish.filters)]
    are_to_blame = bool(listing.ruling.ruled) and _has_items(list_items(loaded, view, NO_RULES))
    fits, left_out = matching(shelf, wish.filters), wish.excluded
    named = len(listing.asked.exclude)  # the first; the others have been seen
    excluded, seen = left_out[:named], left_out[named:]
    causes: list[tuple[Emptied, bool]] = [
        ("unknown", wish.only_suiting and not are_to_blame),
        ("excluded", bool(fits[_here(excluded, shelf)].any())),
        ("seen", bool(fits[_here(seen, shelf)].any())),
        ("unwanted", _leaves_out(wish.unwanted, fits)),
        ("rules", are_to_blame),
        ("same_category", _leaves_out(wish.alike, fits)),
        ("above", _leaves_out(wish.above, fits)),
    ]
    return [cause for cause, holds in causes if holds]


def _has_items(listing: Listing) -> bool:
    return len(listing.ranking.rows) > 0


def _leaves_out(mask: Flags | None, fits: Flags) -> bool:
    return mask is not None and bool((fits & mask).any())


def _unmatched(shelf: Shelf, filters: Filters) -> Emptied:
    """Say what no item gets past."""
    if matching(shelf, replace(filters, only_available=False)).any():
        return "unavailable"
    return "catalogue" if filters == Filters(only_available=filters.only_available) else "filters"


def _here(rows: Rows, shelf: Shelf) -> Rows:
    here: Rows = rows[(rows != MISSING) & (rows < len(shelf))]
    return here
