"""Keys: what opens, what does not, and what a public one may be."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from portrait.access.key import ApiKey, is_secret_of, new_key, read_token
from portrait.access.scope import FOR_BROWSERS, Scope

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
PAGES = ["https://shop.example"]


def opens(key: ApiKey, token: str) -> bool:
    found = read_token(token)
    return found is not None and found[0] == key.id and is_secret_of(key, found[1])


def test_a_key_opens_by_its_token_alone() -> None:
    key, token = new_key("checkout", [Scope.RECOMMEND], NOW)
    other, _ = new_key("checkout", [Scope.RECOMMEND], NOW)

    assert opens(key, token)
    assert not is_secret_of(other, read_token(token)[1])  # type: ignore[index]
    assert not is_secret_of(None, bytes(32))
    changed = token[:-2] + ("AA" if token[-2:] != "AA" else "BA")
    assert not opens(key, changed)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "portrait_",
        "portrait_3f9c1a20b7de_short",
        f"portrait_3F9C1A20B7DE_{'a' * 43}",
        f"portrait_3f9c1a20b7de_{'a' * 44}",
        f"portrait_3f9c1a20b7de_{'a' * 42}b",  # the last character has two bits too many
        f"portrait_3f9c1a20b7de_{'a' * 42}é",
        f"portrait_3f9c1a20b7de_{'a' * 43}\n",
        f" portrait_3f9c1a20b7de_{'a' * 43}",
        "eyJhbGciOiJub25lIn0.e30.",
    ],
)
def test_what_is_written_otherwise_is_no_token(token: str) -> None:
    assert read_token(token) is None


def test_two_keys_share_nothing() -> None:
    tokens = {new_key("a", [Scope.RECOMMEND], NOW)[1] for _ in range(100)}

    assert len({token.split("_")[1] for token in tokens}) == 100
    assert len({token.split("_", 2)[2] for token in tokens}) == 100


def test_nothing_that_is_printed_of_a_key_has_its_digest() -> None:
    key, token = new_key("checkout", [Scope.RECOMMEND], NOW)

    assert key.digest not in repr(key)
    assert key.digest not in token


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"scopes": [Scope.PROFILES_READ], "kind": "public", "origins": PAGES}, "any visitor"),
        ({"kind": "public"}, "origins"),
        ({"origins": PAGES}, "origins"),
        ({"kind": "public", "origins": ["https://shop.example/"]}, "pattern"),
        ({"kind": "public", "origins": ["null"]}, "pattern"),
        ({"kind": "public", "origins": ["*"]}, "pattern"),
        ({"scopes": []}, "at least 1"),
        ({"name": "a\nb"}, "pattern"),
        ({"name": ""}, "at least 1"),
        ({"name": " "}, "at least 1"),
        ({"expires_at": NOW}, "expired before"),
        *[
            ({"kind": "public", "origins": [origin]}, said)
            for origin, said in [
                ("https://a.b:443", "leave this port out"),
                ("http://a.b:80", "leave this port out"),
                ("https://.", "pattern"),
                ("https://a..b", "pattern"),
                ("https://A.b", "pattern"),
            ]
        ],
    ],
)
def test_a_key_that_makes_no_sense_is_refused(wrong: dict[str, Any], said: str) -> None:
    asked = {"name": "pages", "scopes": [*FOR_BROWSERS], **wrong}

    with pytest.raises(ValidationError, match=said):
        new_key(asked.pop("name"), asked.pop("scopes"), NOW, **asked)


def test_a_key_is_good_until_it_expires_or_is_revoked() -> None:
    key, _ = new_key("a", [Scope.RECOMMEND], NOW, expires_at=NOW + timedelta(days=1))
    forever, _ = new_key("a", [Scope.RECOMMEND], NOW)

    assert key.is_good(NOW)
    assert not key.is_good(NOW + timedelta(days=1))
    assert forever.is_good(NOW + timedelta(days=10_000))
    assert not forever.model_copy(update={"revoked_at": NOW}).is_good(NOW)
