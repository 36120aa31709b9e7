"""Tokens of an identity provider: what counts, and all that does not."""

import asyncio
import hmac
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from joserfc import jwk, jws, jwt
from joserfc.jws import JWSRegistry
from pydantic_core import to_json

from portrait.access.scope import Scope
from portrait.errors import IssuerUnavailableError
from service.access.tokens import KEPT, LONGEST, Tokens
from tests.support.processes import until

ISSUER, AUDIENCE = "https://login.shop.example/realms/shop", "portrait"
RSA = jwk.RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, private=True)
EC = jwk.ECKey.generate_key("P-256", {"kid": "two", "use": "sig"}, private=True)
STRANGER_EC = jwk.ECKey.generate_key("P-256", {"kid": "four"}, private=True)
STRANGER = jwk.RSAKey.generate_key(2048, {"kid": "one"}, private=True)
ANY = JWSRegistry(algorithms=["RS256", "ES256"])


class Issuer:
    """Publishes its keys, and counts how often it is asked."""

    def __init__(self, *keys: jwk.Key) -> None:
        self.keys = list(keys)
        self.asked = 0
        self.is_down = False

    async def fetch(self) -> Mapping[str, object]:
        self.asked += 1
        if self.is_down:
            raise IssuerUnavailableError
        return {"keys": [key.as_dict(private=False) for key in self.keys]}


async def tokens_of(issuer: Issuer) -> Tokens:
    tokens = Tokens(ISSUER, AUDIENCE, issuer.fetch)
    await tokens.read_keys()
    return tokens


def claims(**changed: object) -> dict[str, Any]:
    usual = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "crm",
        "exp": int(time.time()) + 300,
        "scope": "profiles:read openid recommend",
    }
    return {name: value for name, value in {**usual, **changed}.items() if value is not None}


def signed(said: Mapping[str, Any], key: jwk.Key = RSA, alg: str = "RS256", **header: str) -> str:
    return jwt.encode({"alg": alg, "kid": key.kid, **header}, dict(said), key, registry=ANY)


async def test_a_token_of_the_issuer_counts_with_the_scopes_that_are_ours() -> None:
    caller = (await tokens_of(Issuer(RSA))).read(signed(claims()))

    assert caller is not None
    assert (caller.name, caller.is_public) == ("token crm", False)
    assert caller.scopes == {Scope.PROFILES_READ, Scope.RECOMMEND}


async def test_scopes_may_be_a_list_and_the_audience_one_of_several() -> None:
    said = claims(scope=None, scp=["models:admin", 7], aud=["others", AUDIENCE])

    caller = (await tokens_of(Issuer(EC))).read(signed(said, EC, "ES256"))

    assert caller is not None
    assert caller.scopes == {Scope.MODELS_ADMIN}


def unsigned(said: Mapping[str, Any]) -> str:
    return f"{_written({'alg': 'none', 'kid': 'one', 'typ': 'JWT'})}.{_written(said)}."


def confused(said: Mapping[str, Any]) -> str:
    """Sign with the public key as if it were a secret."""
    head = _written({"alg": "HS256", "kid": "one", "typ": "JWT"}) + "." + _written(said)
    made = hmac.digest(RSA.as_pem(private=False), head.encode(), "sha256")
    return f"{head}.{urlsafe_b64encode(made).rstrip(b'=').decode()}"


def _written(part: Mapping[str, Any]) -> str:
    return urlsafe_b64encode(to_json(part)).rstrip(b"=").decode()


def raw(changed: str) -> str:
    """Sign claims that are written by hand: those of all, and after them these."""
    said = to_json(claims()).decode()[:-1] + "," + changed[1:]
    head = {"alg": "RS256", "kid": "one"}
    return jws.serialize_compact(head, said.encode(), RSA, registry=ANY)


