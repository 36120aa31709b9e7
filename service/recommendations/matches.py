"""Matches: what filters met in the shop, and why a list has nothing in it.

A name that nobody in the shop has is told with those that are most like it. Names come from items
of the catalogue alone: what events say that an item is called is nobody's name.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from portrait.arrays import MISSING, Flags, Rows
from portrait.catalogue.spelling import Spellings
from portrait.inference.eligible import matching
from portrait.inference.ranking import Filters, Ranking, RankingRequest
from portrait.inference.shelf import Shelf
from service.profiles.describe import Json
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


def emptied_by(
    ranking: Ranking, shelf: Shelf, wish: RankingRequest, excluded: int
) -> list[Emptied]:
    """Say what left nothing to offer; nothing did where there is a list.

    Args:
        ranking: The answer.
        shelf: What the shop has.
        wish: What was asked for.
        excluded: How many of the items left out the request names; the others have been seen.
    """
    if len(ranking.rows):
        return []
    if not ranking.matched:
        return [_unmatched(shelf, wish.filters)]
    fits, left_out = matching(shelf, wish.filters), wish.excluded
    causes: list[tuple[Emptied, Rows]] = [
        ("excluded", left_out[:excluded]),
        ("seen", left_out[excluded:]),
    ]
    found = [cause for cause, rows in causes if fits[_here(rows, shelf)].any()]
    masks: list[tuple[Emptied, Flags | None]] = [
        ("unwanted", wish.unwanted),
        ("rules", None if wish.plan is None else wish.plan.barred),
        ("same_category", wish.alike),
        ("above", wish.above),
    ]
    found += [cause for cause, mask in masks if mask is not None and (fits & mask).any()]
    return ["unknown", *found] if wish.only_suiting else found


def _unmatched(shelf: Shelf, filters: Filters) -> Emptied:
    """Say what no item gets past."""
    if matching(shelf, replace(filters, only_available=False)).any():
        return "unavailable"
    return "catalogue" if filters == Filters(only_available=filters.only_available) else "filters"


def _here(rows: Rows, shelf: Shelf) -> Rows:
    here: Rows = rows[(rows != MISSING) & (rows < len(shelf))]
    return here
