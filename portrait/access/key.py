"""API keys: what a program shows to be let in.

    portrait_3f9c1a20b7de_5Jq…(43 characters)
             id           secret: 256 random bits, shown once

Whoever holds the store holds digests alone. They are of random bits, so that one fast hash without
salt is as good as any: there is nothing to guess.
"""

import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from portrait.access.scope import FOR_BROWSERS, Scope
from portrait.shops.shop import Rate

SECRET_BYTES = 32
MOST_KEYS = 10_000  # of an installation, revoked ones among them
# Of the last character four bits are said: one that says more is another way to write the same.
TOKEN = re.compile(r"portrait_([0-9a-f]{12})_([\w-]{42}[AEIMQUYcgkosw048])", re.ASCII)
_NOBODY = b"\0" * SECRET_BYTES  # compared with where there is no key, which takes as long

KeyId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")]
KeyName = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=64, pattern=r"^[\w .@:/+-]+$", strip_whitespace=True
    ),
]
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PORT = r"[1-9][0-9]{0,4}"


def _as_browsers_write(origin: str) -> str:
    """Refuse a port that goes without saying: browsers leave it out."""
    if re.fullmatch(r"http://.*:80|https://.*:443", origin):
        msg = "browsers leave this port out"
        raise ValueError(msg)
    return origin


# As a browser writes it: no path, no letter above lower case.
Origin = Annotated[
    str,
    StringConstraints(max_length=256, pattern=rf"^https?://{_LABEL}(?:\.{_LABEL})*(?::{_PORT})?$"),
    AfterValidator(_as_browsers_write),
]


class ApiKey(BaseModel):
    """One key, without its secret."""

    model_config = ConfigDict(frozen=True)

    id: KeyId
    name: KeyName
    kind: Literal["server", "public"]
    scopes: frozenset[Scope] = Field(min_length=1)
    origins: frozenset[Origin] = frozenset()  # of a public key: the pages that may show it
    rate: Rate | None = None  # tokens a second that it may ask for; None: as the setting says
    digest: str = Field(pattern=r"^[0-9a-f]{64}$", repr=False)
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    revoked_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _is_fit(self) -> Self:
        if self.kind == "public" and not self.scopes <= FOR_BROWSERS:
            msg = f"a public key may have {_listed(FOR_BROWSERS)} alone: any visitor can read it"
            raise ValueError(msg)
        if (self.kind == "public") != bool(self.origins):
            msg = "a public key has the origins of the pages that show it, and no other key has any"
            raise ValueError(msg)
        if self.expires_at is not None and self.expires_at <= self.created_at:
            msg = "it would have expired before it was made"
            raise ValueError(msg)
        return self

    def is_good(self, at: datetime) -> bool:
        """Say whether it lets anybody in at this moment."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


def new_key(  # noqa: PLR0913 - what a key is made of
    name: str,
    scopes: Iterable[Scope],
    now: datetime,
    *,
    kind: Literal["server", "public"] = "server",
    origins: Iterable[str] = (),
    expires_at: datetime | None = None,
    rate: float | None = None,
) -> tuple[ApiKey, str]:
    """Make a key. Returns it and what its holder shows, which nobody can find out later.

    Raises:
        ValidationError: It cannot be: see `ApiKey`.
    """
    id, secret = secrets.token_hex(6), secrets.token_bytes(SECRET_BYTES)
    key = ApiKey(
        id=id,
        name=name,
        kind=kind,
        scopes=frozenset(scopes),
        origins=frozenset(origins),
        digest=_digest(secret).hex(),
        created_at=now,
        expires_at=expires_at,
        rate=rate,
    )
    return key, f"portrait_{id}_{_written(secret)}"


def read_token(token: str) -> tuple[str, bytes] | None:
    """Read what was shown: the key's id, and the digest of its secret; None if it is no key."""
    found = TOKEN.fullmatch(token)
    if found is None:
        return None
    return found[1], _digest(urlsafe_b64decode(found[2] + "="))


def is_secret_of(key: ApiKey | None, digest: bytes) -> bool:
    """Say whether a digest is that of a key's secret, in the same time whatever they are."""
    stored = _NOBODY if key is None else bytes.fromhex(key.digest)
    return hmac.compare_digest(stored, digest) and key is not None


def _written(secret: bytes) -> str:
    return urlsafe_b64encode(secret).rstrip(b"=").decode()


def _digest(secret: bytes) -> bytes:
    return blake2b(secret, digest_size=32).digest()


def _listed(scopes: Iterable[Scope]) -> str:
    return " and ".join(sorted(scopes))


def described(key: ApiKey) -> str:
    """Say in a line of the audit log which key it is, and what it may do."""
    return f"{key.id} {key.name}: {' '.join(sorted(key.scopes))}"
