"""Tokens: who asks, as the shop's own identity provider says it (OpenID Connect, JWT).

A token counts if it is signed by a key that the issuer publishes, with an algorithm of our list, is
of that issuer and for this audience, and has not expired. Its scopes are in `scope`, as a text, or
in `scp`, as a list; what is no scope of ours is left out.

No request waits for the issuer: its keys are read beside, now and then, and soon after a token has
named one that is not known. That token is refused, and the next one of the same key is not.

Source: RFC 7519, RFC 8725 (best current practices), RFC 9068.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from hashlib import blake2b
from time import time

import structlog
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet, OctKey
from joserfc.jws import JWSRegistry

from portrait.access.scope import Scope
from portrait.errors import IssuerUnavailableError
from service.access.caller import Caller

ALGORITHMS = ("RS256", "PS256", "ES256", "Ed25519", "EdDSA")  # of public keys alone: no `none`
SKEW_SECONDS = 60  # that clocks may differ by
LONGEST = 8_192  # characters of a token
KEPT = 1_000  # tokens that were read
KEYS_LAST = 600.0  # seconds, after which the issuer's keys are read again
KEYS_PAUSE = 10.0  # seconds from one reading to the next, however many unknown keys are named
MOST_KEYS = 100  # of an issuer
SUBJECT = 128  # characters of one

Fetch = Callable[[], Awaitable[Mapping[str, object]]]

log = structlog.get_logger()


class Tokens:
    """Reads tokens of one issuer. Lives as long as the process."""

    def __init__(
        self,
        issuer: str,
        audience: str,
        fetch: Fetch,
        shop_claim: str | None = None,
        shop: str | None = None,
    ) -> None:
        """Prepare it.

        Args:
            issuer: As `iss` has it.
            audience: As `aud` has it.
            fetch: Reads the issuer's key set (JWKS); raises IssuerUnavailableError.
            shop_claim: Which claim names the shop; None: none does.
            shop: Whose tokens are that name none.
        """
        self._fetch = fetch
        self._shop_claim = shop_claim
        self._shop_of_all = shop
        self._claims = jwt.JWTClaimsRegistry(
            leeway=SKEW_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        if shop_claim is not None:
            self._claims.options[shop_claim] = {"essential": True}
        self._keys: KeySet | None = None  # None: not read yet
        self._is_wanted = asyncio.Event()  # a key was named that is not known
        self._known: OrderedDict[bytes, tuple[Caller, float]] = OrderedDict()  # until when, time()

    @property
    def is_ready(self) -> bool:
        """Whether the issuer's keys are known."""
        return self._keys is not None

    def __len__(self) -> int:
        """Return how many tokens are remembered."""
        return len(self._known)

    def read(self, token: str) -> Caller | None:
        """Return whom a token speaks for; None if it does not count."""
        if self._keys is None or len(token) > LONGEST:
            return None
        name = blake2b(token.encode(), digest_size=32).digest()
        caller, until = self._known.get(name, (None, 0.0))
        if caller is not None and time() < until:
            return caller
        self._known.pop(name, None)
        try:
            caller, until = self._verified(token, self._keys)
        except InvalidKeyIdError:
            self._is_wanted.set()
            return None
        except (JoseError, ValueError, TypeError, OverflowError, RecursionError):
            return None  # of whatever somebody sends
        self._known[name] = caller, until
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return caller

    async def follow(self) -> None:
        """Keep the issuer's keys current, until cancelled."""
        while True:
            has_read = await self.read_keys()
            self._is_wanted.clear()
            await asyncio.sleep(KEYS_PAUSE)
            try:
                async with asyncio.timeout(KEYS_LAST - KEYS_PAUSE if has_read else 0):
                    await self._is_wanted.wait()
            except TimeoutError:
                continue

    async def read_keys(self) -> bool:
        """Read the issuer's keys; while it is away the old ones count. Returns whether it spoke."""
        try:
            self._keys = KeySet(_usable(await self._fetch()))
        except IssuerUnavailableError as error:
            log.warning("issuer_missed", reason=str(error))
            return False
        self._known.clear()  # also those of a key that was withdrawn
        return True

    def _verified(self, token: str, keys: KeySet) -> tuple[Caller, float]:
        allowed = JWSRegistry(algorithms=[*ALGORITHMS])
        claims = jwt.decode(token, keys, registry=allowed).claims
        self._claims.validate(claims)
        subject = claims["sub"]
        if not (isinstance(subject, str) and subject.isprintable() and len(subject) <= SUBJECT):
            msg = "a subject that no log can name"
            raise ValueError(msg)
        scopes = frozenset(Scope(name) for name in _scopes(claims) if name in set(Scope))
        caller = Caller(f"token {subject}", scopes, shop=self._shop(claims))
        return caller, float(claims["exp"]) + SKEW_SECONDS

    def _shop(self, claims: jwt.Claims) -> str | None:
        """Return whose token it is."""
        if self._shop_claim is None:
            return self._shop_of_all
        return str(claims[self._shop_claim])


def _usable(published: Mapping[str, object]) -> list[Key]:
    """Return the keys of a set that can be used; others are passed over (RFC 7517, section 5).

    Raises:
        IssuerUnavailableError: It is no key set.
    """
    listed = published.get("keys")
    if not isinstance(listed, list):
        msg = "It does not answer with a key set."
        raise IssuerUnavailableError(msg)
    keys: list[Key] = []
    for each in listed[:MOST_KEYS]:
        try:
            key = JWKRegistry.import_key(each)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            continue
        if not isinstance(key, OctKey):  # a secret that everybody can read is none
            keys.append(key)
    return keys


def _scopes(claims: jwt.Claims) -> list[str]:
    """Return the scopes that a token names."""
    text, listed = claims.get("scope"), claims.get("scp")
    named = text.split() if isinstance(text, str) else []
    if isinstance(listed, str):
        named += listed.split()
    elif isinstance(listed, list):
        named += [each for each in listed if isinstance(each, str)]
    return named
