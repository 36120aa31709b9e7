"""Belongings: what lies where of one person, as far as it can be told whose it is."""

import json
import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import NamedTuple

from portrait.access.audit import AuditLog
from portrait.archive.archive import Archive
from portrait.events.event import ANONYMOUS
from portrait.events.stream import EventStream, Record
from portrait.experiments.given import GivenStore
from portrait.experiments.store import ListStore
from portrait.helpdesk.labels import LabelStore
from portrait.identity.store import IdentityStore
from portrait.lifecycle.registry import Registry
from portrait.opinions.store import OpinionStore
from portrait.profiles.store import ProfileStore
from portrait.reading.mapping import Mapped
from portrait.rights.erasure_job import ErasureJobs
from portrait.rights.export import Exports
from portrait.segments.store import SegmentStore
from workers.log_end import up_to_the_end

DeadLetters = Callable[[], AbstractAsyncContextManager[EventStream]]  # all of them, from the first


class Naming(NamedTuple):
    """What producers call the fields of a message that say whose it is."""

    users: frozenset[str]
    devices: frozenset[str]


NAMING = Naming(
    frozenset({"user_id", "userId", "customer_id", "customerId", "external_id", "subject"}),
    frozenset(
        {"anonymous_id", "anonymousId", "domain_userid", "network_userid", "user_pseudo_id"}
        | {"client_id", "clientId", "previous_id", "previousId"}
    ),
)


def naming_of(mapped: Mapped) -> Naming:
    """Return the names of all vocabularies, and those of a shop's own messages."""
    return Naming(
        NAMING.users | mapped.names_of("user_id"), NAMING.devices | mapped.names_of("anonymous_id")
    )


@dataclass(frozen=True, slots=True)
class Places:
    """Where something of somebody may lie, and what is asked of it."""

    profiles: ProfileStore
    identities: IdentityStore
    lists: ListStore
    given: GivenStore
    opinions: OpinionStore
    messages: LabelStore
    segments: SegmentStore
    archive: Archive
    dead_letters: DeadLetters
    naming: Naming
    audit: AuditLog
    registry: Registry
    erasures: ErasureJobs
    exports: Exports


async def letters_of(
    keys: Sequence[str], naming: Naming, dead_letters: DeadLetters
) -> AsyncIterator[Record]:
    """Yield the dead letters that name somebody: by their key, or where a message says who.

    Anywhere else in a message their name may be a word: who is called `click` is given nobody's
    clicks. And a device may be called as a user is, for any page gives itself a name.
    """
    named, theirs = {key.encode() for key in keys}, _pattern(keys, naming)
    async with dead_letters() as stream:
        async for letter in up_to_the_end(stream):
            if letter.key in named or theirs.search(letter.value or b""):
                yield letter


def _pattern(keys: Sequence[str], naming: Naming) -> re.Pattern[bytes]:
    """Find a field that says who, with one of these; also in a message that is cut or broken."""
    devices = {key.removeprefix(ANONYMOUS) for key in keys if key.startswith(ANONYMOUS)}
    users = {key for key in keys if not key.startswith(ANONYMOUS)}
    ways = [
        rb'"(?i:%b)"\s*:\s*(?:"(?:%b)"|(?:%b)(?=[\s,}\]]))'
        % (_any(fields), _any(_written(names)), _any(_written(names)))
        for fields, names in ((naming.users, users - {""}), (naming.devices, devices - {""}))
        if names
    ]
    return re.compile(b"|".join(ways) or rb"(?!)")


def _any(words: Iterable[str]) -> bytes:
    return b"|".join(re.escape(word.encode()) for word in sorted(words))


def _written(names: Iterable[str]) -> set[str]:
    """Return names as they are, and as JSON writes them."""
    return {way for name in names for way in (name, json.dumps(name)[1:-1])}
