"""Tokens: who asks, as the shop's own identity provider says it (OpenID Connect, JWT).

A token counts if it is signed by a key that the issuer publishes, with an algorithm of our list, is
of that issuer and for this audience, and has not expired. Its scopes are in `scope`, as a text, or
in `scp`, as a list; what is no scope of ours is left out.

Source: RFC 7519, RFC 8725 (best current practices), RFC 9068.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from hashlib import blake2b
from time import monotonic, time

import structlog
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from portrait.access.scope import Scope
from portrait.errors import IssuerUnavailableError
from service.access.caller import Caller

ALGORITHMS = ("RS256", "PS256", "ES256", "Ed25519", "EdDSA")  # of public keys alone: no `none`
SKEW_SECONDS = 60  # that clocks may differ by
LONGEST = 8_192  # characters of a token
KEPT = 1_000  # tokens that were read and have not expired
KEYS_LAST = 3_600.0  # seconds, after which the issuer's keys are read again
KEYS_PAUSE = 10.0  # seconds at least between two readings, however many unknown keys are named
SUBJECT = 128  # characters of it that the audit log has

Fetch = Callable[[], Awaitable[Mapping[str, object]]]

log = structlog.get_logger()


class Tokens:
    """Reads tokens of one issuer. Lives as long as the process."""

    def __init__(self, issuer: str, audience: str, fetch: Fetch) -> None:
        """Prepare it.

        Args:
            issuer: As `iss` has it.
            audience: As `aud` has it.
            fetch: Reads the issuer's key set (JWKS); raises IssuerUnavailableError.
        """
        self._fetch = fetch
        self._claims = jwt.JWTClaimsRegistry(
            leeway=SKEW_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        self._keys = KeySet([])
        self._read_at: float | None = None  # by the monotonic clock
        self._turn = asyncio.Lock()
        self._known: OrderedDict[bytes, tuple[Caller, float]] = OrderedDict()  # until when, time()

    def __len__(self) -> int:
        """Return how many tokens are remembered."""
        return len(self._known)

    async def read(self, token: str) -> Caller | None:
        """Return whom a token speaks for; None if it does not count."""
        if len(token) > LONGEST:
            return None
        name = blake2b(token.encode(), digest_size=32).digest()
        caller, until = self._known.get(name, (None, 0.0))
        if caller is not None and time() < until:
            return caller
        self._known.pop(name, None)
        try:
            caller, until = await self._verified(token)
        except (JoseError, ValueError, TypeError):  # of whatever somebody sends
            return None
        self._known[name] = caller, until
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return caller

    async def _verified(self, token: str) -> tuple[Caller, float]:
        if self._read_at is None or monotonic() - self._read_at > KEYS_LAST:
            await self._renew()
        try:
            claims = self._decoded(token)
        except InvalidKeyIdError:  # a new key of the issuer's
            await self._renew()
            claims = self._decoded(token)
        self._claims.validate(claims)
        scopes = frozenset(Scope(name) for name in _scopes(claims) if name in set(Scope))
        subject = str(claims["sub"])[:SUBJECT]
        return Caller(f"token {subject}", scopes), float(claims["exp"]) + SKEW_SECONDS

    def _decoded(self, token: str) -> jwt.Claims:
        allowed = JWSRegistry(algorithms=[*ALGORITHMS])
        return jwt.decode(token, self._keys, registry=allowed).claims

    async def _renew(self) -> None:
        """Read the issuer's keys, one reader at a time; while it is away the old ones count."""
        async with self._turn:
            now = monotonic()
            if self._read_at is not None and now - self._read_at < KEYS_PAUSE:
                return
            self._read_at = now
            try:
                self._keys = KeySet.import_key_set(await self._fetch())  # type: ignore[arg-type]
                self._known.clear()  # of a key that was withdrawn, too
            except (IssuerUnavailableError, JoseError, ValueError, TypeError, KeyError) as error:
                log.warning(
                    "issuer_missed",
                    reason=str(error)
                    if isinstance(error, IssuerUnavailableError)
                    else type(error).__name__,
                )


def _scopes(claims: jwt.Claims) -> list[str]:
    """Return the scopes that a token names."""
    text, listed = claims.get("scope"), claims.get("scp")
    named = text.split() if isinstance(text, str) else []
    if isinstance(listed, str):
        named += listed.split()
    elif isinstance(listed, list):
        named += [each for each in listed if isinstance(each, str)]
    return named
