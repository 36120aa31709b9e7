"""Sentences: why an item is recommended, in plain words, in the reader's language.

    Because you bought Oat milk (70 %) and you looked at Rice (45 %); against it, you sent Tea back
    (-20 %); all else: 5 %.

Each clause is one of the item's `reasons` or of what is `against` it, with its part of the item's
relevance. What the named ones leave is all else, so the numbers add up to 100.
"""

from collections.abc import Mapping, Sequence

from service.http.languages import Language
from service.profiles.describe import Json

LEAST = 0.001  # of relevance: below, parts of it say nothing

CLAUSES: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "purchase": "you bought {title}",
        "click": "you looked at {title}",
        "browse": "you looked at {title}",
        "cart": "you put {title} into the cart",
        "wish": "you wished for {title}",
        "review": "you reviewed {title}",
        "return": "you sent {title} back",
        "search": "you searched for “{title}”",
        "session": "this list is about {title}",
        "price": "its price is in the range of what you chose so far",
        "popularity": "it is popular here",
        "nameless": "something you did before says so",
    },
    "zh": {
        "purchase": "您买过{title}",
        "click": "您看过{title}",
        "browse": "您看过{title}",
        "cart": "您把{title}放进过购物车",
        "wish": "您收藏过{title}",
        "review": "您评价过{title}",
        "return": "您退回过{title}",
        "search": "您搜索过“{title}”",
        "session": "本列表与{title}有关",
        "price": "价格在您常选的范围内",
        "popularity": "它在这里很受欢迎",
        "nameless": "与您以前的行为有关",
    },
}
FRAMES: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "part": "{clause} ({share} %)",
        "between": ", ",
        "last": " and ",
        "for": "Because {clauses}",
        "against": "; against it, {clauses}",
        "rest": "; all else: {share} %",
        "end": ".",
    },
    "zh": {
        "part": "{clause}（{share}%）",  # noqa: RUF001 - as Chinese is written, here and below
        "between": "、",
        "last": "、",
        "for": "因为{clauses}",
        "against": "；不利的是{clauses}",  # noqa: RUF001
        "rest": "；其他因素{share}%",  # noqa: RUF001
        "end": "。",
    },
}


def sentence(
    favour: Sequence[Json], against: Sequence[Json], relevance: float, language: Language
) -> str | None:
    """Say why an item is recommended; None where nothing named speaks for it.

    Args:
        favour: Its `reasons`, as they are told.
        against: What is `against` it.
        relevance: Its `relevance`, which their shares are parts of.
        language: Of the reader.
    """
    if not favour or relevance < LEAST:
        return None
    words = FRAMES[language]
    named = [[_part(each, relevance) for each in some] for some in (favour, against)]
    rest = 100 - sum(map(sum, named))
    said = words["for"].format(clauses=_joined(favour, named[0], language))
    if against:
        said += words["against"].format(clauses=_joined(against, named[1], language))
    if rest:
        said += words["rest"].format(share=rest)
    return said + words["end"]


def _part(reason: Json, relevance: float) -> int:
    """Return a reason's part of the relevance, in hundredths."""
    share = reason["share"]
    assert isinstance(share, float)  # noqa: S101 - as every reason is made
    return round(100 * share / relevance)


def _joined(reasons: Sequence[Json], parts: Sequence[int], language: Language) -> str:
    words = FRAMES[language]
    *others, last = [
        words["part"].format(clause=_clause(reason, language), share=part)
        for reason, part in zip(reasons, parts, strict=True)
    ]
    return words["last"].join([words["between"].join(others), last]) if others else last


def _clause(reason: Json, language: Language) -> str:
    title, action = reason["title"], str(reason["action"])
    clauses = CLAUSES[language]
    return clauses[action if title else "nameless"].format(title=title)
