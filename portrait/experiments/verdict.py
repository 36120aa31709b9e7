"""Verdicts: what an experiment's figures say so far, in numbers and in one plain sentence.

Whether people were divided as they should be is asked first: where they were not, something else
differs between the variants than what was meant to, and nothing that follows can be believed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isinf

from portrait.experiments.counts import ALPHA, Lift, lift_of, ratio_p
from portrait.experiments.definition import Definition, ExperimentKind, Goal
from portrait.experiments.means import mean_lift_of
from portrait.experiments.tally import WORTH, sums_of

Counts = Mapping[str, Mapping[str, float]]  # by variant and metric
NOBODY: Mapping[str, float] = {}
NOT_DIVIDED = 0.001  # below so little people were not divided as the split says

_DID = {
    Goal.CLICKS: "touch something of a list",
    Goal.CARTS: "put something of a list into the cart",
    Goal.PURCHASES: "buy something of a list",
    Goal.REVENUE: "spend on what lists led to",
    Goal.SPENDING: "spend",
}


class End(StrEnum):
    """What can be said."""

    NOT_DIVIDED = "not_divided"  # believe nothing
    OPEN = "open"  # no difference that chance would not explain
    BETTER = "better"  # than the first variant, by the goal
    WORSE = "worse"
    MIXED = "mixed"  # of several variants one is better and another worse


@dataclass(frozen=True, slots=True)
class Compared:
    """One variant beside the first, by one goal."""

    variant: str
    goal: Goal
    value: float  # share of the people, or a person's mean
    lift: Lift | None  # None: it is the first


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the figures say so far."""

    end: End
    sentence: str
    ratio_p: float  # how sure it is that people were divided as they should be
    people: Mapping[str, int]  # lists that speak for a ranking, where they are interleaved
    compared: tuple[Compared, ...]


def verdict_of(definition: Definition, counts: Counts) -> Verdict:
    """Say what has come of an experiment; it may be asked at any time, and as often as one likes.

    Every interval and p of an experiment holds at all moments together, 95 times in 100, for all of
    its variants by one goal.
    """
    if definition.kind is ExperimentKind.INTERLEAVING:
        return _interleaved(definition, counts)
    people = {
        name: round(counts.get(name, NOBODY).get("people", 0)) for name in definition.variants
    }
    divided = ratio_p([*people.values()], [*definition.shares.values()])
    compared = tuple(
        _compared(definition, counts, name, goal) for goal in Goal for name in definition.variants
    )
    told = [each for each in compared if each.goal is definition.goal]
    end = End.NOT_DIVIDED if divided < NOT_DIVIDED else _end(told)
    return Verdict(end, _sentence(end, definition, told), divided, people, compared)


def _compared(definition: Definition, counts: Counts, name: str, goal: Goal) -> Compared:
    (first, *others) = definition.variants
    mine, control = counts.get(name, NOBODY), counts.get(first, NOBODY)
    alpha, people = ALPHA / len(others), mine.get("people", 0)
    lift: Lift | None = None
    if goal in WORTH:
        value = sums_of(mine, goal).mean
        if name != first:
            lift = mean_lift_of(sums_of(mine, goal), sums_of(control, goal), alpha)
    else:
        done, before = (round(each.get(f"{goal}_people", 0)) for each in (mine, control))
        value = done / people if people else 0.0
        if name != first:
            chance = definition.shares[name] / (definition.shares[name] + definition.shares[first])
            lift = lift_of(done, before, chance, alpha)
    return Compared(name, goal, value, lift)


def _interleaved(definition: Definition, counts: Counts) -> Verdict:
    first, second = definition.variants
    lists = {n: round(counts.get(n, NOBODY).get("lists_preferred", 0)) for n in (first, second)}
    told = sum(lists.values())
    shares = [lists[name] / told if told else 0.0 for name in (first, second)]
    lift = lift_of(lists[second], lists[first], 1 / 2)
    compared = (
        Compared(first, Goal.CLICKS, shares[0], None),
        Compared(second, Goal.CLICKS, shares[1], lift),
    )
    end = _end(compared)
    how = f"{lists[second]} of {told} lists in which anything was touched speak for `{second}`"
    rest = {
        End.OPEN: f"{how}: that may be chance.",
        End.BETTER: f"{how}: it is preferred to `{first}`.",
        End.WORSE: f"{how}: `{first}` is preferred.",
    }
    return Verdict(end, rest[end], 1.0, lists, compared)


def _end(compared: list[Compared] | tuple[Compared, ...]) -> End:
    lifts = [each.lift for each in compared if each.lift is not None]
    is_better, is_worse = any(each.low > 0 for each in lifts), any(each.high < 0 for each in lifts)
    if is_better and is_worse:
        return End.MIXED
    return End.BETTER if is_better else End.WORSE if is_worse else End.OPEN


def _sentence(end: End, definition: Definition, told: list[Compared]) -> str:
    if end is End.NOT_DIVIDED:
        return (
            "People are not divided among the variants as they should be, so something else "
            "differs between them: believe none of these figures, and look for the cause first."
        )
    first = told[0].variant
    return " ".join(_of_variant(first, definition.goal, each) for each in told[1:])


def _of_variant(first: str, goal: Goal, told: Compared) -> str:
    lift = told.lift
    assert lift is not None  # noqa: S101 - only the first has none
    name, did = told.variant, _DID[goal]
    who = f"With `{name}` people" if goal in WORTH else f"With `{name}`"
    amount = (
        f"{who} {did} {told.value:.2f} each" if goal in WORTH else f"{who} {told.value:.1%} {did}"
    )
    if lift.lift is None or isinf(lift.high):
        return f"{amount}; that is too little to be compared with `{first}` yet."
    between = f"between {lift.low:+.1%} and {lift.high:+.1%}"
    if lift.low > 0:
        return f"{amount}, {lift.lift:.1%} more than with `{first}` ({between}): it is better."
    if lift.high < 0:
        return f"{amount}, {-lift.lift:.1%} less than with `{first}` ({between}): it is worse."
    return f"{amount}, beside `{first}` {lift.lift:+.1%} ({between}): that may be chance."
