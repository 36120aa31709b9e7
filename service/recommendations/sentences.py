"""Sentences: why an item is recommended, in plain words, in the reader's language.

    Because you bought Oat milk (50 %) and Oats (20 %), and you looked at Rice (45 %); against it,
    you sent Tea back (-20 %); all else: 5 %.

Each thing named is one of the item's `reasons` or of what is `against` it, with its part of the
item's relevance; what was done with several is said once, and things of one name are one. What the
named ones leave is all else, so the numbers add up to 100. What is due to be bought again has one
reason, how it was bought so far, and that is all of it:

    Bought 4 times, every 12 days or so, last 11 days ago.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

from portrait.inference.again import Rhythm
from portrait.inference.due_words import in_words
from service.http.languages import Language
from service.profiles.describe import Json

LEAST = 0.001  # of relevance: below, parts of it say nothing
About = Literal["session", "suits", "similar", "together", "in_cart"]  # how a list is about items

CLAUSES: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "purchase": "you bought {title}",
        "click": "you looked at {title}",
        "browse": "you looked at {title}",
        "cart": "you put {title} into the cart",
        "wish": "you wished for {title}",
        "review": "you reviewed {title}",
        "return": "you sent {title} back",
        "search": "you searched for {title}",
        "session": "you have just looked at {title}",
        "suits": "it suits {title}",
        "similar": "it is like {title}",
        "together": "it goes with {title}",
        "in_cart": "it goes with {title} in your cart",
        "price": "its price is in the range of what you chose so far",
        "popularity": "it is popular here",
        "popular_among": "it is popular where {title}",
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
        "search": "您搜索过{title}",
        "session": "您刚看过{title}",
        "suits": "与{title}相配",
        "similar": "与{title}相似",
        "together": "与{title}搭配",
        "in_cart": "与购物车里的{title}搭配",
        "price": "价格在您常选的范围内",
        "popularity": "它在这里很受欢迎",
        "popular_among": "它在{title}的顾客中很受欢迎",
        "nameless": "与您以前的行为有关",
    },
}
FRAMES: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "part": "{named} ({share} %)",
        "between": ", ",
        "last": " and ",
        "also": ", and ",
        "words": "“{title}”",
        "declared": "{0} is {1}",
        "region": "region",
        "membership": "membership",
        "age": "age",
        "for": "Because {clauses}",
        "against": "; against it, {clauses}",
        "rest": "; all else: {share} %",
        "new": "New here, being tried. {why}",
        "popular": "Popular here, being tried. {why}",
        "end": ".",
    },
    "zh": {
        "part": "{named}（{share}%）",  # noqa: RUF001 - as Chinese is written, here and below
        "between": "、",
        "last": "、",
        "also": "，",  # noqa: RUF001
        "words": "“{title}”",
        "declared": "{0}为“{1}”",
        "region": "地区",
        "membership": "会员等级",
        "age": "年龄",
        "for": "因为{clauses}",
        "against": "；不利的是{clauses}",  # noqa: RUF001
        "rest": "；其他因素{share}%",  # noqa: RUF001
        "new": "这里的新品，正在试推。{why}",  # noqa: RUF001
        "popular": "在这里很受欢迎，正在试推。{why}",  # noqa: RUF001
        "end": "。",
    },
}


def sentence(  # noqa: PLR0913 - all of it is said
    favour: Sequence[Json],
    against: Sequence[Json],
    relevance: float,
    language: Language,
    about: About = "session",
    *,
    among: Sequence[str] = (),
) -> str | None:
    """Say why an item is recommended; None where nothing named speaks for it.

    Args:
        favour: Its `reasons`, as they are told.
        against: What is `against` it.
        relevance: Its `relevance`, which their shares are parts of.
        language: Of the reader.
        about: How the list is about the items that the request names.
        among: Groups of people by whose wishes an item is popular; none: everybody's.
    """
    if not favour or relevance < LEAST:
        return None
    words = FRAMES[language]
    if favour[0].get("rhythm") is not None:
        return _due(favour[0], language) + words["end"]
    named = [[_part(each, relevance) for each in some] for some in (favour, against)]
    if named[0][0]:  # what is no hundredth is told of only where nothing is more
        favour, against = (
            [reason for reason, part in zip(some, parts, strict=True) if part]
            for some, parts in zip((favour, against), named, strict=True)
        )
        named = [[part for part in parts if part] for parts in named]
    rest = 100 - sum(map(sum, named))
    said = words["for"].format(clauses=_joined(favour, named[0], language, about, among))
    if against:
        said += words["against"].format(clauses=_joined(against, named[1], language, about))
    if rest:
        said += words["rest"].format(share=rest)
    return said + words["end"]


def being_tried(arm: str, why: object, language: Language) -> str:
    """Say of an item that was drawn for its place that it is tried, before what speaks for it."""
    return FRAMES[language][arm].format(why=why or "").strip()


def _due(reason: Json, language: Language) -> str:
    """Say how somebody buys a thing, as a sentence begins."""
    told = reason["rhythm"]
    assert isinstance(told, dict)  # noqa: S101 - as every rhythm is made
    said = in_words(Rhythm(told["times"], told["every_days"], told["last_days"]), language)
    return said[0].upper() + said[1:]


def _part(reason: Json, relevance: float) -> int:
    """Return a reason's part of the relevance, in hundredths."""
    share = reason["share"]
    assert isinstance(share, float)  # noqa: S101 - as every reason is made
    return round(100 * share / relevance)


def _joined(
    reasons: Sequence[Json],
    parts: Sequence[int],
    language: Language,
    about: About,
    among: Sequence[str] = (),
) -> str:
    """Say each thing that was done once, and of what; both in the order of their strongest."""
    of_clause: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for reason, part in zip(reasons, parts, strict=True):
        said, named = _said(reason, about), str(reason["title"])
        if said == "search":
            named = FRAMES[language]["words"].format(title=named)
        if said == "popularity" and among:
            said, named = "popular_among", _groups(among, language)
        clause = CLAUSES[language][said]
        of_clause[clause][named if "{title}" in clause else clause] += part
    clauses = [_clause(clause, shares, language) for clause, shares in of_clause.items()]
    several = any(len(shares) > 1 for shares in of_clause.values())
    return _listed(clauses, language, "also" if several else "last")


def _groups(among: Sequence[str], language: Language) -> str:
    """Say of whom something is declared, `region=north`, in words."""
    words = FRAMES[language]
    named = [group.split("=", 1) for group in among]
    said = [words["declared"].format(words.get(name, name), value) for name, value in named]
    return _listed(said, language, "last")


def _clause(clause: str, shares: Mapping[str, int], language: Language) -> str:
    """Say what was done with one thing, its part last, or with several, each with its part."""
    part = FRAMES[language]["part"]
    if len(shares) == 1:
        ((named, share),) = shares.items()
        return part.format(named=clause.format(title=named), share=share)
    several = [part.format(named=each, share=share) for each, share in shares.items()]
    return clause.format(title=_listed(several, language, "last"))


def _listed(said: Sequence[str], language: Language, last: str) -> str:
    words, others = FRAMES[language], said[:-1]
    return words[last].join([words["between"].join(others), said[-1]]) if others else said[-1]


def _said(reason: Json, about: About) -> str:
    """Name what a reason says: of what the request names, words were searched for."""
    if not reason["title"]:
        return "nameless"
    if reason["action"] != "session":
        return str(reason["action"])
    return about if reason["item_id"] is not None else "search"
