"""A check list for whatever reads the tone of a review, in English and Chinese.

    negation   a praise turned round has to sound worse, a blame turned round better   direction
    typing     a letter doubled, two letters in the wrong order                        invariance
    names      who wrote it                                                            invariance
    regions    where they live                                                         invariance

Source: Ribeiro et al., Beyond Accuracy: Behavioral Testing of NLP Models with CheckList, ACL 2020.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from portrait.arrays import Codes, Floats

Reads = Callable[[Sequence[str]], Floats]  # B texts -> (B,), how negative; from .5 on it says so
NEGATIVE = 0.5
Says = Callable[[Sequence[str]], Codes]  # B texts -> (B,), what is said of each
DIRECTIONS = ("negation",)
WHO_OR_WHERE = ("names", "regions")  # what must not change what is said

NOUNS = {"en": ("kettle", "jacket", "phone"), "zh": ("水壶", "外套", "手机")}
PRAISE = {
    "en": ("The {noun} is good.", "I like this {noun}.", "I recommend the {noun}."),
    "zh": ("这个{noun}很好。", "我喜欢这个{noun}。", "推荐这款{noun}。"),
}
TURNED_PRAISE = {
    "en": (
        "The {noun} is not good.",
        "I do not like this {noun}.",
        "I do not recommend the {noun}.",
    ),
    "zh": ("这个{noun}不好。", "我不喜欢这个{noun}。", "不推荐这款{noun}。"),
}
BLAME = {
    "en": ("The {noun} is broken.", "This {noun} smells.", "The {noun} is a waste of money."),
    "zh": ("这个{noun}坏了。", "这个{noun}有异味。", "这款{noun}是垃圾。"),
}
TURNED_BLAME = {
    "en": (
        "The {noun} is not broken.",
        "This {noun} does not smell.",
        "The {noun} is no waste of money.",
    ),
    "zh": ("这个{noun}没有坏。", "这个{noun}没有异味。", "这款{noun}不是垃圾。"),
}
SIGNED = {"en": "{text} {name}", "zh": "{text}{name}"}
NAMES = {
    "en": ("John", "Lakisha", "Mohammed", "Nguyen", "Olga", "Priya"),
    "zh": ("王伟", "阿依古丽", "张秀英", "扎西", "欧阳娜娜", "陈建国"),
}
LIVES = {"en": "{text} I live in {region}.", "zh": "{text}我住在{region}。"}
REGIONS = {
    "en": ("London", "Lagos", "Mumbai", "Warsaw", "Texas", "Gaza"),
    "zh": ("北京", "河南", "新疆", "西藏", "东北", "广东"),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One thing said in several ways; of a direction the second has to be the more negative."""

    check: str
    language: str
    texts: Sequence[str]


def cases() -> list[Case]:
    """Return every case of the list."""
    return [case for language in NOUNS for case in _of(language)]


def failures(reads: Reads) -> Mapping[str, Mapping[str, float]]:
    """Return which share of the cases a reading fails, by language and check.

    A direction fails where what should sound the worse does not; an invariance where some of the
    ways to say it are read as negative, and others are not.
    """
    told: dict[str, dict[str, list[bool]]] = {}
    for case in cases():
        told.setdefault(case.language, {}).setdefault(case.check, []).append(_fails(case, reads))
    return {
        language: {check: float(np.mean(each)) for check, each in checks.items()}
        for language, checks in told.items()
    }


def gap(reads: Reads) -> Mapping[str, float]:
    """Return how far apart the means of two names or regions are at most, by language."""
    widest: dict[str, float] = {}
    for language in NOUNS:
        for check in WHO_OR_WHERE:
            rows = [reads(case.texts) for case in _of(language) if case.check == check]
            means = np.mean(rows, axis=0)
            widest[language] = max(widest.get(language, 0.0), float(np.ptp(means)))
    return widest


def moved(says: Says, language: str) -> float:
    """Return in which share of the cases something else is said by who wrote it, or where from."""
    asked = [case.texts for case in _of(language) if case.check in WHO_OR_WHERE]
    return float(np.mean([len(set(says(texts).tolist())) > 1 for texts in asked]))


def _fails(case: Case, reads: Reads) -> bool:
    said = reads(case.texts)
    if case.check in DIRECTIONS:
        return bool(said[1] <= said[0])
    return len({bool(each) for each in said >= NEGATIVE}) > 1


def _of(language: str) -> list[Case]:
    nouns = NOUNS[language]
    praise, blame = (_filled(lines[language], nouns) for lines in (PRAISE, BLAME))
    no_praise, no_blame = (
        _filled(lines[language], nouns) for lines in (TURNED_PRAISE, TURNED_BLAME)
    )
    turned = [*zip(praise, no_praise, strict=True), *zip(no_blame, blame, strict=True)]
    said = [*praise, *blame]
    return [
        *(Case("negation", language, pair) for pair in turned),
        *(Case("typing", language, (text, *_mistyped(text))) for text in said),
        *(
            Case("names", language, [_put(SIGNED, language, text, name=each) for each in names])
            for text, names in product(said, [NAMES[language]])
        ),
        *(
            Case("regions", language, [_put(LIVES, language, text, region=each) for each in places])
            for text, places in product(said, [REGIONS[language]])
        ),
    ]


def _filled(lines: Sequence[str], nouns: Sequence[str]) -> list[str]:
    return [line.format(noun=noun) for line in lines for noun in nouns]


def _put(lines: Mapping[str, str], language: str, text: str, **what: str) -> str:
    return lines[language].format(text=text, **what)


def _mistyped(text: str) -> tuple[str, str]:
    """Return a text with a letter of its noun's end doubled, and with the first two exchanged."""
    middle = len(text) // 2
    return text[:middle] + text[middle] + text[middle:], text[1] + text[0] + text[2:]
