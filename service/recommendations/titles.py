"""Titles: what stands above a row of a page, in the reader's language.

By what the row was made of: a row that nobody's events made does not say that somebody's did.
"""

from collections.abc import Mapping

from service.http.languages import Language
from service.recommendations.asked import ListBody
from service.recommendations.listing import Listing
from service.recommendations.surfaces import Surface

WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "popular": "Popular now",
        "profile": "Recommended for you",
        "session": "From what you have just looked at",
        "bought": "Because you bought {title}",
        "looked_at": "Because you looked at {title}",
        "similar": "Similar to {title}",
        "together": "Goes with {title}",
        "cart": "Goes with what is in your cart",
        "search": "Found for “{query}”",
        "again": "Buy again",
        "email": "Picked for you",
    },
    "zh": {
        "popular": "大家都在买",
        "profile": "为您推荐",
        "session": "根据您刚看过的商品推荐",
        "bought": "因为您买过{title}",
        "looked_at": "因为您看过{title}",
        "similar": "与{title}相似",
        "together": "与{title}搭配",
        "cart": "与购物车里的商品搭配",
        "search": "“{query}”的搜索结果",
        "again": "再次购买",
        "email": "为您精选",
    },
}
# Of what a list is about where it was made of a session; without one, of what it was made of.
_ABOUT: Mapping[Surface, str] = {"cart": "cart", "search": "search"}
_SESSION = {"session", "session_and_profile"}


def title_of(
    row: ListBody, listing: Listing, about: str | None, *, is_bought: bool, language: Language
) -> str:
    """Say what a row is.

    Args:
        row: How it was wanted.
        listing: The list.
        about: The title of the item that it is about, of surface `item`.
        is_bought: Whether the reader has bought that.
        language: Of the reader.
    """
    words = WORDS[language]
    key = _key(row, listing, has_about=bool(about), is_bought=is_bought)
    return words[key].format(title=about, query=row.query)


def _key(row: ListBody, listing: Listing, *, has_about: bool, is_bought: bool) -> str:
    strategy, ranking = listing.basis.strategy, listing.ranking
    if strategy in {"popular", "nothing"} or (ranking.filled == len(ranking.rows) > 0):
        return "popular"
    if strategy == "repeats":
        return "again"
    if strategy not in _SESSION:
        return "email" if row.surface == "email" else "profile"
    if row.surface != "item" or not has_about:
        return _ABOUT.get(row.surface, "session")
    return row.manner.alone or ("bought" if is_bought else "looked_at")
