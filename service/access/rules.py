"""What each route asks for. A route that is not named here is refused at start.

None: whoever shows a key that is good. `OPEN`: anybody, for these say nothing of customers.
"""

from collections.abc import Mapping
from typing import Final

from portrait.access.scope import ADMIN, Scope

OPEN: Final = "open"
Rule = Scope | None | str

RULES: Mapping[tuple[str, str], Rule] = {
    ("POST", "/events"): Scope.EVENTS_WRITE,
    ("POST", "/recommend"): Scope.RECOMMEND,
    ("GET", "/profile/{user_id}"): Scope.PROFILES_READ,
    ("DELETE", "/profile/{user_id}"): Scope.PRIVACY_ADMIN,
    ("GET", "/items/{item_id}"): None,
    ("PUT", "/items/{item_id}"): Scope.ITEMS_WRITE,
    ("PATCH", "/items/{item_id}"): Scope.ITEMS_WRITE,
    ("DELETE", "/items/{item_id}"): Scope.ITEMS_WRITE,
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
    ("GET", "/metrics"): None,
    ("GET", "/livez"): OPEN,
    ("GET", "/readyz"): OPEN,
}


def is_audited(method: str, rule: Rule) -> bool:
    """Say whether each call of a route is written down: what changes something, as an admin."""
    return rule in ADMIN and method != "GET"
