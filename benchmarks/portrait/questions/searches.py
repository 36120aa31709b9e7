"""Does a search find what is meant, made before or not, and does it become an interest?"""

from collections.abc import Sequence
from datetime import timedelta

from benchmarks.portrait.questions.scoring import Figures, mean, share_within
from benchmarks.portrait.side import Answer, Side, Wish, items_of
from sandbox.planted.life import World, event_of
from sandbox.planted.words import KNOWN

FIVE = 5


def ask(side: Side, world: World, turn: int) -> Figures:
    """Ask with searches that nobody made; make each once, and ask again.

    Args:
        side: Who is asked.
        world: Each of its leaves has a search for every turn.
        turn: 0 or 1: searches made in one turn are no longer new in the other.
    """
    meant = [(leaf.searches[KNOWN + turn], leaf.path) for leaf in world.shop.leaves]
    new = _asked(side, world, meant)
    seekers = [f"seeker-{turn}-{number}" for number in range(len(meant))]
    at = world.ends_at + timedelta(minutes=turn)
    side.tell(
        [
            event_of(who, "search", at, f"{who}-1", text=text)
            for who, (text, _) in zip(seekers, meant, strict=True)
        ]
    )
    made = _asked(side, world, meant)
    profiles = [side.profile(who) or {} for who in seekers]
    return {
        "search.new.first": mean([first for first, _ in new]),
        "search.new.five": mean([five for _, five in new]),
        "search.made.first": mean([first for first, _ in made]),
        "search.made.five": mean([five for _, five in made]),
        "search.interest": mean(
            [interest_is(each, leaf) for each, (_, leaf) in zip(profiles, meant, strict=True)]
        ),
        "search.evidence": mean(
            [is_evidence(each, text) for each, (text, _) in zip(profiles, meant, strict=True)]
        ),
    }


def _asked(side: Side, world: World, meant: Sequence[tuple[str, str]]) -> list[tuple[float, float]]:
    """Return of each search whether the first item is right, and the share of the first five."""
    scores = []
    for text, leaf in meant:
        listed = items_of(side.recommend(Wish(texts=[text], limit=FIVE)))
        right = {good.id for good in world.shop.by_leaf[leaf]}
        scores.append((share_within(listed, right, 1), share_within(listed, right, FIVE)))
    return scores


def interest_is(profile: Answer, leaf: str) -> float:
    """Say whether the first interest is the leaf that was meant."""
    shown = [interest["category"] for interest in profile.get("interests", [])]
    return float(shown[:1] == [leaf])


def is_evidence(profile: Answer, text: str) -> float:
    """Say whether the first interest is shown to come of what was searched, in its words."""
    evidence = [
        each for interest in profile.get("interests", [])[:1] for each in interest["evidence"]
    ]
    return float(any(text in each.values() for each in evidence))
