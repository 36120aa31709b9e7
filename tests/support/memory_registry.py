"""The registry of models in memory: step by step what the scripts of `RedisRegistry` do."""

from datetime import UTC, datetime, timedelta

from portrait.errors import ModelInvalidError, StoreUnavailableError
from portrait.lifecycle.registry import (
    Card,
    Entry,
    ModelNotFoundError,
    NoFormerModelError,
    Roles,
    noted,
    require_promotable,
    role_of,
)
from portrait.model.model import Model
from portrait.times import to_ms

WITHOUT_REASONS = {"rolled_back": None, "refused": None}
UNWRITTEN: dict[str, object] = {**WITHOUT_REASONS, "history": ()}  # what became of a model


class MemoryRegistry:
    """A `Registry` in dicts."""

    def __init__(self) -> None:
        self.models: dict[str, Model] = {}  # whose arrays are kept
        self.damaged: set[str] = set()  # versions whose arrays cannot be read
        self.cards: dict[str, Card] = {}  # without what became of the models
        self.marks: dict[str, dict[str, object]] = {}  # what did
        self.retired: dict[str, int] = {}  # when models left service, ms
        self.now = Roles()
        self.ground: str | None = None  # what the next training stands on
        self.is_down = False

    async def champion(self) -> Model | None:
        """Return the model in service."""
        self._require_up()
        return None if self.now.champion is None else await self.model(self.now.champion)

    async def model(self, version: str) -> Model | None:
        """Return a model whose arrays are kept, unless they are damaged."""
        self._require_up()
        if version in self.damaged:
            msg = f"{version} is damaged"
            raise ModelInvalidError(msg)
        return self.models.get(version)

    async def store(self, model: Model) -> None:
        """Keep a model's arrays."""
        self._require_up()
        self.models[model.version] = model
        self.damaged.discard(model.version)

    async def add(self, card: Card) -> None:
        """List a card; what became of its model is not forgotten."""
        self._require_up()
        self.cards[card.version] = card.model_copy(update=UNWRITTEN)

    async def entries(self) -> list[Entry]:
        """Return the cards, newest first; of one age, by version."""
        self._require_up()
        newest = sorted(
            self.cards.values(), key=lambda card: (to_ms(card.created_at), card.version)
        )
        return [self._entry(card) for card in reversed(newest)]

    async def entry(self, version: str) -> Entry:
        """Return a card and its role."""
        self._require_up()
        if version not in self.cards:
            raise ModelNotFoundError
        return self._entry(self.cards[version])

    async def roles(self) -> Roles:
        """Return the pointers."""
        self._require_up()
        return self.now

    async def begin(self, model: Model, card: Card, lost: str | None = None) -> bool:
        """Keep, list and point to a model, where there is no champion."""
        self._require_up()
        if self.now.champion not in {None, lost}:
            return False
        await self.store(model)
        await self.add(card)
        self.retired.pop(model.version, None)
        self.now = self.now._replace(champion=model.version)
        return True

    async def want(self, version: str, *, insist: bool = False, reason: str | None = None) -> None:
        """Point to a model that may serve, and note why."""
        entry = await self.entry(version)
        if entry.role == "champion":
            self.now = self.now._replace(wanted=None)
            return
        is_kept = entry.role != "retired"
        require_promotable(entry.card, is_kept=is_kept, insist=insist, reason=reason)
        if self.now.wanted == version:
            return
        self._mark(version, history=noted(entry.card, reason, datetime.now(UTC)))
        self.now = self.now._replace(wanted=version)

    async def switch(self, version: str) -> bool:
        """Move the pointers."""
        self._require_up()
        champion, former, wanted = self.now
        if wanted != version:
            return False
        self.now = Roles(champion, former)
        if champion == version:
            return True
        self.retired.pop(version, None)
        self._mark(version, **WITHOUT_REASONS)
        if champion is not None:
            self.retired[champion] = _now()
        self.now = Roles(version, champion or former)
        return True

    async def refuse(self, version: str, reason: str) -> None:
        """Withdraw a wish."""
        self._require_up()
        if self.now.wanted == version:
            self.now = self.now._replace(wanted=None)
            self._mark(version, refused=reason)

    async def restore(self, champion: str, former: str | None, lost: str | None = None) -> bool:
        """Set the pointers where there is no champion."""
        self._require_up()
        if self.now.champion not in {None, lost}:
            return False
        self.now = self.now._replace(champion=champion, former=former or self.now.former)
        self.retired.pop(champion, None)
        if former is not None:
            self.retired[former] = _now()
        return True

    async def roll_back(self, reason: str, champion: str | None = None) -> str:
        """Move the pointers back."""
        self._require_up()
        serving, former, _ = self.now
        if former is None or serving is None or champion not in {None, serving}:
            raise NoFormerModelError
        self.now = Roles(former)
        self.retired.pop(former, None)
        self.retired[serving] = _now()
        self._mark(serving, rolled_back=reason)
        return former

    async def expired(self, grace: timedelta, now: datetime) -> list[str]:
        """Return whose time is over, the longest first."""
        self._require_up()
        until = to_ms(now - grace)
        over = sorted((since, version) for version, since in self.retired.items() if since <= until)
        return [version for _, version in over]

    async def forget(self, version: str) -> None:
        """Drop the arrays of a model that neither serves nor is to."""
        self._require_up()
        if version in {self.now.champion, self.now.wanted}:
            return
        if version == self.now.former:
            self.now = self.now._replace(former=None)
        self.retired.pop(version, None)
        self.models.pop(version, None)
        self.damaged.discard(version)

    async def basis(self) -> str | None:
        """Return the pointer."""
        self._require_up()
        return self.ground

    async def build_on(self, version: str | None) -> None:
        """Set the pointer."""
        self._require_up()
        self.ground = version

    def _mark(self, version: str, **told: object) -> None:
        """Write beside a card what became of its model; before there is a card, too."""
        self.marks[version] = self.marks.get(version, {}) | told

    def _entry(self, card: Card) -> Entry:
        whole = card.model_copy(update=self.marks.get(card.version, {}))
        return Entry(whole, role_of(whole, self.now, is_kept=card.version in self.models))

    def _require_up(self) -> None:
        if self.is_down:
            raise StoreUnavailableError


def _now() -> int:
    return to_ms(datetime.now(UTC))
