"""The guard of several shops: whose key it is says whose shop is asked."""

from collections.abc import Callable

from starlette.types import Scope as AsgiScope

from portrait.access.store import KeyStore
from service.access.caller import Caller
from service.access.guard import Guard
from service.access.limits import Limits
from service.access.tokens import Tokens
from service.http.problems import ProblemError
from service.shops.known import KnownShops


class ShopsGuard(Guard):
    """A guard whose keys are those of every shop that is served; each is of one."""

    def __init__(
        self,
        known: KnownShops,
        keys_of: Callable[[str], KeyStore],
        tokens: Tokens | None,
        limits: Limits | None,
    ) -> None:
        """Connect it.

        Args:
            known: Which shops there are.
            keys_of: Where a shop's keys are.
            tokens: Reads those of an identity provider, which name a shop; None: there is none.
            limits: How much each may ask for.
        """
        self._known = known
        self._keys_of = keys_of
        super().__init__({}, tokens, limits)

    async def read_keys(self) -> None:
        """Read anew which shops there are, and the keys of each."""
        await self._known.read()
        self.stores = {name: self._keys_of(name) for name in self._known.by_name}
        await super().read_keys()

    def by_key(self, scope: AsgiScope) -> Caller | None:
        """Return whose key a request shows; it is looked up once, however often it is asked."""
        state = scope["state"]
        if "by_key" not in state:
            state["by_key"] = super().by_key(scope)
        caller: Caller | None = state["by_key"]
        return caller

    def shop_of(self, scope: AsgiScope) -> str | None:
        """Return whose shop a request is for; None if it shows nothing that opens one."""
        caller = self.by_key(scope)
        try:
            return (caller or self.caller(scope)).shop
        except ProblemError:
            return None
