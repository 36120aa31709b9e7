"""Portions: what of a dead letter is given to somebody whom it names, and nothing of others.

A message may tell of several people. Given is what names this one alone; where that cannot be told
apart, only where the letter lay and why it could not be read.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from portrait.events.event import ANONYMOUS
from portrait.events.stream import Record
from workers.privacy.belongings import Naming

# Of a message that is cut or broken: it holds several objects in a row, whoever they are of.
_SEVERAL = re.compile(rb"[\[}]\s*,?\s*\{")


class Found(NamedTuple):
    """What was found of a part of a message."""

    parts: list[object]  # that name them alone, each as large as can be
    is_theirs: bool = False  # whether it names them
    is_shared: bool = False  # whether it names somebody else, too


@dataclass(frozen=True, slots=True)
class Portions:
    """Tells apart what is whose. Lives for one export."""

    users: frozenset[str]
    devices: frozenset[str]
    naming: Naming  # in small letters

    @classmethod
    def of(cls, keys: Sequence[str], naming: Naming) -> "Portions":
        """Prepare for one person, by all their keys."""
        devices = {key.removeprefix(ANONYMOUS) for key in keys if key.startswith(ANONYMOUS)}
        users = {key for key in keys if not key.startswith(ANONYMOUS)}
        small = Naming(*(frozenset(map(str.lower, names)) for names in naming))
        return cls(frozenset(users), frozenset(devices), small)

    def of_letter(self, letter: Record) -> str | None:
        """Return what of a letter is theirs, as it was sent; None: nothing that can be given."""
        value = letter.value
        if value is None:
            return None
        try:
            found = self._look(json.loads(value, object_pairs_hook=_sole), within=False)
        except (ValueError, RecursionError):
            may_be_of_others = _SEVERAL.search(value) or self._names_others(value)
            return None if may_be_of_others else _text(value)
        if not found.is_shared:
            return _text(value)
        if not found.parts:
            return None
        return json.dumps(found.parts if len(found.parts) > 1 else found.parts[0])

    def _look(self, node: object, *, within: bool) -> Found:
        """Look at a part of a message; `within` one that says that they did it."""
        if isinstance(node, dict):
            return self._look_at(node, within=within)
        if not isinstance(node, list):
            return Found([])
        found = [self._look(each, within=within) for each in node]
        whole = _together(found)
        objects = sum(isinstance(each, dict) for each in node)
        is_batch = whole.is_theirs and objects > 1 and not within  # who is not named is not them
        return whole._replace(is_shared=whole.is_shared or is_batch)

    def _look_at(self, node: dict[str, object], *, within: bool) -> Found:
        users, devices = _named(node, self.naming.users), _named(node, self.naming.devices)
        is_by_them = bool(users & self.users) or (not users and bool(devices & self.devices))
        within = within or bool(users & self.users)
        is_of_others = bool(users - self.users) or (not within and bool(devices - self.devices))
        beneath = _together([self._look(each, within=within) for each in node.values()])
        is_theirs = is_by_them or beneath.is_theirs
        if is_of_others:
            return Found([], is_theirs, is_shared=True)
        if beneath.is_shared:
            return Found(beneath.parts, is_theirs, is_shared=True)
        return Found([node] if is_theirs else [], is_theirs)

    def _names_others(self, value: bytes) -> bool:
        """Say whether a message that cannot be read whole names somebody else as far as it can."""
        for names, theirs in ((self.naming.users, self.users), (self.naming.devices, self.devices)):
            fields = b"|".join(re.escape(name.encode()) for name in sorted(names))
            field = rb'"(?i:%b)"\s*:\s*(?:"((?:[^"\\]|\\.)*)"?|([^\s,}\]"]+))' % fields
            found = re.findall(field, value)
            if any(_unescaped(text or number) not in theirs for text, number in found):
                return True
        return False


def _together(found: Iterable[Found]) -> Found:
    parts: list[object] = []
    is_theirs = is_shared = False
    for each in found:
        parts += each.parts
        is_theirs, is_shared = is_theirs or each.is_theirs, is_shared or each.is_shared
    return Found(parts, is_theirs, is_shared)


def _named(node: dict[str, object], names: frozenset[str]) -> frozenset[str]:
    """Return whom the fields of an object name."""
    said = [value for name, value in node.items() if name.lower() in names]
    return frozenset(str(value) for value in said if isinstance(value, (str, int)) and value != "")


def _sole(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Read an object; one that says something twice is not told apart."""
    read = dict(pairs)
    if len(read) < len(pairs):
        msg = "a field twice"
        raise ValueError(msg)
    return read


def _unescaped(written: bytes) -> str:
    try:
        return str(json.loads(b'"%b"' % written))
    except ValueError:
        return _text(written)


def _text(value: bytes) -> str:
    return value.decode(errors="backslashreplace")
