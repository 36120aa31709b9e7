"""Texts of people: when two of them are the same to a person."""

import re
from unicodedata import normalize

_SIGNS = re.compile(r"[^\w]+")


def normal(text: str) -> str:
    """Return what texts have in common that a person takes for the same."""
    return _SIGNS.sub(" ", normalize("NFKC", text).casefold()).strip()
