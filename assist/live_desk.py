"""The live desk: what the help desk keeps in memory, and the tasks that keep it current.

folder of the desk ─▶ read, encoded ─┐
pointer to the model ─▶ its head ────┴─▶ Opened: what requests read, replaced whole
labels in Redis ─▶ corrections: what a person said of a text counts a second later

A desk or a model that cannot be read is said once, and the one before serves on.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import structlog

from assist.models import ENCODER, current, read_model
from assist.opened import Learned, Opened, open_desk
from portrait.errors import ModelInvalidError, PortraitError
from portrait.helpdesk.desk import DeskNotReadError
from portrait.helpdesk.labels import BEGINNING, MOST_LABELS, Label, LabelStore
from portrait.helpdesk.read_desk import Stamp, read_desk, stamp_of
from portrait.helpdesk.rephrase import Rephraser
from portrait.helpdesk.texts import normal
from portrait.lifecycle.lease import stopped
from portrait.model.encoder import TextEncoder
from service.repeating import repeat

DESK_EVERY = 2.0  # seconds between two looks
LABELS_EVERY = 1.0
FORGET_EVERY = 3_600.0
LABELS_AT_ONCE = 1_000

OUTDATED = (
    "The help desk has intents that were not learned, or has some no more that were: "
    "`portrait assist train` learns them."
)

log = structlog.get_logger()


class Places(NamedTuple):
    """Folders."""

    desk: Path
    models: Path  # of what was learned


class LiveDesk:
    """Holds the newest desk. Lives as long as the process; changed by its own tasks alone."""

    def __init__(
        self,
        places: Places,
        encoder: TextEncoder,
        load: Callable[[str], TextEncoder],
        labels: LabelStore,
        rephrase: Rephraser | None = None,
    ) -> None:
        """Connect it; nothing is read yet.

        Args:
            places: Where everything lies.
            encoder: Reads passages, and messages unless a model brings another one.
            load: Loads an encoder from a folder. Blocks.
            labels: Where labels are.
            rephrase: Says replies in other words; None: they go out as they were written.
        """
        self.opened: Opened | None = None
        self.labels = labels
        self.rephrase = rephrase
        self.corrections: OrderedDict[str, Label] = OrderedDict()  # by normal text, oldest first
        self._folder, self._models = places
        self._encoder, self._load = encoder, load
        self._seen: tuple[Stamp, str | None] | None = None
        self._read_until = BEGINNING
        self._wrong: str | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What stops nothing here, and somebody should see to."""
        outdated = self.opened is not None and self.opened.card and self.opened.is_outdated
        return tuple(note for note in (self._wrong, OUTDATED if outdated else None) if note)

    def require(self) -> Opened:
        """Return the newest desk.

        Raises:
            DeskNotReadError: It is not read yet.
        """
        if self.opened is None:
            raise DeskNotReadError
        return self.opened

    def take_in(self, labels: Mapping[str, Label]) -> None:
        """Let labels count, by their normal texts."""
        for text, label in labels.items():
            self.corrections[text] = label
            self.corrections.move_to_end(text)
        while len(self.corrections) > MOST_LABELS:
            self.corrections.popitem(last=False)

    async def open(self) -> None:
        """Read the desk and the model for the first time.

        Raises:
            SettingsInvalidError: The desk cannot be read; says where, and why.
            ModelInvalidError: The model cannot.
        """
        self._seen = self._look()
        self.opened = await asyncio.to_thread(self._opened)

    async def follow_desk(self) -> None:
        """Read desk and model anew where one of them has changed."""
        seen = self._look()
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self.opened = await asyncio.to_thread(self._opened)
        except PortraitError as error:
            self._wrong = str(error)
            log.warning("desk_not_read", reason=self._wrong)
            return
        self._wrong = None
        card = self.opened.card
        log.info(
            "desk_read",
            desk=self.opened.desk.version,
            model=None if card is None else card.version,
            passages=len(self.opened.desk.passages),
        )

    async def follow_labels(self) -> None:
        """Take in what people have said since."""
        while True:
            found = await self.labels.since(self._read_until, LABELS_AT_ONCE)
            self.take_in({normal(label.text): label for _, label in found})
            if not found:
                return
            self._read_until = found[-1][0]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep everything current meanwhile."""
        steps = (
            (self.follow_desk, DESK_EVERY),
            (self.follow_labels, LABELS_EVERY),
            (self.labels.forget_old, FORGET_EVERY),
        )
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(repeat(*step)) for step in steps]
            try:
                yield
            finally:
                for task in tasks:
                    await stopped(task)

    def _look(self) -> tuple[Stamp, str | None]:
        return stamp_of(self._folder), current(self._models)

    def _opened(self) -> Opened:
        return open_desk(read_desk(self._folder), self._encoder, self._learned())

    def _learned(self) -> Learned | None:
        version = current(self._models)
        if version is None:
            return None
        card, head = read_model(self._models, version)
        own = self._models / version / ENCODER
        encoder = self._load(str(own)) if own.is_dir() else self._encoder
        if head.encoder != encoder.name:
            msg = (
                f"the model of intents {version} reads with {head.encoder}, and this process with "
                f"{encoder.name}: set PORTRAIT_ENCODER to it, or run `portrait assist train`."
            )
            raise ModelInvalidError(msg)
        return Learned(card, head, encoder)
