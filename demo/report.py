"""What the demo shows of a shopper."""

from collections.abc import Mapping
from typing import Any

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
        evidence = ", ".join(str(event["title"]) for event in interest["evidence"][:2])
        lines.append(
            f"    {ARROWS[interest['direction']]} {interest['category'][:36]:<36} "
            f"{interest['score']:4.0%} {bar}"
        )
        lines.append(f"        because of {evidence}")
    brands = ", ".join(f"{b['brand']} {b['share']:.0%}" for b in profile["brands"])
    band = profile["price_band"]
    lines += ["", f"  brands   {brands}"]
    if band:
        lines.append(
            f"  prices   {band['low']:.2f} to {band['high']:.2f}, typically {band['typical']:.2f}"
        )
    return "\n".join([*lines, *_outlook(profile)])


def _outlook(profile: Answer) -> list[str]:
    """Lay out what the learned heads foresee; nothing without a learned model."""
    lines = []
    for name, title in (("purchase_intent", "buys again"), ("churn_risk", "does not come back")):
        chance = profile[name]
        if chance is not None:
            because = ", ".join(
                f"{habit['habit'].replace('_', ' ')} {habit['share']:+.1f}"
                for habit in chance["because"]
            )
            lines.append(
                f"  {title} within {chance['within_days']} days: {chance['probability']:.0%}"
                f"   because of {because}"
            )
    likely = [
        f"{interest['category'][:32]} {interest['probability']:.0%}"
        for interest in profile["likely_interests"][:4]
    ]
    if likely:
        lines.append(f"  likely within 7 days: {', '.join(likely)}")
    return ["", *lines] if lines else []


def recommendations_text(answer: Answer) -> str:
    """Lay out recommendations with their reasons."""
    lines = [f"  recommendations ({answer['strategy']})"]
    for item in answer["items"]:
        reasons = ", ".join(
            f"{reason['action']} of {reason['title']} ({reason['share']:+.2f})"
            for reason in item.get("reasons", [])[:2]
        )
        lines.append(f"    {item['score']:.2f}  {item['title'][:44]:<44} {item['price'] or 0:6.2f}")
        lines.append(f"          {reasons}")
    return "\n".join(lines)
