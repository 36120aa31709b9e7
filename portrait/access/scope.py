"""Scopes: what somebody may ask for."""

from enum import StrEnum


class Scope(StrEnum):
    """One thing that may be allowed; a key or a token has any number of them."""

    EVENTS_WRITE = "events:write"
    PROFILES_READ = "profiles:read"
    RECOMMEND = "recommend"
    AUDIENCES_READ = "audiences:read"
    ITEMS_WRITE = "items:write"
    RULES_ADMIN = "rules:admin"
    MODELS_ADMIN = "models:admin"
    PRIVACY_ADMIN = "privacy:admin"
    KEYS_ADMIN = "keys:admin"


ADMIN = frozenset({Scope.RULES_ADMIN, Scope.MODELS_ADMIN, Scope.PRIVACY_ADMIN, Scope.KEYS_ADMIN})
FOR_BROWSERS = frozenset({Scope.EVENTS_WRITE, Scope.RECOMMEND})  # all that a public key may have
