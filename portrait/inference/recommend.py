"""Recommend: the items that suit a user best, of those that may be offered.

vector ─▶ score every text ─▶ filter ─▶ best few hundred ─▶ diversify ─▶ items, best first

A list has two numbers for each item. `scores` are the model's: how well an item suits, whatever
stands above it. `shown` is what the list is in the order of, on one scale for every model: the
weighted mean of how well an item suits and of how unlike it is to what stands above it.

Many items share a text, so texts are scored and items are taken from them. Of variants of one thing
a list has the best. Nothing here changes a catalogue: a `Shelf` is a copy of what ranking needs at
one moment, so it can be read from any thread.
"""

import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import MISSING, Codes, Flags, Floats
from portrait.catalogue.catalogue import FOREVER, Catalogue
from portrait.catalogue.names import Names, Paths
from portrait.catalogue.traits import Traits
from portrait.catalogue.variants import Variants
from portrait.events.item import Item
from portrait.events.price import FREE
from portrait.model.space import Vectors
from portrait.profiles.layout import LONG, SHORT

LONG_SHARE, SHORT_SHARE = 0.3, 0.7  # of a score: what somebody likes, what they are after now
CANDIDATES = 300  # texts that are looked at for diversity
FIRST_SEEN = 64  # of them, at first
ITEMS_PER_TEXT = 2  # items of one text among the candidates: near-duplicates
POPULAR_CANDIDATES = 5_000  # items that are looked at for categories
LARGEST_PRICE = float(np.finfo(np.float32).max)  # that can be asked for; numpy warns of more
ITEMS_PER_CATEGORY = 3  # of the popular items, as long as there are other categories


@dataclass(frozen=True, slots=True)
class Shelf:
    """What the shop has, as arrays to rank: N items on T texts. Only names are ever added to it.

    What is offered is so from the moment when it was made until `changes_at`.
    """

    space_id: str
    matrix: Vectors  # (T, K): the vector of each text
    items: tuple[Item, ...]
    text: Codes  # (N,): row of `matrix`, or MISSING
    interest: Codes  # (N,): code of the category as deep as an interest names it
    category: Codes  # (N,): code in `categories`
    brand: Codes  # (N,): code in `brands`
    price: Floats  # (N,); 0 = not known, FREE = nothing to pay
    offered: Flags  # (N,)
    hidden: Flags  # (N,): withdrawn, or without a title
    variants: Variants  # of the N
    changes_at: int  # when an item begins or ends to be available, ms
    categories: Paths
    brands: Names
    placed: Vectors  # (M, D): what the learned model sees; (M, 0) without one
    place: Codes  # (N,): row of `placed`, or MISSING
    neighbour: Codes  # (N,): row of the learned co-occurrences, or MISSING
    nearby: Codes  # by row of the co-occurrences: that item's row, or N if it is not here
    told: Flags  # (N,): its text is known
    sold_categories: frozenset[int]  # codes of those that have an item, available or not
    sold_brands: frozenset[int]
    unplaced: Codes  # rows of the items whose place is MISSING
    traits: Traits  # (N,)

    def __len__(self) -> int:
        return len(self.items)

    def in_categories(self, paths: Sequence[str]) -> Flags:
        """Return which items lie in any of these categories, paths from the widest level."""
        return _coded(self.category, self.categories, self.categories.within, paths)

    def of_brands(self, brands: Sequence[str]) -> Flags:
        """Return which items are of any of these brands."""
        return _coded(self.brand, self.brands, self.brands.named, brands)

    def has_category(self, path: str) -> bool:
        """Say whether the shop has anything in a category, available or not."""
        return not self.sold_categories.isdisjoint(self.categories.within(path))

    def has_brand(self, brand: str) -> bool:
        """Say whether the shop has anything of a brand, available or not."""
        return not self.sold_brands.isdisjoint(self.brands.named(brand))


