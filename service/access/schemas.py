"""What goes in and out over HTTP about keys and the audit log."""

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from portrait.access.audit import AuditLine
from portrait.access.key import ApiKey, KeyId, KeyName, Origin
from portrait.access.scope import Scope
from portrait.shops.shop import Rate
from service.fields import RequestBody, ResponseBody, SentMoment

KEY_ID = "3f9c1a20b7de"
TOKEN = f"portrait_{KEY_ID}_5Jq0m8v3XyTz1kQ9wRb7cNd2LfGhPs4uVa6eIoKjMtY"


class KeyRequest(RequestBody):
    """A key to make."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "checkout", "scopes": ["events:write", "recommend"]},
                {
                    "name": "shop pages",
                    "kind": "public",
                    "scopes": ["events:write", "recommend"],
                    "origins": ["https://shop.example"],
                },
            ]
        }
    )

    name: KeyName = Field(description="For people: what the key is for.")
    scopes: tuple[Scope, ...] = Field(
        min_length=1, max_length=len(Scope), strict=False, description="What it may do."
    )
    kind: Literal["server", "public"] = Field(
        "server",
        description="`public` for pages, where any visitor can read it: it may send events, and "
        "ask for recommendations to a session or an anonymous visitor.",
    )
    origins: tuple[Origin, ...] = Field(
        (),
        max_length=50,
        strict=False,
        description="Of a public key: the origins of the pages that show it.",
    )
    rate: Rate | None = Field(
        None,
        strict=False,
        description="Tokens a second that it may ask for, over all processes; null: as the service "
        "is set (PORTRAIT_KEY_RATE). Recommendations and answers cost 4, each event and all else "
        "1.",
    )
    expires_at: SentMoment = Field(None, description="From when on it opens nothing; null: never.")


class KeyAnswer(ResponseBody):
    """A key, without its secret."""

    id: KeyId = Field(examples=[KEY_ID])
    name: str = Field(examples=["checkout"])
    kind: Literal["server", "public"] = Field(examples=["server"])
    scopes: tuple[Scope, ...] = Field(examples=[["events:write", "recommend"]])
    origins: tuple[str, ...] = Field((), examples=[[]])
    rate: float | None = Field(None, examples=[None])
    created_at: datetime = Field(examples=["2026-11-27T09:30:00Z"])
    expires_at: datetime | None = Field(None, examples=[None])
    revoked_at: datetime | None = Field(None, examples=[None])
    used_at: datetime | None = Field(
        None, description="When it was used last, to within seconds.", examples=[None]
    )


class KeyMade(ResponseBody):
    """A new key, and what its holder shows. It is told this once, and nobody can find it out."""

    key: KeyAnswer
    token: str = Field(
        description="Send it as `Authorization: Bearer …`. Only its digest is kept.",
        examples=[TOKEN],
    )


class KeysAnswer(ResponseBody):
    """All keys, the oldest first."""

    keys: tuple[KeyAnswer, ...]


class AuditAnswer(ResponseBody):
    """What administrators did, the newest first."""

    lines: tuple[AuditLine, ...]


def answer_of(key: ApiKey, used_at: datetime | None = None) -> KeyAnswer:
    """Describe a key."""
    return KeyAnswer(
        id=key.id,
        name=key.name,
        kind=key.kind,
        scopes=tuple(sorted(key.scopes)),
        origins=tuple(sorted(key.origins)),
        rate=key.rate,
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        used_at=used_at,
    )
