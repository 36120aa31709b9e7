"""Due, in words: why something is said to be due, for the person whose it is.

In English and Chinese; who asks in another language is told in English.
"""

from portrait.inference.again import Rhythm

TWICE = 2
WORDS = {
    "en": {
        "often": "bought {times}, every {every} or so, last {last}",
        "once": "bought once, {last}",
        "others": "bought once, {last}; others buy it again after {after} or so",
        "twice": "twice",
        "times": "{times} times",
        "days": "{days} days",
        "every_day": "day",
        "after_a_day": "a day",
        "ago": "{days} days ago",
        "today": "today",
        "yesterday": "yesterday",
    },
    "zh": {
        "often": "买过{times}，大约每{every}一次，上次是{last}",  # noqa: RUF001
        "once": "买过1次，是{last}",  # noqa: RUF001
        "others": "买过1次，是{last}；别人大约{after}后再买",  # noqa: RUF001
        "twice": "2次",
        "times": "{times}次",
        "days": "{days}天",
        "every_day": "天",
        "after_a_day": "1天",
        "ago": "{days}天前",
        "today": "今天",
        "yesterday": "昨天",
    },
}


def in_words(rhythm: Rhythm, language: str) -> str:
    """Say how somebody buys a thing, in one clause without a full stop."""
    words = WORDS.get(language, WORDS["en"])
    last = {0: words["today"], 1: words["yesterday"]}.get(
        rhythm.last, words["ago"].format(days=rhythm.last)
    )
    times = words["twice"] if rhythm.times == TWICE else words["times"].format(times=rhythm.times)
    days = words["days"].format(days=rhythm.every)
    every, after = (words["every_day"], words["after_a_day"]) if rhythm.every == 1 else (days, days)
    kind = "often" if rhythm.times > 1 else "once" if rhythm.every is None else "others"
    return words[kind].format(times=times, every=every, after=after, last=last)