@dataclass(frozen=True, slots=True)
class Filters:
    """What an item must be. Several categories or brands mean any of them."""

    categories: tuple[str, ...] = ()  # paths from the widest level, to any depth
    brands: tuple[str, ...] = ()
    price_min: float | None = None
    price_max: float | None = None
    only_available: bool = True


@dataclass(frozen=True, slots=True)
class RankingRequest:
    """What is asked for."""

    limit: int = 20
    filters: Filters = Filters()
    excluded: Codes = field(default_factory=lambda: np.zeros(0, np.int64))  # rows, or MISSING
    disliked: Codes = field(default_factory=lambda: np.zeros(0, np.int64))  # rows, or MISSING
    diversity: float = 0.3  # 0: relevance alone; 1: unlikeness alone


@dataclass(frozen=True, slots=True)
class Ranking:
    """Rows of items, best first, and their scores. All (n,), n at most what was wished for."""

    rows: Codes
    scores: Floats  # as the model has them; popularity, where that is what was asked for
    shown: Floats  # 1 to 0, never more than above: see `_shown`
    matched: int  # items that fit the filters, whether or not anything else speaks against them
    filled: int = 0  # of the rows, the last ones: there for being popular alone

    @property
    def peak(self) -> float:
        """The largest score, whichever its sign; 1 where none says anything."""
        return float(np.abs(self.scores).max(initial=0)) or 1.0


def shelf_of(catalogue: Catalogue, now_ms: int | None = None) -> Shelf:
    """Copy what ranking needs of a catalogue; about 3 ms for 100,000 items.

    Nobody may put items while this runs; text vectors may be added.

    Args:
        catalogue: N items.
        now_ms: At which moment; None: at this one.
    """
    rows = catalogue.rows
    neighbour, group = rows["neighbour"].copy(), rows["group"].copy()
    now = round(time.time() * 1_000) if now_ms is None else now_ms
    return Shelf(
        space_id=catalogue.space_id,
        matrix=catalogue.vectors.matrix[: len(catalogue.vectors)],
        items=tuple(catalogue.items),
        text=rows["text"].copy(),
        interest=rows["interest"].copy(),
        category=rows["category"].copy(),
        brand=rows["brand"].copy(),
        price=rows["price"].copy(),
        offered=rows["offered"] & (rows["since"] <= now) & (now < rows["until"]),
        hidden=rows["hidden"].copy(),
        variants=Variants(group, catalogue.groups, bool((group != MISSING).any())),
        changes_at=_next_change(rows, now),
        categories=catalogue.categories,
        brands=catalogue.brands,
        placed=catalogue.placed.matrix[: len(catalogue.placed)],
        place=rows["place"].copy(),
        neighbour=neighbour,
        nearby=_nearby(neighbour, catalogue),
        told=rows["text"] != MISSING,
        sold_categories=_sold(rows["category"], rows["hidden"]),
        sold_brands=_sold(rows["brand"], rows["hidden"]),
        unplaced=np.flatnonzero(rows["place"] == MISSING),
        traits=catalogue.traits,
    )


def _next_change(rows: NDArray[np.void], now: int) -> int:
    """Return the first moment after now at which other items are available, ms."""
    moments = np.concatenate([rows["since"], rows["until"]])
    return int(moments[moments > now].min(initial=FOREVER))


def _sold(codes: Codes, hidden: Flags) -> frozenset[int]:
    """Return which codes, (N,), items have that are not hidden: what events say is no name."""
    sold = np.bincount(codes[~hidden & (codes != MISSING)])
    return frozenset(np.flatnonzero(sold).tolist())


def _nearby(neighbour: Codes, catalogue: Catalogue) -> Codes:
    """Return the row of the item that stands at each row of the co-occurrences."""
    learned = catalogue.learned
    nearby = np.full(0 if learned is None else len(learned.neighbours), len(neighbour))
    known = np.flatnonzero(neighbour != MISSING)
    nearby[neighbour[known]] = known
    return nearby


