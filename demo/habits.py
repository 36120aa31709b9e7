"""Habits in plain words: what a head of the model goes by, as `GET /profile` names it."""

import re

SAID = {
    "taste": "what they like",
    "overdue": "how long they have been away, for them",
    "silence": "how long they have been away",
    "spend": "what they spent so far",
    "spend_a_purchase": "what they spend at a time",
    "events": "how much they did so far",
    "visit_gap_days": "how often they come",
    "visit_events": "how much they do in a visit",
    "visit_minutes": "how long a visit takes",
    "visit_value": "what a visit is worth",
    "newest_price": "the price of the newest thing",
    "newest_item_events": "how often they came to the newest thing",
    "newest_item_carts": "how often the newest thing lay in the cart",
    "hour": "the time of day",
    "week": "the day of the week",
}
PATTERNS = {
    r"events_\d+_periods_ago": "how much they did month by month",
    r"(events|visits)_(hour|day|week|month|quarter)": "{} in the last {}",
    r"(events|visits)_remembered": "how close together their newest {} are",
    r"(\w+)_events": "each {} so far",
    r"(?:newest|fading)_(\w+)": "whether the newest is a {}",
}


def plain(habit: str) -> str:
    """Say what a habit is; of its days, its square and its phases the same."""
    stem = re.sub(r"_(squared|days|sine|cosine)$", "", habit)
    for name in (habit, stem):
        if name in SAID:
            return SAID[name]
    for pattern, words in PATTERNS.items():
        if found := re.fullmatch(pattern, habit):
            return words.format(*found.groups())
    return habit.replace("_", " ")
