"""Names, left out of a Chinese text: they have no capitals, but places are known, and ways to name.

    places        where a list knows them         我住在新疆。      我住在某地。
    signatures    the end, if written like one    很好。阿依古丽    很好。某人
    titles        a surname before a title        王先生说不好用    某人先生说不好用
    what follows  我叫, 我是, whose name is        我叫扎西。        我叫某人。

A name amid a sentence, without a title, stays: it cannot be told from other words.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from portrait.events.tone import blame_of

WORDS = Path(__file__).with_suffix(".toml")
SOMEONE, SOMEWHERE = "某人", "某地"
LONGEST = 6  # characters of a name
_SIGN = "[\u4e00-\u9fff·]"
_STOP = "[。！？!?.…~～\n]"  # noqa: RUF001 - as they are written


@dataclass(frozen=True, slots=True)
class _Patterns:
    place: re.Pattern[str]
    titled: re.Pattern[str]
    told: re.Pattern[str]
    signed: re.Pattern[str]


def unnamed_zh(text: str) -> str:
    """Return a text without what is written like the name of somebody or of a place."""
    patterns = _patterns()
    found = patterns.signed.search(text)
    if found and not blame_of(found[1]):
        text = f"{text[: found.start(1)]}{SOMEONE}"
    for named in (patterns.told, patterns.titled):
        text = named.sub(SOMEONE, text)
    return patterns.place.sub(SOMEWHERE, text)


@cache
def _patterns() -> _Patterns:
    words = tomllib.loads(WORDS.read_text("utf-8"))
    lists = {key: said.split() for key, said in words.items()}
    doubled, single = "|".join(lists["double_surnames"]), "".join(lists["surnames"])
    no_name = f"(?!{'|'.join(lists['no_names'])})"
    surname = f"{no_name}(?:{doubled}|[{single}])"
    sounds = f"{no_name}[{''.join(lists['sounds'])}]{{2,{LONGEST}}}"
    name = f"(?:{surname}{_SIGN}{{1,2}}|{sounds})"
    return _Patterns(
        place=re.compile("|".join(sorted(lists["places"], key=len, reverse=True))),
        titled=re.compile(f"{surname}{_SIGN}{{0,2}}?(?={'|'.join(lists['titles'])})"),
        told=re.compile(f"(?<=我叫|我是){name}(?!{_SIGN})"),
        signed=re.compile(f"(?<={_STOP})\\s*({name})\\s*$"),
    )
