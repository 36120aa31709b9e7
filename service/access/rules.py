"""What each route asks for. A route that is not named here is refused at start.

`RULES` are the service's, `ASSIST_RULES` those that the help desk has beside `/livez` and the like.

`OPEN`: anybody, for these say nothing of customers or sales. `ANY`: whoever shows a good key.
`SERVERS`: the same, if it is not a public one. The documents of the API are open, too.
"""

from collections.abc import Mapping
from typing import Final

from portrait.access.scope import ADMIN, Scope

OPEN: Final = "open"
ANY: Final = "any key"
SERVERS: Final = "any key that is not public"
Rule = str  # a scope, or one of those

RULES: Mapping[tuple[str, str], Rule] = {
    ("POST", "/events"): Scope.EVENTS_WRITE,
    ("POST", "/recommend"): Scope.RECOMMEND,
    ("POST", "/recommend/page"): Scope.RECOMMEND,
    ("POST", "/recommend/groups"): Scope.RECOMMEND,
    ("POST", "/recommend/stream"): Scope.RECOMMEND,
    ("GET", "/profile/{user_id}"): Scope.PROFILES_READ,
    ("GET", "/profile/{user_id}/stream"): Scope.PROFILES_READ,
    ("GET", "/profile/{user_id}/why"): Scope.PROFILES_READ,
    ("DELETE", "/profile/{user_id}"): Scope.PRIVACY_ADMIN,
    ("POST", "/audiences"): Scope.AUDIENCES_READ,
    ("GET", "/audiences/{audience_id}"): Scope.AUDIENCES_READ,
    ("GET", "/audiences/{audience_id}/members"): Scope.AUDIENCES_READ,
    ("GET", "/stats/behaviour"): Scope.AUDIENCES_READ,
    ("GET", "/segments"): Scope.AUDIENCES_READ,
    ("POST", "/segments/preview"): Scope.AUDIENCES_READ,
    ("GET", "/segments/{name}"): Scope.AUDIENCES_READ,
    ("PUT", "/segments/{name}"): Scope.AUDIENCES_READ,
    ("DELETE", "/segments/{name}"): Scope.AUDIENCES_READ,
    ("GET", "/segments/{name}/members"): Scope.AUDIENCES_READ,
    ("POST", "/identities"): Scope.EVENTS_WRITE,
    ("GET", "/identities/{anonymous_id}"): Scope.PROFILES_READ,
    ("DELETE", "/identities/{anonymous_id}"): Scope.PRIVACY_ADMIN,
    ("POST", "/impressions"): Scope.EVENTS_WRITE,
    ("GET", "/opinions"): Scope.PROFILES_READ,  # examples are what customers wrote
    ("GET", "/profile/{user_id}/consent"): Scope.PROFILES_READ,
    ("PUT", "/profile/{user_id}/consent"): Scope.EVENTS_WRITE,  # but of a server: see the route
    ("GET", "/profile/{user_id}/export"): Scope.PRIVACY_ADMIN,
    ("GET", "/erasures/{erasure_id}"): Scope.PRIVACY_ADMIN,
    ("GET", "/erasures/{erasure_id}/receipt"): Scope.PRIVACY_ADMIN,
    ("DELETE", "/suppressions/{user_id}"): Scope.PRIVACY_ADMIN,
    ("GET", "/profile/{user_id}/unwanted"): Scope.PROFILES_READ,
    ("POST", "/profile/{user_id}/unwanted"): Scope.EVENTS_WRITE,  # likewise
    ("GET", "/items/{item_id}/similar"): Scope.RECOMMEND,
    ("GET", "/items/{item_id}/together"): Scope.RECOMMEND,
    ("GET", "/items/{item_id}"): ANY,
    ("PUT", "/items/{item_id}"): Scope.ITEMS_WRITE,
    ("PATCH", "/items/{item_id}"): Scope.ITEMS_WRITE,
    ("DELETE", "/items/{item_id}"): Scope.ITEMS_WRITE,
    ("GET", "/rules"): Scope.RULES_ADMIN,  # those of the shop, about lists: portrait/rules
    ("PUT", "/rules"): Scope.RULES_ADMIN,
    ("GET", "/rules/history"): Scope.RULES_ADMIN,
    ("POST", "/rules/preview"): Scope.RULES_ADMIN,
    ("GET", "/experiments"): Scope.MODELS_ADMIN,
    ("GET", "/experiments/{experiment_id}"): Scope.MODELS_ADMIN,
    ("PUT", "/experiments/{experiment_id}"): Scope.MODELS_ADMIN,
    ("GET", "/attribution"): Scope.MODELS_ADMIN,
    ("GET", "/models"): Scope.MODELS_ADMIN,
    ("POST", "/models/train"): Scope.MODELS_ADMIN,
    ("GET", "/models/jobs"): Scope.MODELS_ADMIN,
    ("GET", "/models/jobs/{job_id}"): Scope.MODELS_ADMIN,
    ("POST", "/models/jobs/{job_id}/cancel"): Scope.MODELS_ADMIN,
    ("POST", "/models/rollback"): Scope.MODELS_ADMIN,
    ("GET", "/models/{version}"): Scope.MODELS_ADMIN,
    ("POST", "/models/{version}/promote"): Scope.MODELS_ADMIN,
    ("GET", "/keys"): Scope.KEYS_ADMIN,
    ("POST", "/keys"): Scope.KEYS_ADMIN,
    ("DELETE", "/keys/{key_id}"): Scope.KEYS_ADMIN,
    ("GET", "/audit"): Scope.KEYS_ADMIN,
    ("GET", "/metrics"): SERVERS,
    ("GET", "/livez"): OPEN,
    ("GET", "/readyz"): OPEN,
}

TELL_OF_PEOPLE = frozenset({Scope.PRIVACY_ADMIN, Scope.KEYS_ADMIN})
BY_THEMSELVES = frozenset({("GET", "/profile/{user_id}/export")})

# Who answers customers reads their profiles; what is labelled makes a model.
ASSIST_RULES: Mapping[tuple[str, str], Rule] = {
    ("POST", "/assist"): Scope.PROFILES_READ,
    ("POST", "/assist/{assist_id}/outcome"): Scope.PROFILES_READ,
    ("GET", "/labels/next"): Scope.MODELS_ADMIN,
    ("POST", "/labels"): Scope.MODELS_ADMIN,
}


def rule_of(method: str, path: str) -> Rule:
    """Return what a route asks for.

    Raises:
        KeyError: It has no rule.
    """
    rules = RULES if (method, path) in RULES else ASSIST_RULES
    return rules[method, path]


def is_audited(method: str, path: str) -> bool:
    """Say whether each call of a route is written down: what changes something, as an admin.

    What tells of keys or of people is written down as well; what tells of models and rules is asked
    for by programs all day, and would push the rest out. An export writes its own line when it is
    begun and when it is fetched, and none whenever somebody looks whether it is there.
    """
    rule = rule_of(method, path)
    if method == "GET":
        return rule in TELL_OF_PEOPLE and (method, path) not in BY_THEMSELVES
    return rule in ADMIN
