"""View: what requests read, of one shop; replaced whole and never changed.

one model ─▶ Source: its catalogue in memory, which grows ─┐
popularity ─▶ weights by item ─────────────────────────────┼─▶ View
rules, edges ─▶ Rulings: masks over the catalogue ─────────┘
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Lock

import numpy as np

from portrait.arrays import MISSING, Codes, Floats, Refs
from portrait.catalogue.declared_groups import blended, groups_of
from portrait.catalogue.edges import Edges
from portrait.catalogue.lexical import Lexicon
from portrait.catalogue.mirror import Mirror
from portrait.catalogue.names import Names
from portrait.catalogue.popularity import THOUSANDTHS, Popularity, popularity_of
from portrait.catalogue.spelling import Spellings
from portrait.events.item import IntroducedItem, Item
from portrait.inference.ranking import Ranking
from portrait.inference.shelf import Shelf, shelf_of
from portrait.model.model import Model
from portrait.ref import item_ref
from portrait.rules.attributes import Columns
from portrait.rules.masks import Masks
from portrait.rules.rule import RuleBook
from portrait.rules.rulings import Rulings
from service.answers import Answers
from service.indexed import Indexed

SPARE_TEXTS = 50_000  # vectors of searches kept in memory (50 MB) before a fresh mirror is built

MORE = np.float32(1.05)  # times as much as everybody want what a group wants of its own
MOST_AMONG = 64  # combinations of groups that are kept: 1.2 MB each at 100,000 items

Ruled = tuple[RuleBook, Edges]  # what rulings are made of
GroupWeights = Mapping[str, Mapping[str, int]]  # thousandths by item id, by group


class CountingMirror(Mirror):
    """A mirror that says how often it has changed."""

    changes = 0

    async def refresh(self, ids: Iterable[str]) -> None:
        """Read these items again."""
        changed = list(ids)
        await super().refresh(changed)
        self.changes += len(changed)


@dataclass(frozen=True, slots=True)
class Source:
    """One model's catalogue in memory. Grows while it is followed."""

    model: Model
    mirror: CountingMirror
    lexicon: Lexicon = field(default_factory=Lexicon)
    rows: dict[int, int] = field(default_factory=dict)  # of items by item_ref: one at a time
    categories: Spellings = field(default_factory=Spellings)
    brands: Spellings = field(default_factory=partial(Spellings, are_paths=False))
    attributes: Columns = field(default_factory=Columns)  # that rules look at
    indexed: Indexed = field(default_factory=Indexed)  # where there are very many
    _turn: Lock = field(default_factory=Lock)  # whoever looks at the catalogue does so in a thread

    @property
    def is_crowded(self) -> bool:
        """Whether searches have brought in so many vectors that it is time to start afresh."""
        catalogue = self.mirror.catalogue
        crowded = len(catalogue.vectors) > 2 * len(catalogue) + SPARE_TEXTS
        return crowded or catalogue.is_littered

    @property
    def items(self) -> list[Item]:
        """The items by row."""
        return self.mirror.catalogue.items

    def learn(self, shelf: Shelf) -> None:
        """Add the words, names and rows that are new on the shelf; rows are never moved."""
        with self._turn:
            known = len(self.rows)
            refs = self.mirror.catalogue.rows["ref"][known : len(shelf)].tolist()
            self.rows.update(zip(refs, range(known, known + len(refs)), strict=True))
            self.lexicon.learn(shelf.items, shelf.text)
            self.categories.learn(_named(shelf.categories, shelf.sold_categories))
            self.brands.learn(_named(shelf.brands, shelf.sold_brands))

    def rulings(self, book: RuleBook, edges: Edges, shelf: Shelf) -> Rulings:
        """Look at a shelf by the rules of a book, and by what is known of pairs of items."""
        names = {name for rule in book.rules for name in rule.attribute_names}
        with self._turn:
            columns = self.attributes.learn(shelf.items, names)
        now = round(time.time() * 1_000)
        return Rulings(book, Masks(shelf, columns, self.rows, now, edges))


def _named(names: Names, codes: Collection[int]) -> Iterator[str]:
    return (name for code, name in enumerate(names) if code in codes)


