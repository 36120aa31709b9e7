"""Harmful: what no answer says, whether a person wrote it, a model, or a title that fills a slot.

`harmful.toml` has the words, in English and Chinese. They are a floor and not a judge: what hurts
without any of them is for those who write replies, and for whoever sends them.
"""

import re
import tomllib
from functools import cache
from pathlib import Path
from unicodedata import normalize

WORDS = Path(__file__).with_suffix(".toml")
_BETWEEN = re.compile(r"[\u200b-\u200d\u2060\ufeff\u00ad]")  # signs without width hide words


def harm_in(text: str) -> str | None:
    """Return a word of the lists that is in a text; None: there is none."""
    plain = _BETWEEN.sub("", normalize("NFKC", text)).casefold().replace("\u2019", "'")
    found = _pattern().search(plain)
    return None if found is None else found[0]


@cache
def _pattern() -> re.Pattern[str]:
    languages = tomllib.loads(WORDS.read_text("utf-8"))
    english, chinese = (
        [re.escape(word) for words in languages[name].values() for word in words]
        for name in ("en", "zh")
    )
    return re.compile(rf"(?<!\w)(?:{'|'.join(english)})(?!\w)|{'|'.join(chinese)}")
