"""The guard: who asks, by the key or the token that they show.

Authorization: Bearer portrait_… ─▶ a key of the ring, which is read anew every second
Authorization: Bearer eyJ…       ─▶ a token of the shop's own identity provider

A request is never held up by the store: what was known last counts, while Redis is away as well.
A key that is revoked opens nothing a second later, in every process.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import NamedTuple

import structlog
from starlette.types import Scope as AsgiScope

from portrait import metrics
from portrait.access.key import ApiKey, is_secret_of, read_token
from portrait.access.scope import Scope
from portrait.access.store import KeyStore
from portrait.errors import StoreUnavailableError
from portrait.lifecycle.lease import stopped
from service.access.caller import Caller
from service.access.limits import Limits
from service.access.problems import (
    KeyInvalidError,
    KeyMisplacedError,
    KeyMissingError,
    KeysUnknownError,
    ScopeMissingError,
)
from service.access.tokens import Tokens
from service.repeating import repeat

READ_EVERY = 1.0  # seconds: a revoked key is good for as long
NOTED_EVERY = 10.0  # seconds, between two notes of which keys were used
SHOWN = b"authorization"
BEARER = b"bearer "
PREFIX = "portrait_"
LET_IN = metrics.access_decisions.labels("let_in")
HOW = "Send a key as `Authorization: Bearer portrait_…`; an operator makes one: `portrait keys`."

log = structlog.get_logger()


class Known(NamedTuple):
    """A key, and who shows it."""

    key: ApiKey
    caller: Caller


class Guard:
    """Lets in who shows a key or a token. Lives as long as the process."""

    def __init__(
        self,
        stores: KeyStore | Mapping[str | None, KeyStore],
        tokens: Tokens | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Connect it.

        Args:
            stores: Where keys are; of several shops, or of one that has a name, by that.
            tokens: Reads those of an identity provider; None: there is none.
            limits: How much each may ask for; None: as much as they like.
        """
        self.stores: Mapping[str | None, KeyStore]
        self.stores = stores if isinstance(stores, Mapping) else {None: stores}
        self.limits = limits
        self._tokens = tokens
        self._keys: Mapping[str, Known] | None = None  # None: not read yet
        self._pages: frozenset[str] = frozenset()
        self._used: dict[str, datetime] = {}

    def is_page(self, origin: str) -> bool:
        """Say whether pages of an origin may show a key."""
        return origin in self._pages

    def by_key(self, scope: AsgiScope) -> Caller | None:
        """Return whose key a request shows; None if it shows none that is good."""
        shown = shown_by(scope)
        found = None if shown is None else read_token(shown)
        if found is None or self._keys is None:
            return None
        id, digest = found
        known, now = self._keys.get(id), datetime.now(UTC)
        key = None if known is None else known.key
        if not is_secret_of(key, digest) or known is None or not known.key.is_good(now):
            return None
        self._used[id] = now
        return known.caller

    def lets_in(self, scope: AsgiScope, needed: Scope, cost: int) -> bool:
        """Say whether a request shows a server's key with a scope, and has the tokens at hand.

        If not, others say why, or fetch tokens.
        """
        caller = self.by_key(scope)
        if caller is None or caller.is_public or needed not in caller.scopes:
            return False
        if self.limits is not None and not self.limits.has(caller, cost):
            return False
        LET_IN.inc()
        return True

    def caller(self, scope: AsgiScope) -> Caller:
        """Return who asks.

        Raises:
            KeyMissingError: They show nothing.
            KeyInvalidError: What they show opens nothing, whyever.
            KeysUnknownError: It cannot be known yet.
        """
        if self._keys is None:
            msg = "Redis has not answered yet."
            raise KeysUnknownError(msg)
        shown = shown_by(scope)
        if shown is None:
            raise KeyMissingError(HOW)
        if shown.startswith(PREFIX) or self._tokens is None:
            caller = self.by_key(scope)
        elif self._tokens.is_ready:
            caller = self._tokens.read(shown)
        else:
            msg = "The identity provider has not said yet what its keys are."
            raise KeysUnknownError(msg)
        if caller is None or caller.shop not in self.stores:
            msg = "It is unknown, expired or revoked, or not written as it was given out."
            raise KeyInvalidError(msg)
        return caller

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep what is known current meanwhile."""
        async with asyncio.TaskGroup() as group:
            steps = (self.read_keys, READ_EVERY), (self.note_uses, NOTED_EVERY)
            tasks = [group.create_task(repeat(*step)) for step in steps]
            if self._tokens is not None:
                tasks.append(group.create_task(self._tokens.follow()))
            try:
                yield
            finally:
                for task in tasks:
                    await stopped(task)

    async def read_keys(self) -> None:
        """Read all keys anew."""
        keys = {
            key.id: Known(key, _caller(key, shop))
            for shop, store in self.stores.items()
            for key in await store.all()
        }
        self._keys = keys
        now = datetime.now(UTC)
        self._pages = frozenset(
            origin for key, _ in keys.values() if key.is_good(now) for origin in key.origins
        )

    async def note_uses(self) -> None:
        """Write down which keys were used, and when last."""
        uses, self._used = self._used, {}
        try:
            for shop, store in self.stores.items():
                await store.note_uses({id: at for id, at in uses.items() if self._is_of(id, shop)})
        except StoreUnavailableError:
            self._used = {**uses, **self._used}
            raise

    def _is_of(self, id: str, shop: str | None) -> bool:
        """Say whether a key is of a shop, as far as is known."""
        return self._keys is not None and id in self._keys and self._keys[id].caller.shop == shop


def shown_by(scope: AsgiScope) -> str | None:
    """Return what a request shows; None if nothing, two things, or anything but a bearer's."""
    shown: list[bytes] = [value for name, value in scope["headers"] if name == SHOWN]
    if len(shown) != 1 or shown[0][: len(BEARER)].lower() != BEARER:
        return None
    return shown[0][len(BEARER) :].strip(b" ").decode("latin-1")


def check_server(caller: Caller) -> None:
    """Refuse a public key where any other will do.

    Raises:
        ScopeMissingError: It is one.
    """
    if caller.is_public:
        msg = "It needs a key that is not public."
        raise ScopeMissingError(msg)


def check_scope(caller: Caller, needed: Scope) -> None:
    """Refuse who may not do what is asked for.

    Raises:
        ScopeMissingError: A scope is missing.
    """
    if needed not in caller.scopes:
        msg = f"It needs the scope `{needed}`."
        raise ScopeMissingError(msg)


def check_page(caller: Caller, scope: AsgiScope) -> None:
    """Refuse a public key that is shown from anywhere but its pages.

    Who writes requests by hand may claim any origin: this keeps other shops' pages from using a
    key, and nobody else; what a public key may do is chosen for that (docs/decisions/0039).

    Raises:
        KeyMisplacedError: It is.
    """
    if not caller.is_public:
        return
    origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
    if len(origins) != 1 or origins[0] not in caller.origins:
        msg = "It is a public key: browsers show it on the pages that it was made for, alone."
        raise KeyMisplacedError(msg)


def _caller(key: ApiKey, shop: str | None) -> Caller:
    return Caller(f"key {key.id}", key.scopes, key.origins, key.rate, shop)
