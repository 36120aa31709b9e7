"""Habits in words: what the heads of a model go by, for people who do not program.

    What speaks for it: how long they have been away, for them, and how often they come. What speaks
    against it: what they spent so far.

In English and Chinese; who asks in another language is told in English.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

SAID: Mapping[str, Mapping[str, str]] = {
    "en": {
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
    },
    "zh": {
        "taste": "他们的喜好",
        "overdue": "与平时相比已有多久没来",
        "silence": "已有多久没来",
        "spend": "迄今花了多少钱",
        "spend_a_purchase": "每次购买花多少钱",
        "events": "迄今做了多少事",
        "visit_gap_days": "多久来一次",
        "visit_events": "每次来做多少事",
        "visit_minutes": "每次停留多久",
        "visit_value": "每次来的金额",
        "newest_price": "最近那件商品的价格",
        "newest_item_events": "看过最近那件商品多少次",
        "newest_item_carts": "最近那件商品进过购物车多少次",
        "hour": "一天中的时刻",
        "week": "星期几",
    },
}
PATTERNS: Mapping[str, Mapping[str, str]] = {
    "en": {
        r"events_\d+_periods_ago": "how much they did month by month",
        r"(events|visits)_(hour|day|week|month|quarter)": "{} in the last {}",
        r"(events|visits)_remembered": "how close together their newest {} are",
        r"(\w+)_events": "each {} so far",
        r"(?:newest|fading)_(\w+)": "whether the newest is a {}",
    },
    "zh": {
        r"events_\d+_periods_ago": "每个月做了多少事",
        r"(events|visits)_(hour|day|week|month|quarter)": "最近{1}的{0}次数",
        r"(events|visits)_remembered": "最近的{}有多密集",
        r"(\w+)_events": "迄今的{}次数",
        r"(?:newest|fading)_(\w+)": "最近一次是不是{}",
    },
}
NAMES: Mapping[str, Mapping[str, str]] = {  # in patterns, that are no words as they are
    "en": {"cart": "thing put into the cart", "remove": "thing taken out of the cart"},
    "zh": {
        "events": "活动",
        "visits": "来访",
        "hour": "一小时",
        "day": "一天",
        "week": "一周",
        "month": "一个月",
        "quarter": "三个月",
        "browse": "浏览",
        "click": "点击",
        "search": "搜索",
        "cart": "加入购物车",
        "purchase": "购买",
        "review": "评价",
        "return": "退货",
        "remove": "移出购物车",
        "wish": "收藏",
    },
}
FRAMES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "for": "What speaks for it: {}.",
        "against": "What speaks against it: {}.",
        "between": ", ",
        "last": ", and ",
        "then": " ",
    },
    "zh": {
        "for": "预示会这样的是：{}。",  # noqa: RUF001 - as Chinese is written, here and below
        "against": "预示不会的是：{}。",  # noqa: RUF001
        "between": "、",
        "last": "、",
        "then": "",
    },
}
LEAST = 0.005  # of a logit: below, a habit says nothing


def plain(habit: str, language: str = "en") -> str:
    """Say what a habit is; of its days, its square and its phases the same."""
    language = language if language in SAID else "en"
    stem = re.sub(r"_(squared|days|sine|cosine)$", "", habit)
    for name in (habit, stem):
        if name in SAID[language]:
            return SAID[language][name]
    names = NAMES[language]
    for pattern, words in PATTERNS[language].items():
        if found := re.fullmatch(pattern, habit):
            return words.format(*(names.get(name, name) for name in found.groups()))
    return habit.replace("_", " ")


def in_words(shares: Iterable[tuple[str, float]], language: str) -> str | None:
    """Say which habits make a probability, and which are against it; None: none of them is told.

    Args:
        shares: Habits, the strongest first, and what each adds to the logit.
        language: Of the reader.
    """
    words = FRAMES.get(language, FRAMES["en"])
    parts: defaultdict[str, float] = defaultdict(float)
    for habit, share in shares:
        parts[plain(habit, language)] += share
    sides = {
        "for": [habit for habit, share in parts.items() if share >= LEAST],
        "against": [habit for habit, share in parts.items() if share <= -LEAST],
    }
    said = [words[side].format(_listed(each, words)) for side, each in sides.items() if each]
    return words["then"].join(said) or None


def _listed(habits: list[str], words: Mapping[str, str]) -> str:
    *others, last = habits
    return words["last"].join([words["between"].join(others), last]) if others else last