def blend(vectors: Vectors) -> Vectors:
    """Weigh the long-term and the short-term vector, (2, K), into the one that is asked with."""
    asked: Vectors = LONG_SHARE * vectors[LONG] + SHORT_SHARE * vectors[SHORT]
    return asked.astype(np.float32)


def rank(
    shelf: Shelf,
    vector: Vectors,
    wish: RankingRequest,
    popularity: Floats,
    beside: Callable[[Codes], Floats] | None = None,
) -> Ranking:
    """Rank the items that fit a wish by how near they are to a vector. Blocks for milliseconds.

    Args:
        shelf: N items.
        vector: (K,), from `blend`; in the shelf's space.
        wish: How many, which, how different from each other.
        popularity: (N,); decides between items of one text that score alike.
        beside: What else counts: rows (n,) -> what is added to their scores (n,).
    """
    allowed, matched = _allowed(shelf, wish)
    rows = np.flatnonzero(allowed & shelf.told)
    text = shelf.text[rows]
    texts = np.unique(text) if len(rows) < len(shelf) // 8 else _used(text, len(shelf.matrix))
    scores = _score(shelf.matrix, texts, vector)  # (t,)
    more = np.zeros(len(rows), np.float32) if beside is None else beside(rows)  # (n,)
    if shelf.variants.are_any:
        of_text = np.zeros(len(shelf.matrix), np.float32)
        of_text[texts] = scores
        are_best = shelf.variants.are_best(rows, of_text[text] + more)
        rows, text, more = rows[are_best], text[are_best], more[are_best]
        texts = _used(text, len(shelf.matrix))
        scores = of_text[texts]
    best = _largest(
        scores, max(CANDIDATES, 3 * wish.limit), float(np.ptp(more)) if len(more) else 0
    )
    slot_of = np.full(len(shelf.matrix), MISSING)
    slot_of[texts[best]] = np.arange(len(best))
    slot = slot_of[text]
    held = np.flatnonzero(slot != MISSING)
    rows, slot = rows[held], slot[held]  # the items of the best texts
    relevance = scores[best][slot] + more[held]
    order = np.lexsort((rows, -popularity[rows], slot, -relevance))
    return _diversify(shelf, rows[order], relevance[order], wish, matched)


def rank_by(
    shelf: Shelf, vector: Vectors, wish: RankingRequest, scorer: Callable[[Codes, Floats], Floats]
) -> Ranking:
    """Rank the items that fit a wish by scores of their own, beyond those of their texts.

    Args:
        shelf: N items.
        vector: (K,), in the space of texts.
        wish: How many, which, how different from each other.
        scorer: Rows (n,) and the scores of their texts (n,) -> scores (n,).
    """
    allowed, matched = _allowed(shelf, wish)
    rows = np.flatnonzero(allowed & shelf.told)
    scores = scorer(rows, _score(shelf.matrix, shelf.text[rows], vector))
    if shelf.variants.are_any:
        are_best = shelf.variants.are_best(rows, scores)
        rows, scores = rows[are_best], scores[are_best]
    best = _largest(scores, max(CANDIDATES, 3 * wish.limit))
    return _diversify(shelf, rows[best], scores[best], wish, matched)


def rank_popular(shelf: Shelf, order: Codes, wish: RankingRequest, popularity: Floats) -> Ranking:
    """Rank the items that fit a wish by what everybody wants, a few of each category first.

    What is disliked, and what is of the same category, comes last.

    Args:
        shelf: N items.
        order: (N,) rows, the most popular first; the catalogue's order where nothing is known.
        wish: How many, and which.
        popularity: (N,).
    """
    (allowed, matched), like = _allowed(shelf, wish), _like(shelf, wish.disliked)
    chosen = _of_each(shelf, _first_things(shelf, order, allowed & ~like, wish.limit), wish.limit)
    if len(chosen) < wish.limit and like.any():
        last = _others(shelf, chosen, _first_things(shelf, order, allowed & like, wish.limit))
        chosen = np.r_[chosen, _of_each(shelf, last, wish.limit - len(chosen))]
    scores = popularity[chosen]
    return Ranking(chosen, scores, _shown(scores, scores, 0), matched)


