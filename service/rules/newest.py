"""The newest rules and edges, as one process knows them, while Redis is away as well."""

from contextlib import suppress

import structlog

from portrait.catalogue.edges import NO_EDGES, EdgeStore
from portrait.rules.store import NO_RULES, RulesChangedError, RuleStore

log = structlog.get_logger()


class NewestRules:
    """Follows the store. Lives as long as the process."""

    def __init__(self, store: RuleStore) -> None:
        self.book = NO_RULES
        self.is_known = False  # whether the store has said once what they are
        self._store = store
        self._version = 0  # as the store has it: the book of it may be damaged

    async def follow(self) -> bool:
        """Take up the newest rules, and say whether they are new.

        A store that has lost them gets them back: nothing else can bring them.

        Raises:
            StoreUnavailableError: It does not answer.
        """
        version = await self._store.version()
        if version == self._version:
            self.is_known = True
            return False
        if version < self.book.version:
            with suppress(RulesChangedError):  # by a process that knows newer ones
                await self._store.put(self.book, version)
            return False
        self.book, self._version = await self._store.newest(), version
        self.is_known = True
        log.info("rules_taken_up", version=self.book.version, rules=len(self.book.rules))
        return True


class NewestEdges:
    """Follows what the shop knows of pairs of items. Lives as long as the process."""

    def __init__(self, store: EdgeStore) -> None:
        self.edges = NO_EDGES
        self.is_known = False  # whether the store has said once what they are
        self._store = store

    async def follow(self) -> bool:
        """Take up the newest edges, and say whether they are new.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        if await self._store.version() == self.edges.version:
            self.is_known = True
            return False
        self.edges = await self._store.load()
        self.is_known = True
        log.info("edges_taken_up", version=self.edges.version, edges=len(self.edges))
        return True
