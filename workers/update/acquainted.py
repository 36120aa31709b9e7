"""Acquainted: the logins that a worker has just joined, so that a visit is told of once a minute.

Nothing is remembered over a restart: what a crash left half done is done again then.
"""

from collections.abc import Iterable

from portrait.events.login import Login
from portrait.identity.device import MINUTE_MS

MOST_LOGINS = 100_000  # of the newest devices


class Acquainted:
    """Who was seen on which device, and in which minute. Lives as long as the worker."""

    def __init__(self, most: int = MOST_LOGINS) -> None:
        self._most = most
        self._known: dict[str, Login] = {}  # the first of a minute, by anonymous id

    def new(self, logins: Iterable[Login]) -> set[Login]:
        """Return the logins that may change what is known."""
        return {login for login in logins if not self._knows(login)}

    def _knows(self, login: Login) -> bool:
        known = self._known.get(login.anonymous_id)
        return (
            known is not None
            and known.user_id == login.user_id
            and known.at <= login.at
            and known.at // MINUTE_MS == login.at // MINUTE_MS
        )

    def remember(self, logins: Iterable[Login]) -> None:
        """Note logins that are joined and stored; beyond the bound forget the oldest."""
        for login in sorted(logins, key=lambda each: (each.at, each.user_id or "")):
            self._known.pop(login.anonymous_id, None)
            if login.user_id is not None:
                self._known[login.anonymous_id] = login
        while len(self._known) > self._most:
            del self._known[next(iter(self._known))]

    def forget(self) -> None:
        """Forget all: the store may have."""
        self._known.clear()
