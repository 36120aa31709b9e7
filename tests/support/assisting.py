"""The help desk's app on fakes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from assist.app import create_assist_app
from assist.live_desk import LiveDesk, Places
from portrait.helpdesk.rephrase import Rephraser
from portrait.model.encoder import TextEncoder
from service.access.guard import Guard
from tests.support.desks import write_desk
from tests.support.fakes import HashEncoder
from tests.support.memory_labels import MemoryLabels
from tests.support.shop import Shop, look, with_state_of


@dataclass
class Assisting:
    """A help desk, and what it stands on."""

    folder: Path
    shop: Shop = field(default_factory=Shop)
    labels: MemoryLabels = field(default_factory=MemoryLabels)
    encoder: TextEncoder = field(default_factory=HashEncoder)
    rephrase: Rephraser | None = None

    def desk(self) -> LiveDesk:
        if not (self.folder / "desk").exists():
            write_desk(self.folder / "desk")
        places = Places(self.folder / "desk", self.folder / "models")
        return LiveDesk(places, self.encoder, self._nobody, self.labels, self.rephrase)

    def _nobody(self, _folder: str) -> TextEncoder:
        raise AssertionError


@asynccontextmanager
async def open_assisting(
    assisting: Assisting, *, guard: Guard | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """Run the app; it has read its desk, and looked at everything once."""
    desk = assisting.desk()
    await desk.open()
    app = create_assist_app(assisting.shop.parts, desk, guard=guard)
    async with app.router.lifespan_context(app) as state:
        yielded = dict(state or {})
        await look(yielded["live"])
        transport = httpx.ASGITransport(with_state_of(app, yielded), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
            yield client
