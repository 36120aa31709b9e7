"""The catalogue in memory: items as rows of arrays, with their texts' vectors.

A mirror of what the index worker keeps in Redis. The update worker paints from it, the service
ranks over it. Items that share a text share a vector. Rows are not removed: a withdrawn item stays
for the sake of those who remember it, and is never offered. Of a forgotten one, which events had
introduced, the id stays, until there are so many that the catalogue is better read anew.

One task changes it, any thread may look up events: a row is written before it can be found, and an
item that has changed is seen where it was until it is placed anew.
"""

from itertools import islice

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import MISSING, Codes
from portrait.catalogue.names import Names, Paths
from portrait.catalogue.traits import Traits, levels_of, tops_of
from portrait.catalogue.variants import Groups
from portrait.catalogue.vectors import VectorTable
from portrait.events.category import interest_category
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.events.item import IntroducedItem, Item
from portrait.events.price import held
from portrait.hash_index import HashIndex
from portrait.model.model import Model
from portrait.model.space import Vectors
from portrait.ref import item_ref, text_ref
from portrait.times import to_ms

FIRST_ROWS = 1_024
FORGOTTEN_ROWS = 10_000  # and half as many as all others: then they cost more than a fresh start
LISTED, INTRODUCED, FORGOTTEN = 0, 1, 2  # who speaks of an item: the catalogue, events, nobody
ALWAYS, FOREVER = np.iinfo(np.int64).min, np.iinfo(np.int64).max  # from when, until when
UNPLACED = -2  # a text whose category has not been looked for yet
LEAST_SIMILARITY = 0.32  # to an item or a category's name, for a search to be about what we sell
LEAST_AGREED, AGREEMENT = 0.25, 0.6  # to an item, where such a share of the votes is for one
VOTERS = 10  # items nearest to a search, whose categories say what it is about
GROWN = 1.1  # times the items there were: searches are placed again
MOST_SIMILARITIES = 4_000_000  # held at once: 16 MB

ITEM = np.dtype(
    [
        ("ref", "<u8"),
        ("text", "<i8"),  # row of its text's vector, or MISSING
        ("interest", "<i8"),  # code in `interests`: the category as deep as an interest names it
        ("category", "<i8"),  # code in `categories`: the whole path
        ("brand", "<i8"),  # code in `brands`
        ("price", "<f4"),  # 0 = not known, FREE = nothing to pay
        ("group", "<i8"),  # code in `groups`, or MISSING
        ("offered", "?"),  # available and not hidden
        ("hidden", "?"),  # withdrawn, or without a title: never recommended
        ("since", "<i8"),  # when it begins to be available, ms
        ("until", "<i8"),  # when it ends, ms
        ("place", "<i8"),  # row of the learned vectors, or MISSING
        ("neighbour", "<i8"),  # row of the co-occurrences, or MISSING
        ("origin", "u1"),  # LISTED, INTRODUCED or FORGOTTEN
        ("said", "u1"),  # how much events say of an introduced item
        ("touched", "<i8"),  # when an event last spoke of an introduced item, as far as known; ms
    ]
)


