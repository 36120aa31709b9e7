"""Belongings: what lies where of one person, as far as it can be told whose it is."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from portrait.access.audit import AuditLog
from portrait.archive.archive import Archive
from portrait.events.event import ANONYMOUS
from portrait.events.stream import EventStream, Record
from portrait.experiments.store import ListStore
from portrait.identity.store import IdentityStore
from portrait.lifecycle.registry import Registry
from portrait.profiles.store import ProfileStore
from portrait.rights.erasure_job import ErasureJobs
from portrait.rights.export import Exports
from workers.log_end import up_to_the_end

DeadLetters = Callable[[], AbstractAsyncContextManager[EventStream]]  # all of them, from the first


@dataclass(frozen=True, slots=True)
class Places:
    """Where something of somebody may lie, and what is asked of it."""

    profiles: ProfileStore
    identities: IdentityStore
    lists: ListStore
    archive: Archive
    dead_letters: DeadLetters
    audit: AuditLog
    registry: Registry
    erasures: ErasureJobs
    exports: Exports


async def letters_of(keys: Sequence[str], dead_letters: DeadLetters) -> AsyncIterator[Record]:
    """Yield the dead letters that name somebody: by their key, or anywhere in what was sent."""
    names = {name for key in keys for name in _names(key)}
    async with dead_letters() as stream:
        async for letter in up_to_the_end(stream):
            held = letter.value or b""
            if (letter.key or b"") in names or any(b'"%b"' % name in held for name in names):
                yield letter


def _names(user: str) -> set[bytes]:
    """Return what names somebody in a message: as it is, without the mark, as JSON writes it."""
    written = {user, user.removeprefix(ANONYMOUS)}
    written |= {json.dumps(each)[1:-1] for each in written}
    return {each.encode() for each in written if each}
