"""What has to be reached, and below what nothing may fall again.

A figure is 0 to 1, the more the better. A goal stands in one row, for the first model and for the
learned one alike; the floors hold what `--quick` measured with the bundled encoder, a little below.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.portrait.stack import FIRST, LEARNED
from sandbox.planted.words import Language

Figures = Mapping[str, float]  # by the key of a goal
Sides = Mapping[str, Figures]  # by the name of a side
MODELS = (FIRST, LEARNED)


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should be: a number, or at least as much as a baseline has."""

    key: str
    says: str
    least: float | str  # a number, or the name of the baseline

    def limit(self, sides: Sides) -> float:
        """Return the least that reaches the goal."""
        return self.least if isinstance(self.least, float) else sides[self.least][self.key]


GOALS = (
    Goal("interest.first", "the first interest is the strongest taste", 0.98),
    Goal("interest.three", "the tastes are the first three interests", 0.95),
    Goal("brand.three", "the favourite brand is among the first three", 0.95),
    Goal("trend.rising", "a rising or new taste is told to rise", 0.85),
    Goal("trend.steady", "a steady taste is told to be steady", 0.85),
    Goal("trend.fading", "a fading taste is told to fall", 0.85),
    Goal("trend.gone", "of who is gone it is said, and of nobody else", 0.85),
    Goal("search.new.first", "a search never made: the first item is meant", 0.9),
    Goal("search.new.five", "a search never made: of the first five", 0.85),
    Goal("search.made.first", "a search made before: the first item is meant", 0.9),
    Goal("search.made.five", "a search made before: of the first five", 0.85),
    Goal("search.interest", "one search becomes the right interest", 0.88),
    Goal("search.evidence", "and what was searched is shown as its evidence", 0.88),
    Goal("session.items.known", "two foreign items, known user: of the first five", 0.6),
    Goal("session.search.known", "one foreign search, known user: of the first five", 0.6),
    Goal("session.items.anonymous", "two items, anonymous: of the first five", 0.6),
    Goal("session.search.anonymous", "one search, anonymous: of the first five", 0.6),
    Goal("against.star", "one star lowers the item and its like", 0.95),
    Goal("against.text", "a negative text without stars lowers them", 0.95),
    Goal("against.praise", "a praise without stars does not", 0.95),
    Goal("against.return", "a return lowers them", 0.95),
    Goal("against.reasons", "nothing negative is a reason in favour", 1.0),
    Goal("against.only", "who only complained gets no anti-items: of the first ten", 0.9),
    Goal("odd.moved", "one odd purchase moves at most 3 of the first ten", 0.9),
    Goal("kin.five", "all of a category seen: next of kin among the first five", 0.8),
    Goal("price.apart", "price percentile: luxury less cheap", 0.25),
    Goal("next.ndcg", "NDCG@10 of what is taken next, at least centred text's", "centred text"),
    Goal("neighbours.leaf", "ten nearest of the same leaf, at least raw text's", "raw text"),
    Goal("neighbours.top", "ten nearest of the same top, at least raw text's", "raw text"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One goal as it stands."""

    goal: Goal
    limit: float
    figures: Mapping[str, float | None]  # by model; None: the question could not be put

    @property
    def is_reached(self) -> bool:
        """Whether every model that could be asked reaches it."""
        return all(each is None or each >= self.limit for each in self.figures.values())


def rows_of(sides: Sides) -> list[Row]:
    """Set every goal against the figures of both models."""
    return [
        Row(goal, goal.limit(sides), {model: sides[model].get(goal.key) for model in MODELS})
        for goal in GOALS
    ]


def fallen(language: Language, sides: Sides, floors: Mapping[Language, Sides]) -> Iterator[str]:
    """Say which figures are below their floors, and which floors are missing."""
    for model in MODELS:
        held = floors.get(language, {}).get(model, {})
        for goal in GOALS:
            figure, floor = sides[model].get(goal.key), held.get(goal.key)
            if figure is not None and (floor is None or figure < floor):
                yield f"{language}, {model}: {goal.key} is {figure:.3f}, its floor {floor}"