FORGED: dict[str, Callable[[], str]] = {
    "none": lambda: unsigned(claims()),
    "confused": lambda: confused(claims()),
    "stranger": lambda: signed(claims(), STRANGER),
    "issuer": lambda: signed(claims(iss="https://evil.example")),
    "no issuer": lambda: signed(claims(iss=None)),
    "audience": lambda: signed(claims(aud="others")),
    "no audience": lambda: signed(claims(aud=None)),
    "expired": lambda: signed(claims(exp=int(time.time()) - 120)),
    "no end": lambda: signed(claims(exp=None)),
    "not yet": lambda: signed(claims(nbf=int(time.time()) + 3_600)),
    "nobody": lambda: signed(claims(sub=None)),
    "nobody in particular": lambda: signed(claims(sub=["crm"])),
    "a subject of several lines": lambda: signed(claims(sub="crm\nkey 0")),
    "half a character": lambda: raw('{"sub": "\\ud800"}'),
    "a long subject": lambda: signed(claims(sub="c" * 200)),
    "an end of 401 digits": lambda: raw('{"exp": 1' + 400 * "0" + "}"),
    "nested": lambda: raw('{"x": ' + 2_500 * "[" + 2_500 * "]" + "}"),
    "end as a text": lambda: signed(claims(exp="9999999999")),
    "cut": lambda: signed(claims())[:-4],
    "empty": lambda: "",
    "dots": lambda: "..",
    "long": lambda: "a" * (LONGEST + 1),
    "not ascii": lambda: "é.é.é",
}


@pytest.mark.parametrize("kind", FORGED)
async def test_a_token_that_is_not_the_issuers_does_not_count(kind: str) -> None:
    assert (await tokens_of(Issuer(RSA))).read(FORGED[kind]()) is None


async def test_clocks_may_differ_by_a_little() -> None:
    late = signed(claims(exp=int(time.time()) - 30))

    assert (await tokens_of(Issuer(RSA))).read(late) is not None


async def test_a_new_key_of_the_issuer_is_read_soon_but_not_for_every_unknown_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.access.tokens.KEYS_PAUSE", 0.05)
    issuer = Issuer(RSA)
    tokens = Tokens(ISSUER, AUDIENCE, issuer.fetch)
    following = asyncio.create_task(tokens.follow())
    await until(lambda: tokens.is_ready, "keys are read")
    issuer.keys.append(EC)

    for _ in range(1_000):
        assert tokens.read(signed(claims(), STRANGER_EC, "ES256")) is None
    assert tokens.read(signed(claims(), EC, "ES256")) is None  # nobody waits
    await until(lambda: tokens.read(signed(claims(), EC, "ES256")) is not None, "it counts")
    following.cancel()

    assert issuer.asked == 2


async def test_no_request_waits_for_an_issuer_that_does_not_answer() -> None:
    async def never() -> Mapping[str, object]:
        await asyncio.sleep(3_600)
        return {}

    tokens = Tokens(ISSUER, AUDIENCE, never)
    following = asyncio.create_task(tokens.follow())
    await asyncio.sleep(0)

    assert not tokens.is_ready
    assert tokens.read(signed(claims())) is None
    following.cancel()


async def test_while_the_issuer_is_away_its_old_keys_count() -> None:
    issuer = Issuer(RSA)
    tokens = await tokens_of(issuer)
    issuer.is_down = True

    assert not await tokens.read_keys()
    assert tokens.read(signed(claims())) is not None


async def test_a_key_that_was_withdrawn_counts_no_more() -> None:
    issuer = Issuer(RSA)
    tokens = await tokens_of(issuer)
    endless = signed(claims(exp=10**18))
    assert tokens.read(endless) is not None
    issuer.keys = [EC]
    await tokens.read_keys()

    assert tokens.read(endless) is None


@pytest.mark.parametrize(
    "odd",
    [
        {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA"},
        {"crv": "P-256"},
        {"kty": "AKP", "alg": "ML-DSA-44"},
        {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "kid": "three"},
        "no key",
        None,
    ],
    ids=str,
)
async def test_a_key_that_cannot_be_used_hides_no_other(odd: object) -> None:
    async def fetch() -> Mapping[str, object]:
        return {"keys": [odd, RSA.as_dict(private=False)]}

    tokens = Tokens(ISSUER, AUDIENCE, fetch)
    await tokens.read_keys()

    assert tokens.read(signed(claims())) is not None


@pytest.mark.parametrize("answer", [{}, {"keys": {}}, {"keys": None}])
async def test_what_is_no_key_set_changes_nothing(answer: Mapping[str, object]) -> None:
    async def fetch() -> Mapping[str, object]:
        return answer

    tokens = Tokens(ISSUER, AUDIENCE, fetch)

    assert not await tokens.read_keys()
    assert not tokens.is_ready


async def test_what_is_remembered_has_an_end() -> None:
    tokens = await tokens_of(Issuer(EC))
    for number in range(KEPT + 10):
        tokens.read(signed(claims(sub=str(number)), EC, "ES256"))

    assert len(tokens) == KEPT
