"""Mood: how somebody feels of late, by the words of what they write, and by their reviews.

`portrait/events/tone.py` has the words, in English and Chinese; who insults, is upset.
"""

from collections.abc import Iterable

from portrait.events.tone import PLAIN, blame_of
from portrait.helpdesk.desk import Mood
from portrait.helpdesk.harmful import harm_in


def mood_of(texts: Iterable[str], disliked: int = 0, liked: int = 0) -> Mood:
    """Read a mood: plainly upset, plainly pleased, or neither.

    Args:
        texts: What they wrote lately, the message at hand among it.
        disliked: Reviews of theirs, of late, that are bad.
        liked: That are good.
    """
    blame = sum(blame_of(text) + PLAIN * bool(harm_in(text)) for text in texts)
    blame += disliked - liked
    if blame >= PLAIN:
        return "upset"
    return "pleased" if blame <= -PLAIN else "neutral"
