"""Hand over: when a person takes over, by the desk's rules."""

import re
from collections.abc import Iterable
from unicodedata import normalize

from portrait.helpdesk.desk import HandOver, Mood


def reasons_for(
    rules: Iterable[HandOver], message: str, intent: str | None, probability: float, mood: Mood
) -> list[str]:
    """Return why a person should take over; nothing: there is no reason.

    Args:
        rules: The desk's.
        message: What was written.
        intent: What is wanted, if that is known.
        probability: Of the likeliest intent.
        mood: Of who wrote it.
    """
    said = _plain(message)
    return [
        rule.because
        for rule in rules
        if (not rule.intents or intent in rule.intents)
        and (not rule.words or any(_is_in(_plain(word), said) for word in rule.words))
        and (rule.below is None or probability < rule.below)
        and (rule.mood is None or rule.mood == mood)
    ]


def _is_in(word: str, said: str) -> bool:
    """Say whether a word is in a message: a whole one, but for Chinese, which has no spaces."""
    if not word.isascii():
        return word in said
    return re.search(rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9])", said) is not None


def _plain(text: str) -> str:
    return " ".join(normalize("NFKC", text).casefold().split())