def fill_up(shelf: Shelf, ranking: Ranking, order: Codes, wish: RankingRequest) -> Ranking:
    """Fill a list up to its limit with items whose text is not read yet, the most popular first.

    Nothing is known of how they suit, so their scores are 0.
    """
    if ranking.matched <= len(ranking.rows) or shelf.told.all():
        return ranking
    unread = eligible(shelf, wish) & ~shelf.told
    others = _others(shelf, ranking.rows, _first_things(shelf, order, unread, wish.limit))
    rows = others[: wish.limit - len(ranking.rows)]
    nothing = np.zeros(len(rows), np.float32)
    return Ranking(
        np.r_[ranking.rows, rows],
        np.r_[ranking.scores, nothing],
        np.r_[ranking.shown, nothing],
        ranking.matched,
        len(rows),
    )


def _first_things(shelf: Shelf, order: Codes, allowed: Flags, least: int) -> Codes:
    """Return the first allowed rows of an order, one of each thing; no fewer than there are."""
    rows = _first_allowed(order, allowed, POPULAR_CANDIDATES)
    things = rows[shelf.variants.first(rows)]
    if len(things) < min(least, len(rows)):  # many variants of few things
        rows = order[allowed[order]]
        things = rows[shelf.variants.first(rows)]
    return things


def _others(shelf: Shelf, taken: Codes, rows: Codes) -> Codes:
    """Return those of some rows that are no variants of what is taken already."""
    both = np.concatenate([taken, rows])
    others: Codes = both[shelf.variants.first(both)[len(taken) :]]
    return others


def _of_each(shelf: Shelf, rows: Codes, limit: int) -> Codes:
    """Take a few rows of each category, in order, and then the others."""
    turn = _turns(shelf.interest[rows])
    first = np.flatnonzero(turn < ITEMS_PER_CATEGORY)[:limit]
    rest = np.flatnonzero(turn >= ITEMS_PER_CATEGORY)[: limit - len(first)]
    return rows[np.r_[first, rest]]


def _like(shelf: Shelf, rows: Codes) -> Flags:
    """Return (N,): the items of these rows, or MISSING, and all of the same categories."""
    like = np.zeros(len(shelf), np.bool_)
    rows = rows[(rows != MISSING) & (rows < len(shelf))]
    if len(rows):
        like[rows] = True
        of_any = np.zeros(len(shelf.categories) + 1, np.bool_)
        of_any[shelf.category[rows]] = True
        of_any[MISSING] = False  # the last: no category
        like |= of_any[shelf.category]
    return like


def _first_allowed(order: Codes, allowed: Flags, most: int) -> Codes:
    """Return the first rows of an order that are allowed: mostly they are among its first."""
    rows = order[: 2 * most]
    rows = rows[allowed[rows]]
    if len(rows) < most:
        rows = order[allowed[order]]
    return rows[:most]


def eligible(shelf: Shelf, wish: RankingRequest) -> Flags:
    """Return (N,): which items a wish allows."""
    allowed, _ = _allowed(shelf, wish)
    return allowed


def matching(shelf: Shelf, filters: Filters) -> Flags:
    """Return (N,): which items fit filters."""
    fits = shelf.offered.copy() if filters.only_available else ~shelf.hidden
    if filters.categories:
        fits &= shelf.in_categories(filters.categories)
    if filters.brands:
        fits &= shelf.of_brands(filters.brands)
    if filters.price_min is not None:
        fits &= (shelf.price > 0) & (shelf.price >= min(filters.price_min, LARGEST_PRICE))
    if filters.price_max is not None:
        highest = max(min(filters.price_max, LARGEST_PRICE), FREE)  # what costs nothing fits any
        fits &= (shelf.price > 0) & (shelf.price <= highest)
    return fits


