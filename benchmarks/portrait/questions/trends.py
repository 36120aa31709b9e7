"""Is it told whither a taste goes, and that somebody is gone?"""

from benchmarks.portrait.questions.interests import SHOWN
from benchmarks.portrait.questions.scoring import Figures, mean
from benchmarks.portrait.side import Answer, Side
from sandbox.planted.life import World
from sandbox.planted.people import Person

DOWN = {"falling", "fading", "gone"}
LIKELY = 0.5


def ask(side: Side, world: World) -> Figures:
    """Ask for the profiles of people of every course."""

    def score(kind: str, *courses: str) -> float:
        people = world.of_course(*courses)
        return mean([told_right(side.profile(each.id) or {}, each, kind) for each in people])

    return {
        "trend.rising": score("rising", "rising", "new"),
        "trend.steady": score("steady", "steady"),
        "trend.fading": score("fading", "fading"),
        "trend.gone": gone_is_told(side, world),
    }


def told_right(profile: Answer, person: Person, kind: str) -> float:
    """Return the share of tastes whose direction is right; of a turning person, of their first."""
    told = {each["category"]: each["direction"] for each in profile.get("interests", [])}
    tastes = person.tastes if kind == "steady" else person.tastes[:1]
    right = {"rising": {"rising"}, "steady": {"steady"}, "fading": DOWN}[kind]
    return mean([float(told.get(taste) in right) for taste in tastes])


def gone_is_told(side: Side, world: World) -> float:
    """Return of how many who left it is said, less of how many others it is said, too."""
    told = {each: gone(side.profile(each.id) or {}) for each in world.people}
    left = mean([said for each, said in told.items() if each.course == "left"])
    return left - mean([said for each, said in told.items() if each.course != "left"])


def gone(profile: Answer) -> float:
    """Say whether a profile shows that nothing goes on: in a word, by churn risk, by directions."""
    activity, risk = profile.get("activity"), profile.get("churn_risk")
    if activity is not None:
        return float(activity["state"] == "gone")
    if risk is not None and risk["probability"] >= LIKELY:
        return 1.0
    told = [interest["direction"] for interest in profile.get("interests", [])[:SHOWN]]
    return float(bool(told) and set(told) <= DOWN)
