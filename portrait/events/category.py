"""Categories: paths from the widest level, compared by what they mean.

Producers write one path in many ways: `Grocery > Tea`, `grocery/tea`, `GROCERY | Tea`. Two paths
are one category if their levels are the same words. What separates levels, spaces, case and the
form of Unicode say nothing. What is shown, named and counted is a path as it was first written.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

SEPARATOR = " > "  # between the levels of a path that is given as a list, and of a meaning
INTEREST_DEPTH = 2  # levels of a path that an interest names
LONGEST = 512  # characters of a path
REMEMBERED = 4_096  # paths; a shop has some thousands
SITES = frozenset({"com", "net", "org", "www"})  # in what is a name, and no path: `amazon.com`

# The widest first: in `Audio/Video > Cables` the slash is part of a level.
_WRITTEN = tuple(re.compile(rf"\s*[{each}]\s*") for each in (">＞»›→", "|｜", "/／"))  # noqa: RUF001 - full width, as it is written
_ANY = re.compile(r"[>»›→|/]")  # noqa: RUF001 - likewise, of what is in Unicode's form NFKC
_WORD = re.compile(r"[^\W\d][\w-]+")
_LETTERS = 3  # of a level of a dotted path: `e.l.f` is a name; of the last of two: `node.js`, too


def levels_of(path: str) -> list[str]:
    """Return the levels of a path as they are written, the widest first."""
    return _parts(path)[1]


def paths_to(path: str) -> list[str]:
    """Return the paths that a path lies in, the widest first, and itself."""
    separator, levels = _parts(path)
    return [separator.join(levels[: depth + 1]) for depth in range(len(levels))]


def interest_category(path: str) -> str:
    """Cut a path to the levels that an interest names."""
    return _cut(path, INTEREST_DEPTH)


def top_category(path: str) -> str:
    """Return the widest level of a path."""
    return _cut(path, 1)


@lru_cache(maxsize=REMEMBERED)
def meaning_of(path: str) -> str:
    """Return what paths of one category have in common; empty if a path names nothing.

    Of a path that lies in another one it begins with that one's meaning and SEPARATOR.
    """
    plain = unicodedata.normalize("NFKC", path).casefold()
    parts = [" ".join(part.split()) for part in _ANY.split(plain)]
    levels = [
        level for part in parts for level in (part.split(".") if _is_dotted(part) else [part])
    ]
    return SEPARATOR.join(filter(None, levels))


def spelled(path: str, known: Mapping[str, str]) -> dict[str, str]:
    """Return how each path that this one lies in, and this one, is written; by meaning.

    Args:
        path: As somebody wrote it.
        known: As others wrote before, by meaning.
    """
    separator, levels = _parts(path)
    found: dict[str, str] = {}
    whole = ""
    for level in levels:
        whole = f"{whole}{separator}{level}" if whole else level
        meaning = meaning_of(whole)
        written = known.get(meaning, whole)
        if written != whole:
            separator = _parts(written)[0] or SEPARATOR
        found[meaning] = whole = written
    return found


def as_written(path: str, known: Mapping[str, str]) -> str:
    """Return how a path is written, by what `spelled` returned of it and of others."""
    written = spelled(path, known).get(meaning_of(path), path)
    return written if len(written) <= LONGEST else path


@lru_cache(maxsize=REMEMBERED)
def _cut(path: str, depth: int) -> str:
    separator, levels = _parts(path)
    return separator.join(levels[:depth])


def _parts(path: str) -> tuple[str, list[str]]:
    """Return what separates the levels of a path, as it is written first, and the levels."""
    for separator in _WRITTEN:
        if found := separator.search(path.strip()):
            return found[0], [level for each in separator.split(path) if (level := each.strip())]
    whole = path.strip()
    if _is_dotted(whole):
        return ".", whole.split(".")
    return "", [whole] if whole else []


def _is_dotted(name: str) -> bool:
    """Say whether a name is a path of plain words with dots between, `electronics.smartphone`.

    `Dr. Martens`, `3.5mm`, `node.js` and `amazon.com` are none.
    """
    *wider, last = words = name.split(".")
    if not wider or not all(map(_WORD.fullmatch, words)):
        return False
    are_words = min(map(len, wider)) >= _LETTERS <= max(len(last), len(words))
    return are_words and SITES.isdisjoint(word.casefold() for word in words)