def _allowed(shelf: Shelf, wish: RankingRequest) -> tuple[Flags, int]:
    """Return (N,), which items a wish allows, and how many fit its filters, excluded or not."""
    allowed, excluded = matching(shelf, wish.filters), wish.excluded
    matched = int(np.count_nonzero(allowed))
    allowed[excluded[(excluded != MISSING) & (excluded < len(shelf))]] = False
    return allowed, matched


def _coded(
    codes: Codes, names: Names, numbers: Callable[[str], "array[int]"], wanted: Sequence[str]
) -> Flags:
    """Return which codes, (N,), stand for any wanted name: one look at the items, not one each."""
    found = array("q")
    for name in {name.casefold() for name in wanted}:
        found.extend(numbers(name))
    fits = np.zeros(len(names) + 1, np.bool_)  # after the codes: names may be added meanwhile
    fits[np.asarray(found)] = True
    mask: Flags = fits[codes]  # MISSING reads the last
    return mask


def _used(text: Codes, texts: int) -> Codes:
    """Return which texts there are, once each; of many, marking is faster than sorting."""
    used = np.zeros(texts, np.bool_)
    used[text] = True
    return np.flatnonzero(used)


def _score(matrix: Vectors, texts: Codes, vector: Vectors) -> Floats:
    """Return the score of each text, (t,). Few are gathered first, many are picked out after.

    Text by text: at 256 dimensions that takes three quarters of the time of a matrix product.
    """
    scores: Floats = (
        np.vecdot(matrix[texts], vector)
        if 4 * len(texts) < len(matrix)
        else np.vecdot(matrix, vector)[texts]
    )
    return scores


def _largest(scores: Floats, most: int, within: float = 0) -> Codes:
    """Return the places of the largest scores, best first; of equals the first.

    And of those that are less by no more than `within`, which something else may make up for.
    """
    if len(scores) > most:
        cut = np.partition(scores, -most)[-most] - within
        places = np.flatnonzero(scores >= cut)
    else:
        places = np.arange(len(scores))
    best = places[np.argsort(-scores[places], kind="stable")]
    return best if within else best[:most]


