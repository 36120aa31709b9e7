"""What lies beneath a profile: `/profile/{user_id}/consent`, `…/export`, `…/why`.

An id may hold slashes, and so end in `/consent`. Which is meant is said by the path as it was sent:
a slash of an id is sent as `%2F`, one that parts the address as it is (RFC 3986, section 2.2).
"""

from collections.abc import MutableMapping
from typing import Any

from starlette.routing import Match

from service.routing import ExactRoute

BENEATH = (b"/consent", b"/export", b"/stream", b"/unwanted", b"/why")
PROFILE = b"/profile/"


def is_of_profile(scope: MutableMapping[str, Any]) -> bool:
    """Say whether a path leads to something beneath a profile."""
    raw: bytes = scope.get("raw_path") or b""
    is_id = raw[len(PROFILE) - 1 :] in BENEATH  # somebody is called `export`
    return raw.endswith(BENEATH) and raw.startswith(PROFILE) and not is_id


class OfProfile(ExactRoute):
    """A route to something beneath a profile."""

    def matches(self, scope: MutableMapping[str, Any]) -> tuple[Match, Any]:
        """Match a path that was sent so."""
        return super().matches(scope) if is_of_profile(scope) else (Match.NONE, {})


class WholeProfile(ExactRoute):
    """A route to a profile itself: what lies beneath it is not erased as somebody's id."""

    def matches(self, scope: MutableMapping[str, Any]) -> tuple[Match, Any]:
        """Match a path that leads to nothing beneath a profile."""
        return (Match.NONE, {}) if is_of_profile(scope) else super().matches(scope)
