"""Rulings: a book of rules over one shelf, ready to say what the rules want of a request.

book, shelf ─▶ a mask for each rule, beside the requests ─▶ which rules a request is subject to
            ─▶ the plan for these, kept for the next request that is subject to the same
"""

from collections import ChainMap, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import reduce

import numpy as np

from portrait.arrays import MISSING, Codes, Flags, Floats, Rows
from portrait.catalogue.edges import Edges
from portrait.events.event import Action
from portrait.inference.plan import Cap, Floor, Lift, Pin, Plan
from portrait.model.kinds import Kinds, action_of, factors_of
from portrait.rules.attributes import number_of
from portrait.rules.condition import Range, RequestCondition
from portrait.rules.masks import ALONE, Beside, Masks, within
from portrait.rules.rule import Kind, Rule, RuleBook
from portrait.times import HOUR_MS

MOST_PLANS = 32  # kept; of 100,000 items a plan has some 600 KB


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as rules see it."""

    is_known: bool = False  # it names a user who is no anonymous visitor
    declared: Mapping[str, str] = field(default_factory=dict)  # of the user
    beside: Beside = ALONE  # the item that is viewed, and what they have
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Ruled:
    """What one rule wants of a request: which items it is about, and how many are on offer."""

    rule: Rule
    items: Flags  # (N,)
    on_offer: int

    @property
    def kind(self) -> Kind:
        """What it does."""
        return self.rule.do.kind


@dataclass(frozen=True, slots=True)
class Ruling:
    """What all rules want of a request."""

    ruled: tuple[Ruled, ...]
    plan: Plan

    @property
    def arranges(self) -> bool:
        """Whether they want anything of the items of a list."""
        return any(each.kind != "count" for each in self.ruled)

    @property
    def factors(self) -> Floats | None:
        """What events count by their kinds, (KINDS,); None: no rule says so.

        Of two rules that say it of one action the first counts.
        """
        said = [each.rule.do.count for each in self.ruled if each.rule.do.count is not None]
        if not said:
            return None
        return factors_of({Action(name): factor for name, factor in ChainMap(*said).items()})

    def counting(self, kinds: Kinds) -> list[str]:
        """Name the rules that say what events of some kinds, (n,), count."""
        actions, found = {action_of(kind).value for kind in kinds.tolist()}, list[str]()
        for each in self.ruled:
            said = actions.intersection(each.rule.do.count or ())
            if said:
                found.append(each.rule.id)
                actions -= said
        return found

    def about(self, row: int, put_by: str | None) -> list[str]:
        """Name the rules that have put an item where it is, or moved it."""
        moved = [lift.by for lift in self.plan.lifts if lift.items[row]]
        return moved if put_by is None else [put_by, *moved]

    def against(self, row: int, listed: Rows) -> list[str]:
        """Name the rules that keep an item out of a list, (n,) rows, or may: they hold it down."""
        barring = [each for each in self.ruled if each.kind == "exclude" and each.items[row]]
        down = [lift.by for lift in self.plan.lifts if lift.by_how_much < 0 and lift.items[row]]
        full = [
            cap.by
            for cap in self.plan.caps
            if (kind := cap.kind[row]) != MISSING
            and np.count_nonzero(cap.kind[listed] == kind) >= cap.most
        ]
        return [*(each.rule.id for each in barring), *down, *full]


NOTHING = Ruling((), Plan())


class Rulings:
    """A book over a shelf, as of an hour: items grow older. One thread at a time asks."""

    def __init__(self, book: RuleBook, masks: Masks) -> None:
        """Look at all items once for each rule: .1 to .3 ms each at 100,000 items."""
        self.book = book
        self._masks = masks
        self._plans: OrderedDict[tuple[str, ...], Ruling] = OrderedDict()
        self._standing = {
            rule.id: self._ruled(rule, ALONE) for rule in book.rules if not rule.is_relative
        }
        asking = [rule.when for rule in book.rules if rule.when is not None]
        self._viewed = {
            id(condition): masks.of(condition)
            for when in asking
            for condition in when.viewed_conditions
        }

    @property
    def edges(self) -> Edges:
        """What is known of pairs of items."""
        return self._masks.edges

    def is_of(self, book: RuleBook, edges: Edges, now_ms: int) -> bool:
        """Say whether this is what a book says at a moment, by what edges say."""
        is_same_hour = self._masks.now_ms // HOUR_MS == now_ms // HOUR_MS
        is_same = self.book is book and self._masks.edges is edges
        return is_same and (is_same_hour or not book.rules)

    def ruling(self, asked: Asked) -> Ruling:
        """Return what the rules want of a request. Blocks for less than a millisecond."""
        subject = [rule for rule in self.book.rules if self._is_subject(asked, rule)]
        if not subject:
            return NOTHING
        standing = self._kept([rule for rule in subject if not rule.is_relative])
        found = [self._ruled(rule, asked.beside) for rule in subject if rule.is_relative]
        compared = tuple(each for each in found if each is not None)
        if not compared:
            return standing
        place_of = {rule.id: place for place, rule in enumerate(subject)}
        ruled = sorted((*standing.ruled, *compared), key=lambda each: place_of[each.rule.id])
        return Ruling(tuple(ruled), standing.plan.joined(self._plan(compared), place_of))

    def _kept(self, subject: Sequence[Rule]) -> Ruling:
        """Return what some rules want that compare nothing; it is made once."""
        key = tuple(rule.id for rule in subject)
        kept = self._plans.get(key)
        if kept is None:
            found = [self._standing[rule.id] for rule in subject]
            ruled = tuple(each for each in found if each is not None)
            kept = self._plans[key] = Ruling(ruled, self._plan(ruled))
            while len(self._plans) > MOST_PLANS:
                self._plans.popitem(last=False)
        return kept

    def _is_subject(self, asked: Asked, rule: Rule) -> bool:
        return rule.holds_at(asked.at) and (rule.when is None or self._holds(rule.when, asked))

    def _holds(self, when: RequestCondition, asked: Asked) -> bool:
        """Say whether a condition holds of a request."""
        if when.user is not None and (when.user == "known") != asked.is_known:
            return False
        for name, test in (when.declared or {}).items():
            if not _is(asked.declared.get(name), test):
                return False
        if when.viewed is not None:
            mask, viewed = self._viewed[id(when.viewed)], asked.beside.viewed
            if mask is None or viewed == MISSING or not mask[viewed]:
                return False
        if not all(self._holds(part, asked) for part in when.all_ or ()):
            return False
        if when.any_ and not any(self._holds(part, asked) for part in when.any_):
            return False
        return when.not_ is None or not self._holds(when.not_, asked)

    def _ruled(self, rule: Rule, beside: Beside) -> Ruled | None:
        mask = self._masks.of(rule.where, beside)
        if mask is None:
            return None
        return Ruled(rule, mask, int(np.count_nonzero(mask & self._masks.shelf.offered)))

    def _plan(self, ruled: Sequence[Ruled]) -> Plan:
        barred = [each.items for each in ruled if each.kind == "exclude"]
        lifts = [
            Lift(each.rule.id, each.items, (each.rule.do.boost or 0) - (each.rule.do.bury or 0))
            for each in ruled
            if each.kind in {"boost", "bury"}
        ]
        return Plan(
            barred=reduce(np.logical_or, barred) if barred else None,
            lift=_sum(lifts) if lifts else None,
            lifts=tuple(lifts),
            pins=tuple(
                Pin(each.rule.id, each.items, pin.position - 1, pin.items)
                for each in ruled
                if (pin := each.rule.do.pin) is not None
            ),
            floors=tuple(
                Floor(each.rule.id, each.items, quota.least)
                for each in ruled
                if (quota := each.rule.do.quota) is not None and quota.least is not None
            ),
            caps=tuple(
                Cap(each.rule.id, self._kind(each, quota.per), quota.most)
                for each in ruled
                if (quota := each.rule.do.quota) is not None and quota.most is not None
            ),
        )

    def _kind(self, ruled: Ruled, per: str | None) -> Codes:
        kind = np.zeros(len(ruled.items), np.int64) if per is None else self._masks.kind(per)
        counted: Codes = np.where(ruled.items, kind, MISSING)
        return counted


def _sum(lifts: Sequence[Lift]) -> Floats:
    """Add up what each item is lifted by, (N,)."""
    whole = np.zeros(len(lifts[0].items), np.float32)
    for lift in lifts:
        whole += np.float32(lift.by_how_much) * lift.items
    return whole


def _is(said: str | None, test: Range | tuple[str, ...]) -> bool:
    """Say whether what a request declares is one of some values, or within a range."""
    if said is None:
        return False
    if isinstance(test, Range):
        return bool(within(np.array([number_of(said)]), test)[0])
    return said.casefold() in {value.casefold() for value in test}
