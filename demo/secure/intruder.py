"""The intruder: tries to read what is another's, in every way we could think of, and counts.

An attempt is *answered* if anything of what it was after comes back, or if it is let in at all. It
is *refused* if it is turned away as it should be; anything else is neither, and a failure too.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

import httpx

from demo.secure.installation import OFFICER, PAGES, Installation, shown, wait
from demo.secure.shops import BOOKS, DORA, NORD, SHOPS, Shop
from portrait.access.scope import Scope

GONE, FORBIDDEN, NOBODY = 404, 403, 401
ANNA = "/profile/anna"  # there is one in both shops
MINE = f"/profile/{DORA}"  # there is one in the first shop alone


class Attempt(NamedTuple):
    """One request of the intruder's."""

    how: str  # in a word, for the table
    status: int  # as it should be turned away
    path: str
    headers: Mapping[str, str]
    method: str = "GET"
    body: object = None


@dataclass(slots=True)
class Tried:
    """What became of attempts, by kind."""

    refused: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    unclear: list[str] = field(default_factory=list)

    def take(self, attempt: Attempt, status: int, text: str, secrets: Sequence[str]) -> None:
        """Count one attempt.

        Args:
            attempt: What was sent.
            status: Of the answer.
            text: Of the answer.
            secrets: Words that only an answer has, and no request.
        """
        if status < httpx.codes.BAD_REQUEST or any(word in text for word in secrets):
            self.answered[attempt.how] += 1
        elif status == attempt.status:
            self.refused[attempt.how] += 1
        else:
            self.unclear.append(f"{attempt.method} {attempt.path} ({attempt.how}): {status}")

    @property
    def is_well(self) -> bool:
        """Whether each was refused as it should be."""
        return bool(self.refused) and not self.answered and not self.unclear


def intrude(it: Installation, tried: Tried, attempts: Sequence[Attempt]) -> None:
    """Make all attempts, one after the other."""
    for each in attempts:
        answer = it.ask(each.method, each.path, each.body, each.headers)
        tried.take(each, answer.status_code, answer.text, [shop.secret for shop in SHOPS])


def own_reads(it: Installation) -> int:
    """Read with the right keys what the intruder is after: else it would be refused for nothing.

    Returns:
        How many reads there were.

    Raises:
        SystemExit: One is not answered.
    """
    targets = [(NORD, MINE), *((shop, ANNA) for shop in SHOPS)]
    targets += [(shop, f"/items/{id}") for shop in SHOPS for id in shop.items]
    for shop, path in targets:
        answer = it.of_shop(shop, "GET", path)
        if answer.status_code != httpx.codes.OK or shop.secret not in answer.text:
            msg = f"{shop.name} does not read its own {path}: {answer.status_code}."
            raise SystemExit(msg)
    return len(targets)


def all_attempts(it: Installation) -> list[Attempt]:
    """Return everything that is tried while both shops work."""
    return [
        *_other_shops_people(it),
        *_other_shop_named(it),
        *_public_keys(it),
        *_scope_one_short(it),
        *_other_tokens(it),
        *_forged_tokens(it),
        *_keys_elsewhere(it),
        *_keys_that_were(it),
    ]


def attempts_on_erasure(it: Installation, erasure: str) -> list[Attempt]:
    """Return what the other shop tries once somebody is erased in the first one."""
    how, key = "another shop's jobs and receipts", _key(it, BOOKS)
    paths = f"/erasures/{erasure}", f"/erasures/{erasure}/receipt"
    return [Attempt(how, GONE, path, key) for path in paths]


def _key(it: Installation, shop: Shop, kind: str = OFFICER) -> dict[str, str]:
    return shown(it.keys[shop.name, kind])


def _other_shops_people(it: Installation) -> Iterator[Attempt]:
    how, key = "another shop's people, by a key of one's own", _key(it, BOOKS)
    for path in (MINE, f"{MINE}?recent=5", f"/profile/{NORD.name}.{DORA}"):
        yield Attempt(how, GONE, path, key)
    for written in (
        "%7Bdora-zqxuser%7D",
        f"{NORD.name}:{DORA}",
        f"%7D{NORD.name}:profile:%7B{DORA}",
    ):
        yield Attempt(how, GONE, f"/profile/{written}", key)
    job = it.of_shop(NORD, "POST", "/models/train", {"reason": "the demo asks"}).json()["id"]
    yield Attempt(how, GONE, f"/models/jobs/{job}", key)
    key_id = it.keys[NORD.name, OFFICER].split("_")[1]
    yield Attempt(how, GONE, f"/keys/{key_id}", key, "DELETE")


def _other_shop_named(it: Installation) -> Iterator[Attempt]:
    how, key = "another shop named in the request", _key(it, BOOKS)
    for name in ("x-shop", "x-portrait-shop", "shop", "x-tenant", "x-forwarded-host", "forwarded"):
        yield Attempt(how, GONE, MINE, {**key, name: NORD.name})
    yield Attempt(how, GONE, MINE, {**key, "cookie": f"shop={NORD.name}"})
    yield Attempt(how, GONE, f"{MINE}?shop={NORD.name}", key)
    for path in (
        f"/{NORD.name}{MINE}",
        f"/shops/{NORD.name}{MINE}",
        f"/{BOOKS.name}/../{NORD.name}{MINE}",
    ):
        yield Attempt(how, GONE, path, key)


