"""The shops that a process has open: each when it is first asked for, and never too many.

asked for ─▶ open? ─ no ─▶ connected, followed in a task of its own ─▶ used, and others beside it
                              └ too many: the one that nobody has asked for longest is closed

A shop that is being deleted is closed here within a second.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial

import structlog

from portrait.errors import BusyError, PortraitError
from portrait.logs import described
from portrait.shops.shop import Shop
from portrait.shops.store import ShopNotFoundError
from service.live import Live
from service.parts import Parts
from service.shops.known import KnownShops

LOAD_SECONDS = 5.0  # that who asks first waits for the catalogue; then others say what is missing
LOOK_SECONDS = 0.02

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Opened:
    """One shop that can be asked."""

    parts: Parts
    live: Live


Open = Callable[[Shop], AbstractAsyncContextManager[Opened]]


@dataclass(slots=True, eq=False)
class Held:
    """A shop that is open, or is just being opened or closed."""

    token: str  # of the shop: another of its name has another
    ready: asyncio.Future[Opened]
    leave: asyncio.Event = field(default_factory=asyncio.Event)
    users: int = 0  # requests in hand
    task: asyncio.Task[None] | None = None

    @property
    def opened(self) -> Opened:
        """The shop itself, once it is ready."""
        return self.ready.result()


class Shops:
    """Opens and closes shops. Lives as long as the process."""

    def __init__(self, known: KnownShops, opened: Open, most: int) -> None:
        """Prepare it.

        Args:
            known: Which shops there are.
            opened: Opens one, until its context is left.
            most: That are open at once.
        """
        self._known = known
        self._open = opened
        self._most = most
        self._held: OrderedDict[str, Held] = OrderedDict()  # by name; the last was asked last
        self._closing: set[asyncio.Task[None]] = set()
        self.is_sound = True  # whether no task has ended by itself

    @property
    def opened(self) -> Mapping[str, Live]:
        """What is open, by name."""
        return {
            name: held.ready.result().live
            for name, held in self._held.items()
            if held.ready.done() and not held.ready.exception()
        }

    async def take(self, name: str) -> Held:
        """Use a shop; it stays open until it is given back.

        Raises:
            ShopNotFoundError: There is none that is served here.
            BusyError: As many as may be open are in use.
            StoreUnavailableError: It cannot be opened now.
        """
        held = self._found(name)
        held.users += 1
        if not held.ready.done():
            try:
                await asyncio.shield(held.ready)
            except BaseException:
                held.users -= 1
                raise
        return held

    @staticmethod
    def give_back(held: Held) -> None:
        """Say that it is not used any more."""
        held.users -= 1

    async def follow(self) -> None:
        """Close what is not there any more."""
        for name, held in [*self._held.items()]:
            shop = self._known.by_name.get(name)
            if shop is None or shop.token != held.token:
                self._close(name)

    async def close(self) -> None:
        """Close everything."""
        for name in [*self._held]:
            self._close(name)
        while self._closing:
            await asyncio.wait({*self._closing})

    def _found(self, name: str) -> Held:
        shop = self._known.by_name.get(name)
        if shop is None:
            raise ShopNotFoundError
        held = self._held.get(name)
        if held is not None and held.token == shop.token:
            self._held.move_to_end(name)
            return held
        if held is not None:
            self._close(name)
        self._make_room()
        held = Held(shop.token, asyncio.get_running_loop().create_future())
        self._held[name] = held
        held.task = asyncio.create_task(self._hold(shop, held))
        held.task.add_done_callback(partial(self._ended, name, held))
        return held

    def _make_room(self) -> None:
        """Close the one that was asked for longest ago, of those that nobody uses."""
        while len(self._held) >= self._most:
            unused = [name for name, held in self._held.items() if not held.users]
            if not unused:
                raise BusyError
            self._close(unused[0])

    def _close(self, name: str) -> None:
        held = self._held.pop(name)
        held.leave.set()
        if held.task is not None and not held.task.done():
            self._closing.add(held.task)

    async def _hold(self, shop: Shop, held: Held) -> None:
        """Keep a shop open until somebody says so; in one task, for its tasks belong to this."""
        async with self._open(shop) as opened:
            await _loaded(opened, held)
            held.ready.set_result(opened)
            log.info("shop_opened", shop=shop.name)
            await held.leave.wait()
        log.info("shop_closed", shop=shop.name)

    def _ended(self, name: str, held: Held, task: asyncio.Task[None]) -> None:
        """Tell who waits why; what fails later is a bug of ours, and the process is not sound."""
        self._closing.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        if self._held.get(name) is held:
            del self._held[name]
        if held.ready.done():
            self.is_sound = False
            log.critical("shop_failed", shop=name, errors=described(error))
        else:
            held.ready.set_exception(error)
            held.ready.exception()  # it may be that nobody waits any more


async def _loaded(opened: Opened, held: Held) -> None:
    """Wait for a shop's catalogue, for a while; if it has no model yet, not at all."""
    ends = asyncio.get_running_loop().time() + LOAD_SECONDS
    try:
        if await opened.parts.registry.champion() is None:
            return
    except PortraitError:  # who asks for something learns what it is
        return
    while opened.live.view is None and not held.leave.is_set():
        if asyncio.get_running_loop().time() > ends:
            return
        await asyncio.sleep(LOOK_SECONDS)
