"""Languages: those that the service speaks to a shop's people in, and which a reader likes best."""

from typing import Literal, get_args

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
USUAL: Language = "en"
MOST_TAGS = 16  # of `Accept-Language` that are looked at


def language_of(accepted: str) -> Language:
    """Return the language that a reader likes best of those that titles are in: RFC 9110, 12.5.4.

    Args:
        accepted: `Accept-Language`; empty where there is none.
    """
    best, most = USUAL, 0.0
    for tag in accepted.split(",")[:MOST_TAGS]:
        name, _, weight = tag.strip().partition(";")
        language, likes = name.split("-")[0].strip().lower(), _weight(weight)
        if language in LANGUAGES and likes > most:
            best, most = LANGUAGES[LANGUAGES.index(language)], likes
    return best


def _weight(said: str) -> float:
    """Read `q=0.8`; 1 where nothing is said, 0 where it is no number."""
    name, _, value = said.strip().partition("=")
    if not said.strip():
        return 1.0
    try:
        return float(value) if name.strip().lower() == "q" else 0.0
    except ValueError:
        return 0.0