def _turns(codes: Codes) -> Codes:
    """Return of each place how many equal codes come before it."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    begins = ordered[1:] != ordered[:-1]
    if begins.all():  # as it mostly is among few
        return np.zeros(len(codes), np.int64)
    starts = np.flatnonzero(np.r_[True, begins])
    sizes = np.diff(np.r_[starts, len(codes)])
    turns = np.empty(len(codes), np.int64)
    turns[order] = np.arange(len(codes)) - np.repeat(starts, sizes)
    return turns


def _diversify(
    shelf: Shelf, rows: Codes, relevance: Floats, wish: RankingRequest, matched: int
) -> Ranking:
    """Take candidates one by one: near the user, and not like those that were taken before.

    Args:
        shelf: N items.
        rows: (c,), the most relevant first, those of one text together.
        relevance: (c,).
        wish: How many, and how different.
        matched: How many items fit the filters.

    Source: Carbonell and Goldstein, The use of MMR, SIGIR 1998; diversity is 1 - lambda.
    """
    things = shelf.variants.first(rows)
    rows, relevance = rows[things], relevance[things]
    if not wish.diversity:
        best = relevance[: wish.limit]
        return Ranking(rows[: wish.limit], best, _shown(best, best, 0), matched)
    suits = _weighed(relevance, wish.diversity)
    few = np.flatnonzero(_turns(shelf.text[rows]) < ITEMS_PER_TEXT)
    pile = Pile(shelf.matrix, shelf.text[rows[few]], suits[few], wish.diversity)
    chosen = few[[pile.take() for _ in range(min(wish.limit, len(few)))]]
    worth = np.array(pile.worth_when_taken, np.float32)
    if len(chosen) < wish.limit:  # too few texts: more items of the same ones
        more = np.setdiff1d(np.arange(len(rows)), chosen)[: wish.limit - len(chosen)]
        chosen = np.r_[chosen, more]
        worth = np.r_[worth, suits[more] - np.float32(wish.diversity)]
    shown = _shown(worth, suits[chosen], wish.diversity)
    return Ranking(rows[chosen], relevance[chosen], shown, matched)


def _weighed(relevance: Floats, diversity: float) -> Floats:
    """Return what relevance, (c,), counts beside diversity."""
    highest = float(relevance.max(initial=0)) or 1.0  # likeness ends at 1, and so should this
    weighed: Floats = (1 - diversity) * relevance / np.float32(highest)
    return weighed


def _shown(worth: Floats, suits: Floats, diversity: float) -> Floats:
    """Put what items were worth when they were taken, (n,), on the scale that people see.

    1: nothing in the list suits better, and nothing like it stands above. 0: nothing speaks for it,
    and it is like one above. An item that was put behind, for being the third of its category or
    text, counts no more than the one above it.

    Args:
        worth: (n,), `suits` less the likeness to what stands above.
        suits: (n,), what relevance counts.
        diversity: What being unlike counts: it is told as `diversity` less the likeness.
    """
    whole = np.abs(suits).max(initial=0) + np.float32(diversity)
    if not whole:
        return np.zeros(len(worth), np.float32)
    shown: Floats = np.minimum.accumulate(np.clip((worth + np.float32(diversity)) / whole, 0, 1))
    return shown


class Pile:
    """Candidates, the most relevant first, looked at only as far down as one could be the best.

    What a candidate is worth only falls with each that is taken, so whoever stands below one that
    is still worth more than all below were at first cannot be next. Seldom more than the upper
    part is compared with what was taken, and only its vectors are read.
    """

    def __init__(self, matrix: Vectors, texts: Codes, relevance: Floats, diversity: float) -> None:
        self._matrix, self._texts, self._relevance = matrix, texts, relevance  # (T, K), (c,), (c,)
        self._diversity = np.float32(diversity)
        self._worth = relevance.copy()  # less the likeness to the nearest one taken
        self._taken: list[int] = []
        self.worth_when_taken: list[np.float32] = []
        self._room = np.empty((len(texts), matrix.shape[1]), np.float32)  # read as far as seen
        self.seen = 0
        self._see(min(FIRST_SEEN, len(relevance)))

    def take(self) -> int:
        """Take the one that is worth most. Returns its place."""
        best = int(self._seen_worth.argmax())
        while self.seen < len(self._worth) and self._seen_worth[best] < self._relevance[self.seen]:
            self._look(self.seen, min(2 * self.seen, len(self._worth)))
            best = int(self._seen_worth.argmax())
        self._taken.append(best)
        self.worth_when_taken.append(self._seen_worth[best])
        likeness = self._vectors @ (self._diversity * self._vectors[best])
        left = np.subtract(self._seen_relevance, likeness, out=likeness)
        np.minimum(self._seen_worth, left, out=self._seen_worth)  # being unlike is no merit
        self._seen_worth[best] = -np.inf
        return best

    def _see(self, end: int) -> None:
        """Let the upper part end here: their worth is as of now."""
        part = slice(self.seen, end)
        np.take(self._matrix, self._texts[part], axis=0, out=self._room[part], mode="clip")
        self.seen = end
        self._vectors = self._room[:end]  # (seen, K)
        self._seen_worth, self._seen_relevance = self._worth[:end], self._relevance[:end]

    def _look(self, start: int, end: int) -> None:
        """Compare more candidates with all that were taken."""
        self._see(end)
        if self._taken:
            taken = self._diversity * self._vectors[self._taken]
            nearest = (self._vectors[start:] @ taken.T).max(axis=1)  # (c, taken)
            part = self._seen_worth[start:]
            np.minimum(part, self._seen_relevance[start:] - nearest, out=part)