@dataclass(frozen=True, slots=True)
class View:
    """What requests read: one model, its catalogue ready to rank, what is popular."""

    source: Source
    shelf: Shelf
    popularity: Popularity
    changes: int  # of the mirror, when this was made
    revision: str  # of the catalogue, likewise
    weights: Mapping[str, int]  # that the popularity was made of
    group_weights: GroupWeights  # that the groups were made of
    groups: Mapping[str, tuple[Codes, Floats]]  # rows, and how much each is wanted there
    rulings: Rulings  # what the shop wants of lists
    written: Answers = field(default_factory=Answers)
    popular: dict[int, Ranking] = field(default_factory=dict)  # of those without wishes, by limit
    popular_among: Sequence[str] = ()  # what is said of whose it is; nothing: of everybody
    of_everybody: Floats | None = None  # (N,) weights, where the popularity is of groups
    among: dict[tuple[str, ...], tuple[Popularity, dict[int, Ranking]]] = field(
        default_factory=dict
    )  # both of these, by groups

    @property
    def model(self) -> Model:
        """The model in service."""
        return self.source.model

    def for_declared(self, declared: Mapping[str, str], counted: Collection[str]) -> "View":
        """Return the same with what is popular among those of whom the same is declared.

        It is itself where nobody knows that of anybody. Blocks for milliseconds.
        """
        named = groups_of(declared, counted) if self.groups and declared else {}
        groups = tuple(group for group in named if group in self.groups)
        if not groups:
            return self
        known = self.among.pop(groups, None) or (self._among(groups), {})
        self.among[groups] = known  # the last: what was asked for longest ago goes first
        if len(self.among) > MOST_AMONG:
            self.among.pop(next(iter(self.among)))
        popularity, popular = known
        said = tuple(named[group] for group in groups)
        return replace(
            self,
            popularity=popularity,
            popular=popular,
            popular_among=said,
            of_everybody=self.popularity.weights,
        )

    def among_whom(self, rows: Codes) -> list[Sequence[str]]:
        """Say of whom (n,) rows are popular: of the groups, where these want them more than all."""
        if self.of_everybody is None:
            return [()] * len(rows)
        more = self.popularity.weights[rows] > MORE * self.of_everybody[rows]
        return [self.popular_among if is_more else () for is_more in more.tolist()]

    def _among(self, groups: Sequence[str]) -> Popularity:
        everybody = self.popularity.weights
        wanted = [np.zeros_like(everybody) for _ in groups]
        for weights, group in zip(wanted, groups, strict=True):
            rows, values = self.groups[group]
            weights[rows] = values
        blend = blended(everybody, wanted)
        return Popularity(blend, np.argsort(-blend, kind="stable"))

    def tried(self, book: RuleBook) -> Rulings:
        """Return what other rules would say of the same."""
        return self.source.rulings(book, self.rulings.edges, self.shelf)

    @property
    def is_bare(self) -> bool:
        """Whether the catalogue is empty: items that events alone speak of are not in it."""
        return all(isinstance(item, IntroducedItem) for item in self.source.items)


def is_current(
    view: View | None,
    source: Source,
    weights: Mapping[str, int],
    group_weights: GroupWeights,
    rules: Ruled,
) -> bool:
    """Say whether a view is what would be made now."""
    now = time.time() * 1_000
    return (
        view is not None
        and view.source is source
        and view.weights is weights
        and view.group_weights is group_weights
        and view.changes == source.mirror.changes
        and now < view.shelf.changes_at
        and view.rulings.is_of(*rules, round(now))
    )


def look(
    source: Source,
    weights: Mapping[str, int],
    group_weights: GroupWeights,
    before: View | None,
    rules: Ruled,
) -> View:
    """Make a view, in a thread. The mirror changes only in the task that waits for this."""
    mirror = source.mirror
    shelf = source.indexed.on(shelf_of(mirror.catalogue))
    source.learn(shelf)
    if before is not None and before.source is source and before.weights is weights:
        popularity = before.popularity.padded(len(shelf))
    else:
        popularity = popularity_of(mirror.catalogue, weights)
    is_same = before is not None and before.source is source
    if before is not None and is_same and before.group_weights is group_weights:
        groups = before.groups  # rows are never moved
    else:
        groups = {
            name: _placed(mirror.catalogue.find, some, len(popularity.weights))
            for name, some in group_weights.items()
        }
    return View(
        source,
        shelf,
        popularity,
        mirror.changes,
        mirror.revision,
        weights,
        group_weights,
        groups,
        source.rulings(*rules, shelf),
    )


def _placed(
    find: Callable[[Refs], Codes], weights: Mapping[str, int], items: int
) -> tuple[Codes, Floats]:
    """Return the rows of item ids, and their weights; of N items those that are known."""
    refs = np.fromiter(map(item_ref, weights), np.uint64, len(weights))
    values = np.fromiter(weights.values(), np.float32, len(weights)) / np.float32(THOUSANDTHS)
    rows = find(refs)
    is_known = (rows != MISSING) & (rows < items)
    return rows[is_known], values[is_known]