class Catalogue:
    """Items of N rows, and the vectors of one model that they stand on."""

    def __init__(self, model: Model) -> None:
        self.space_id = model.space_id  # of portraits
        self.text_space_id = model.space.id  # of the vectors of texts
        self.learned = model.learned
        self.vectors = VectorTable(model.space.dim)
        self.placed = VectorTable(model.learned.behaviour.dim if model.learned else 0)  # by event
        self._waiting: dict[int, int] = {}  # items to be placed: row by ref
        self.items: list[Item] = []
        self.interests = Paths()
        self.categories = Paths()
        self.brands = Names()
        self.groups = Groups()
        self._rows = np.zeros(FIRST_ROWS, ITEM)
        self._index = HashIndex()
        self._interest_refs = np.zeros(0, np.uint64)  # text_ref of each of `interests`, by code
        self._text_interest = np.full(FIRST_ROWS, UNPLACED, np.int64)  # by row of `vectors`
        self._traits: Traits | None = None  # until a category or a price changes
        self._placed_among = 0, 0  # categories and items there were when texts were placed

    def __len__(self) -> int:
        return len(self.items)

    @property
    def rows(self) -> NDArray[np.void]:
        """The items as (N,) of ITEM. A view: it is not to be written."""
        return self._rows[: len(self.items)]

    @property
    def traits(self) -> Traits:
        """What is known of the items besides their words; sorted once, until something changes."""
        if self._traits is None or len(self._traits.level) != len(self):
            category = self.rows["interest"].copy()
            levels = levels_of(category, self.rows["price"])
            self._traits = Traits(category, levels, tops_of(self.interests))
        return self._traits

    def put(self, item: Item) -> None:
        """Add or replace an item. The vectors of `texts_of(item)` come first."""
        ref = item_ref(item.id)
        row, place, neighbour, group = self.row(ref), MISSING, MISSING, MISSING
        before = self._traits_at(row)
        if row == MISSING:
            row = len(self.items)
            if row == len(self._rows):
                self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
            self.items.append(item)
        else:
            place, neighbour = self._rows["place"][row], self._rows["neighbour"][row]
            group = int(self._rows["group"][row])
        hidden = item.withdrawn or not item.title
        self.items[row] = item
        self._rows[row] = (
            ref,
            self.vectors.row(text_ref(item.text)),
            self.interests.code(interest_category(item.lies_in)),
            self.categories.code(item.lies_in),
            self.brands.code(item.made_by),
            held(item.price),
            self.groups.put(row, item.group_id, group),
            item.available and not hidden,
            hidden,
            ALWAYS if item.available_from is None else to_ms(item.available_from),
            FOREVER if item.available_until is None else to_ms(item.available_until),
            place,
            neighbour,
            INTRODUCED if isinstance(item, IntroducedItem) else LISTED,
            item.said,
            self._rows["touched"][row],
        )
        if before != self._traits_at(row):
            self._traits = None
        self._index.put(ref, row)
        self._waiting[ref] = row

    def _traits_at(self, row: int) -> tuple[int, float] | None:
        """Return what a row's traits depend on; None if it is not there yet."""
        if row == MISSING:
            return None
        return int(self._rows["interest"][row]), float(self._rows["price"][row])

    def forget(self, id: str) -> None:
        """Remember of an introduced item no more than its id: what points to it finds its row."""
        row = self.row(item_ref(id))
        if row != MISSING and self.rows["origin"][row] == INTRODUCED:
            self.put(Item(id=id, available=False, withdrawn=True))
            self._rows["origin"][row] = FORGOTTEN

    @property
    def is_littered(self) -> bool:
        """Whether so much is held of what is no more that it is time to read the catalogue anew.

        Of forgotten items, and of where items were placed before they changed.
        """
        forgotten = int((self.rows["origin"] == FORGOTTEN).sum())
        spare = FORGOTTEN_ROWS + (len(self) - forgotten) // 2
        moved = len(self.placed) - len(self) - len(self.vectors)
        return forgotten > spare or moved > spare

    def introduced(self) -> list[str]:
        """Return the ids of the items that only events know."""
        rows = np.flatnonzero(self.rows["origin"] == INTRODUCED)
        return [self.items[row].id for row in rows.tolist()]

    def touch(self, refs: NDArray[np.uint64], now_ms: int, again_ms: int) -> list[int]:
        """Return those of these items that the store is to be told of, now.

        The catalogue does not have them, as far as known here, and nobody said so since `again_ms`.
        """
        rows = self.find(refs)
        origin, touched = self._rows["origin"][rows], self._rows["touched"][rows]
        known = (rows != MISSING) & (origin != FORGOTTEN)
        fresh = known & ((origin == LISTED) | (touched > again_ms))
        self._rows["touched"][rows[known]] = now_ms
        untold: list[int] = refs[~fresh].tolist()
        return untold

    def said(self, refs: NDArray[np.uint64]) -> dict[int, int]:
        """Return how much is said of those of these items that only events know, by ref."""
        rows = self.find(refs)
        known = (rows != MISSING) & (self._rows["origin"][rows] == INTRODUCED)
        said: list[int] = self._rows["said"][rows[known]].tolist()
        return dict(zip(refs[known].tolist(), said, strict=True))

    def counts(self, refs: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Say which of these items may become popular: the catalogue's, and what is offered."""
        rows = self.find(refs)
        listed = (self.rows["origin"] == LISTED) | self.rows["offered"]
        return np.append(listed, False)[rows]  # MISSING reads the last

    def place(self) -> None:
        """Place the items that are new or have changed where the learned model sees them."""
        waiting, self._waiting = self._waiting, {}
        if not waiting or self.learned is None:
            return
        rows = np.array([*waiting.values()])
        refs = np.array([*waiting], np.uint64)
        self._replace(refs, self._seen(refs, self._rows["text"][rows]))
        self._rows["place"][rows] = self.placed.find(refs)
        self._rows["neighbour"][rows] = self.learned.neighbours.find(refs)

    def _replace(self, refs: NDArray[np.uint64], seen: Vectors) -> None:
        """Place items, (n,), where they are seen, (n, D); those that are there already stay."""
        known = self.placed.find(refs)
        moved = (known == MISSING) | (self.placed.matrix[known] != seen).any(axis=1)
        self.placed.replace(refs[moved].tolist(), seen[moved])

    def place_searches(self, refs: NDArray[np.uint64]) -> None:
        """Place searches, (n,) text refs, whose vectors are here."""
        unplaced = np.unique(refs[self.placed.find(refs) == MISSING])
        texts = self.vectors.find(unplaced)
        known = texts != MISSING
        if known.any():
            nameless = np.zeros(int(known.sum()), np.uint64)
            self.placed.put(unplaced[known].tolist(), self._seen(nameless, texts[known]))

    def row(self, ref: int) -> int:
        """Return the row of one item, or MISSING."""
        return int(self.find(np.array([ref], np.uint64))[0])

    def find(self, refs: NDArray[np.uint64]) -> Codes:
        """Return the row of each item, or MISSING. Any shape in, the same shape out."""
        return self._index.find(refs)

    def item(self, ref: int) -> Item | None:
        """Return the item with this ref, if it is known."""
        row = self.row(ref)
        return None if row == MISSING else self.items[row]

    def locate(self, ring: NDArray[np.void]) -> tuple[Codes, Codes]:
        """Find the item row and the text row of each event, or MISSING. Of the ring's shape."""
        refs = np.ascontiguousarray(ring["ref"])
        search = ring["action"] == ACTION_CODE[Action.SEARCH]
        items = self.find(np.where(search, np.uint64(0), refs))
        texts = np.where(items == MISSING, MISSING, self._rows["text"][items])
        if search.any():
            texts[search] = self.vectors.find(refs[search])
        return items, texts

    def interest_of(self, items: Codes, texts: Codes) -> Codes:
        """Return the interest code of each event: its item's, or what a search's text is about."""
        interest = np.where(items == MISSING, MISSING, self._rows["interest"][items])
        search = (items == MISSING) & (texts != MISSING)
        if search.any():
            interest[search] = self._interest_of_texts(texts[search])
        return interest

    def brand_of(self, items: Codes) -> Codes:
        """Return the brand code of each event's item, or MISSING."""
        return np.where(items == MISSING, MISSING, self._rows["brand"][items])

    def price_of(self, items: Codes) -> NDArray[np.float32]:
        """Return the catalogue's price of each event's item, or 0."""
        return np.where(items == MISSING, np.float32(0), self._rows["price"][items])

    def place_of(self, items: Codes) -> Codes:
        """Return the row of `placed` of each event's item, or MISSING."""
        return np.where(items == MISSING, MISSING, self._rows["place"][items])

    def offered(self, items: Codes) -> NDArray[np.bool_]:
        """Return which of these items may be offered at some time; MISSING may not."""
        offered: NDArray[np.bool_] = self._rows["offered"][items] & (items != MISSING)
        return offered

    def forget_searches(self) -> None:
        """Drop the vectors that no item stands on; Redis has them if they are needed again."""
        used = np.unique(np.r_[self.rows["text"], self._interest_rows()])
        refs = self.vectors.refs[self.rows["text"]]
        self.vectors = self.vectors.kept(used[used != MISSING])
        known = self.rows["text"] != MISSING
        self.rows["text"][known] = self.vectors.find(refs[known])
        self._text_interest = np.full(FIRST_ROWS, UNPLACED, np.int64)
        self.placed = VectorTable(self.placed.dim)
        self._waiting = dict(zip(self.rows["ref"].tolist(), range(len(self)), strict=True))

    def _seen(self, refs: NDArray[np.uint64], texts: Codes) -> Vectors:
        """Return where the learned model sees items, by their refs and text rows: (n, D)."""
        vectors = self.vectors.matrix[texts]
        vectors[texts == MISSING] = 0
        assert self.learned is not None  # noqa: S101
        return self.learned.behaviour.items(refs, vectors)

    def _interest_of_texts(self, texts: Codes) -> Codes:
        """Return what texts are about: looked for once, and again when the catalogue has grown."""
        names, items = self._placed_among
        if names != len(self.interests) or len(self) > GROWN * items:
            self._placed_among = len(self.interests), len(self)
            self._text_interest[:] = UNPLACED
        if len(self._text_interest) < len(self.vectors.matrix):
            more = len(self.vectors.matrix) - len(self._text_interest)
            self._text_interest = np.r_[self._text_interest, np.full(more, UNPLACED)]
        unplaced = np.unique(texts[self._text_interest[texts] == UNPLACED])
        step = max(1, MOST_SIMILARITIES // max(1, len(self.vectors.matrix)))
        for start in range(0, len(unplaced), step):
            part = unplaced[start : start + step]
            self._text_interest[part] = self._voted(part)
        return self._text_interest[texts]

    def _interest_rows(self) -> Codes:
        """Return the row of the vector of each interest's name, by code, or MISSING."""
        refs = self._interest_refs
        if len(refs) < len(self.interests):  # each name once: there are thousands
            more = [text_ref(name) for name in islice(self.interests, len(refs), None)]
            self._interest_refs = refs = np.append(refs, np.array(more, np.uint64))
        return self.vectors.find(refs)

    def _voted(self, texts: Codes) -> Codes:
        """Let the nearest items vote on the category of each text, (B,), by their similarity.

        So does a category whose name is near. Nothing near, or not quite and the items do not
        agree: MISSING. Similarities are rounded, so that their last bits, which depend on which
        texts are asked for together, decide nothing.
        """
        if not len(self.interests):
            return np.full(len(texts), MISSING)
        matrix = self.vectors.matrix
        similarity = np.round(matrix[texts] @ matrix.T, 4)  # (B, T)
        names = self._interest_rows()
        named = np.where(names != MISSING, similarity[:, names], 0)  # (B, C)
        votes = np.where(named >= LEAST_SIMILARITY, named, 0)
        near = (votes > 0).any(axis=1)
        text, interest = self.rows["text"], self.rows["interest"]
        voters = np.flatnonzero((text != MISSING) & (interest != MISSING))
        if len(voters):
            alike = similarity[:, text[voters]]  # (B, N)
            last = min(VOTERS, len(voters)) - 1
            nearest = np.argpartition(-alike, last, axis=1)[:, : last + 1]
            weight = np.maximum(np.take_along_axis(alike, nearest, axis=1), 0)
            of_items = np.zeros_like(votes)
            np.add.at(of_items, (np.arange(len(texts))[:, None], interest[voters[nearest]]), weight)
            votes += of_items
            agreed = of_items.max(axis=1) >= AGREEMENT * weight.sum(axis=1)
            likest = weight.max(axis=1)
            near |= (likest >= LEAST_SIMILARITY) | (agreed & (likest >= LEAST_AGREED))
        elected: Codes = np.where(near, votes.argmax(axis=1), MISSING)
        return elected


def texts_of(item: Item) -> tuple[str, ...]:
    """Name the texts an item needs vectors of: its own, and its category's name."""
    return tuple(text for text in (item.text, interest_category(item.lies_in)) if text)