def _public_keys(it: Installation) -> Iterator[Attempt]:
    how = "a page's key on what pages never read"
    for shop in SHOPS:
        key = {**_key(it, shop, PAGES), "origin": shop.pages}
        for path in (
            ANNA,
            f"{ANNA}/export",
            f"{ANNA}/consent",
            "/models",
            "/audit",
            "/keys",
            "/metrics",
        ):
            yield Attempt(how, FORBIDDEN, path, key)
        asked = {"user_id": "anna"}
        yield Attempt(how, FORBIDDEN, "/recommend", key, "POST", asked)
        stranger = {**key, "origin": "https://stranger.example"}
        yield Attempt(how, FORBIDDEN, "/recommend", stranger, "POST", {})


def _scope_one_short(it: Installation) -> Iterator[Attempt]:
    how = "every scope but the one that is needed"
    asked = {
        Scope.PROFILES_READ: (ANNA, f"{ANNA}/consent", "/opinions?by=brand", "/identities/zqx"),
        Scope.RECOMMEND: ("/recommend",),
        Scope.MODELS_ADMIN: ("/models", "/models/jobs"),
        Scope.PRIVACY_ADMIN: (f"{ANNA}/export", "/erasures/x", "/erasures/x/receipt"),
        Scope.KEYS_ADMIN: ("/keys", "/audit"),
    }
    for scope, paths in asked.items():
        token = _made(it, f"all but {scope}", [each for each in Scope if each != scope])
        _await_open(it, token)
        for path in paths:
            body = {"user_id": "anna"} if scope == Scope.RECOMMEND else None
            method = "GET" if body is None else "POST"
            yield Attempt(how, FORBIDDEN, path, shown(token), method, body)


def _other_tokens(it: Installation) -> Iterator[Attempt]:
    how = "a good token of another shop, or of none"
    for shop, status in (("nord-books", GONE), ("gamma", NOBODY), ("*", NOBODY), (None, NOBODY)):
        yield Attempt(how, status, MINE, shown(it.issuer.token(shop=shop)))
    both = [NORD.name, BOOKS.name]
    yield Attempt(how, NOBODY, MINE, shown(it.issuer.token(shop=both)))
    yield Attempt(how, NOBODY, MINE, shown(it.issuer.token()))


def _forged_tokens(it: Installation) -> Iterator[Attempt]:
    for token in it.issuer.forged(shop=NORD.name).values():
        yield Attempt("an expired or forged token", NOBODY, MINE, shown(token))


def _keys_elsewhere(it: Installation) -> Iterator[Attempt]:
    how, key = "a good key, but not where keys are shown", it.keys[NORD.name, OFFICER]
    for name in ("access_token", "key", "api_key", "authorization", "token"):
        yield Attempt(how, NOBODY, f"{MINE}?{name}={key}", {})
    for name, value in (
        ("x-api-key", key),
        ("cookie", f"authorization=Bearer {key}"),
        ("authorization", key),
        ("authorization", f"Basic {key}"),
        ("proxy-authorization", f"Bearer {key}"),
    ):
        yield Attempt(how, NOBODY, MINE, {name: value})


def _keys_that_were(it: Installation) -> Iterator[Attempt]:
    how = "no key, or one that is expired, revoked or mixed"
    yield Attempt(how, NOBODY, MINE, {})
    soon = datetime.now(UTC) + timedelta(seconds=1)
    expired = _made(it, "short", [Scope.PROFILES_READ], expires_at=soon.isoformat())
    revoked = _made(it, "revoked", [Scope.PROFILES_READ])
    _await_open(it, revoked)  # then the one that was made before it is known, too
    it.of_shop(NORD, "DELETE", f"/keys/{revoked.split('_')[1]}")
    for token in (expired, revoked):
        wait(partial(_is_shut, it, token), "a key opens nothing any more")
        yield Attempt(how, NOBODY, MINE, shown(token))
    id, secret = it.keys[NORD.name, OFFICER].split("_", 2)[1:]
    other = it.keys[BOOKS.name, OFFICER].split("_", 2)[2]
    for token in (f"portrait_{id}_{other}", f"portrait_{id}_{secret[:-1]}", f"portrait_{id}_", id):
        yield Attempt(how, NOBODY, MINE, shown(token))


def _made(it: Installation, name: str, scopes: Sequence[Scope], **more: object) -> str:
    """Make a key of the first shop over HTTP. Returns its token."""
    asked = {"name": name, "scopes": [*scopes], **more}
    answer = it.of_shop(NORD, "POST", "/keys", asked).raise_for_status()
    return str(answer.json()["token"])


def _await_open(it: Installation, token: str) -> None:
    wait(lambda: not _is_shut(it, token), "a new key is known")


def _is_shut(it: Installation, token: str) -> bool:
    return it.ask("GET", MINE, None, shown(token)).status_code == NOBODY
