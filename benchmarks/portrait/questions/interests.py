"""Is the first interest the strongest taste, are the tastes the first three, is the brand there?"""

from benchmarks.portrait.questions.scoring import Figures, mean
from benchmarks.portrait.side import Answer, Side
from sandbox.planted.life import World
from sandbox.planted.people import Person

SHOWN = 3  # interests or brands that a reader looks at


def ask(side: Side, world: World) -> Figures:
    """Ask for the profiles of people whose tastes never change."""
    people = world.of_course("steady")
    profiles = [(side.profile(person.id) or {}, person) for person in people]
    return {
        "interest.first": mean([first_is_right(*each) for each in profiles]),
        "interest.three": mean([tastes_shown(*each) for each in profiles]),
        "brand.three": mean([brand_is_shown(*each) for each in profiles]),
    }


def first_is_right(profile: Answer, person: Person) -> float:
    """Say whether the first interest is the strongest taste."""
    shown = [interest["category"] for interest in profile.get("interests", [])]
    return float(shown[:1] == [person.tastes[0]])


def tastes_shown(profile: Answer, person: Person) -> float:
    """Return the share of the tastes that are among the first interests."""
    shown = [interest["category"] for interest in profile.get("interests", [])][:SHOWN]
    return mean([float(taste in shown) for taste in person.tastes])


def brand_is_shown(profile: Answer, person: Person) -> float:
    """Say whether the favourite brand is among the first."""
    shown = [brand["brand"] for brand in profile.get("brands", [])][:SHOWN]
    return float(person.brand in shown)
