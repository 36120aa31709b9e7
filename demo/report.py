"""What the demo shows of a shopper: their profile."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from portrait.model.habit_words import plain

WIDTH = 30  # of a bar, in characters
ARROWS = {"rising": "↗", "steady": "→", "falling": "↘"}

Answer = Mapping[str, Any]  # parsed JSON of our own service


def profile_text(profile: Answer) -> str:
    """Lay out a profile."""
    lines = [
        (
            f"{profile['user_id']}: {profile['events_folded']} events folded, "
            f"newest of {profile['profile_as_of'][:16].replace('T', ' ')}"
        ),
        f"  model {profile['model_version']}",
        "",
        "  interests                                share of decayed weight, and the evidence",
    ]
    for interest in profile["interests"][:6]:
        bar = "█" * round(WIDTH * interest["score"])
        lines.append(
            f"    {ARROWS[interest['direction']]} {interest['category'][:36]:<36} "
            f"{interest['score']:4.0%} {bar}"
        )
        lines.append(f"        because of {_evidence(interest['evidence'])}")
    brands = ", ".join(f"{b['brand']} {b['share']:.0%}" for b in profile["brands"])
    band = profile["price_band"]
    lines += ["", f"  brands   {brands}"]
    if band:
        lines.append(
            f"  prices   {band['low']:.2f} to {band['high']:.2f}, typically {band['typical']:.2f}"
        )
    return "\n".join([*lines, *_outlook(profile)])


def _evidence(events: Sequence[Answer]) -> str:
    """Name what was done, each thing once."""
    titles = Counter(str(event["title"]) for event in events)
    return ", ".join(
        title if count == 1 else f"{title} ({count} times)" for title, count in titles.items()
    )


def _outlook(profile: Answer) -> list[str]:
    """Lay out what the learned heads foresee; nothing without a learned model."""
    lines = []
    for name, title in (("purchase_intent", "buys again"), ("churn_risk", "does not come back")):
        chance = profile[name]
        if chance is not None:
            lines.append(
                f"  {title} within {chance['within_days']} days: {chance['probability']:.0%}"
                f"   {_because(chance['because'])}"
            )
    likely = [
        f"{interest['category'][:32]} {interest['probability']:.0%}"
        for interest in profile["likely_interests"][:4]
    ]
    if likely:
        lines.append(f"  likely within 7 days: {', '.join(likely)}")
    return ["", *lines] if lines else []


def _because(habits: Sequence[Answer]) -> str:
    """Say what speaks for a probability, and what against it, by their parts in its logit."""
    shares: Counter[str] = Counter()
    for habit in habits:
        shares[plain(habit["habit"])] += habit["share"]
    speaks = [f"{words} {share:+.1f}" for words, share in shares.items()]
    return f"by {', '.join(speaks)}"
