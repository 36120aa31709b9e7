"""All questions, in an order in which none disturbs another: what changes people comes last."""

from collections.abc import Callable, Mapping

from benchmarks.portrait.questions import (
    against,
    catalogue,
    interests,
    kin,
    odd,
    prices,
    searches,
    sessions,
    trends,
)
from benchmarks.portrait.questions.scoring import Figures
from benchmarks.portrait.side import Side
from sandbox.planted.life import World

LISTS = ("sessions", "catalogue", "searches")  # questions to a side that knows no profiles
OF_PROFILES = {"search.interest", "search.evidence"}
Question = Callable[[Side, World, int], Figures]

QUESTIONS: Mapping[str, Question] = {
    "interests": lambda side, world, _: interests.ask(side, world),
    "trends": lambda side, world, _: trends.ask(side, world),
    "prices": lambda side, world, _: prices.ask(side, world),
    "sessions": lambda side, world, _: sessions.ask(side, world),
    "catalogue": lambda side, world, _: catalogue.ask(side, world),
    "searches": searches.ask,
    "against": against.ask,
    "kin": kin.ask,
    "odd": odd.ask,
}


def ask_all(side: Side, world: World, turn: int, step: Callable[[str], None]) -> dict[str, float]:
    """Put every question to a side. Returns its figures by the keys of the goals.

    Args:
        side: Who is asked.
        world: What is true.
        turn: 0 for the first time that this side is asked, 1 for the second.
        step: Told the name of each question before it is put.
    """
    figures: dict[str, float] = {}
    for name, question in QUESTIONS.items():
        step(f"{side.name}: {name}")
        figures |= question(side, world, turn)
    return figures


def ask_for_lists(side: Side, world: World) -> dict[str, float]:
    """Put those questions to a side that need no profile."""
    figures: dict[str, float] = {}
    for name in LISTS:
        figures |= QUESTIONS[name](side, world, 0)
    return {key: figure for key, figure in figures.items() if key not in OF_PROFILES}
