"""Terms: the words that topics are made of and named by.

Words of letters as they are; Chinese, which has no spaces, in pairs of signs.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from portrait.events.tone import plain

LONGEST_WORD = 24  # characters
_RUN = re.compile(r"[\u4e00-\u9fff]+|[^\W\d_\u4e00-\u9fff][^\W_\u4e00-\u9fff]{2,}")
_PLACEHOLDER = re.compile(r"\[[a-z]+\]")  # of what was redacted
# Signs of grammar: a pair with one of them names nothing.
_GRAMMAR = frozenset(
    "的了是我在不也就很都和有这那你他她它们着过吗呢吧啊呀哦嗯与及或但而且并还又再才把被让给对从到为以于"
    "个些之其此每各某么什怎样儿没非太更最挺只说要会能可想去来上下里中多少大小一二三两几已"
)
_COMMON = frozenset(
    """
    the and for that this with was are not but have has had you your they them its from just
    very been were would could should will can get got one all any out about than then when
    what which who how there their our some only also too more most much into over after
    before because really even did does don doesn didn isn wasn product item items good great
    bad nice like love
    """.split()  # noqa: SIM905 - a list of seventy lines says no more
)


def terms_of(text: str) -> Iterator[str]:
    """Yield the terms of a text, in order, as often as they stand in it."""
    for run in _RUN.findall(_PLACEHOLDER.sub(" ", plain(text))):
        if run[0] >= "\u4e00":
            yield from _pairs(run)
        elif run not in _COMMON and len(run) <= LONGEST_WORD:
            yield run


def _pairs(run: str) -> Iterator[str]:
    for first, second in pairwise(run):
        if first not in _GRAMMAR and second not in _GRAMMAR:
            yield first + second
