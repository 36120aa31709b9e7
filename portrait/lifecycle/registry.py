"""The registry of models: which there are, which serves, which is to serve, which did before.

The very first model of a shop needs nobody's wish: as soon as the index worker has filled its
space, one atomic step stores it, lists it and puts it in service (`begin`). Every later one is
promoted. The protocol of that, step by step; a process killed after any of them is replaced by one
that goes on from what the registry says:

1. The trainer stores the model's arrays (`store`), then its card (`add`).
2. Somebody asks for it: the trainer after the judge, an operator over HTTP (`want`).
   Nothing in service changes. A newer wish replaces an older one.
3. The index worker sees the wish (`roles`), encodes the catalogue into the wanted model's space
   beside the champion's, and keeps both complete while items change.
4. When its space is complete it switches (`switch`): in one atomic step, and only if the same model
   is still wanted, the champion becomes the former, the wanted becomes the champion.
5. Update workers and the service follow `champion`. The update workers repaint users;
   until a user is repainted the service answers from the space that the profile is in.
6. The former's space is kept complete for a grace, so that `roll_back`, one atomic step, makes it
   the champion again at once. Then the index worker lets go of it: `expired` says which, `forget`
   removes its arrays. Its card stays.

A model that was refused by the judge serves only if somebody insists. So does one whose encoder or
arrays the index worker could not load (`refuse`): the champion goes on. One that was rolled back
serves again only by a person's word: the reason that they give stays on its card, and the watch
(`workers/train/watch.py`) does not take it out of service again.

Where the encoder is to be another one, a learned champion goes on, and the next training stands on
a pretrained model of that encoder (`basis`): `workers/index/another_encoder.py`.

A registry that was emptied gets its pointers back (`restore`) from the ledger that lies beside the
artifacts: `ledger.py`.
"""

from datetime import datetime, timedelta
from typing import Literal, NamedTuple, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from portrait.errors import PortraitError
from portrait.evaluation.verdict import Verdict
from portrait.lifecycle.manifest import PLACE, TONE, Manifest, Version, Window
from portrait.model.model import Model

MOST_NOTES = 20  # kept of one model; the oldest go first

Role = Literal["champion", "former", "wanted", "candidate", "refused", "rolled back", "retired"]


GIVE_REASON = 'To promote it again, send {"reason": "why it may serve again"}.'
INSIST = 'To promote it all the same, send {"insist": true}.'
BOTH = 'To promote it all the same, send {"reason": "why it may serve again", "insist": true}.'


class ModelNotFoundError(PortraitError):
    """There is no such model."""


class ModelNotPromotableError(PortraitError):
    """This model cannot be put in service."""


class NoFormerModelError(PortraitError):
    """There is no former model to go back to: none served before, or its grace has ended."""


class Note(BaseModel):
    """Why a person asked for a model to serve."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    at: AwareDatetime = Field(examples=["2026-11-24T09:30:00Z"])
    reason: str = Field(examples=["the texts of shoes are repaired"])
    rolled_back: str | None = Field(
        None,
        description="Why it had been taken out of service; null if it had not been.",
        examples=["complaints about shoes"],
    )


class Card(BaseModel):
    """What is told of a model: its manifest in short, the judge's verdict, what became of it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: Version
    parent: Version | None = Field(None, description="The version that its training began from.")
    created_at: AwareDatetime
    trained_on: Window | None = Field(None, description="Event time of the training set.")
    rows: dict[str, int] = Field(default_factory=dict, description="Events by split.")
    erased_users: int = Field(0, description="Users left out because they asked to be erased.")
    erased_within: Window | None = Field(None, description="When they asked.")
    encoder: str
    base_encoder: str | None = Field(
        None, description="The pretrained one it stands on; null: the same."
    )
    encoder_source: str | None = Field(None, description="Where that was loaded from.")
    space_id: str
    metrics: dict[str, JsonValue] = Field(default_factory=dict)
    git_commit: str = ""
    artifact: str | None = Field(None, description="Where its files are; null: only in Redis.")
    digest: str | None = Field(None, description="SHA-256 of the artifact's manifest.")
    verdict: Verdict | None = Field(None, description="Null: it was never judged.")
    rolled_back: str | None = Field(None, description="Why it was taken out of service.")
    refused: str | None = Field(None, description="Why it could not be put in service.")
    history: tuple[Note, ...] = Field((), description="Why people asked for it, oldest first.")

    @property
    def is_by_word(self) -> bool:
        """Whether a person asked for it though it had been rolled back."""
        return any(note.rolled_back is not None for note in self.history)

    @property
    def stands_on(self) -> str:
        """The pretrained encoder behind it, fine-tuned or not."""
        return self.base_encoder or self.encoder


def has_reader(card: Card) -> bool:
    """Say whether a model's artifact has what reads reviews: else words do."""
    return _keeps(card, TONE)


def has_places(card: Card) -> bool:
    """Say whether a model's artifact has what reads where items lie: else nobody does."""
    return _keeps(card, PLACE)


def _keeps(card: Card, name: str) -> bool:
    told = card.metrics.get(name)
    return isinstance(told, dict) and told.get("kept") is True


class Roles(NamedTuple):
    """Who serves, who did before, who is to."""

    champion: str | None = None
    former: str | None = None  # kept complete: `roll_back` goes here
    wanted: str | None = None


class Entry(NamedTuple):
    """A model: its card and what it is at the moment."""

    card: Card
    role: Role


class Registry(Protocol):
    """Where models are kept, and what is known of each. Roles change by atomic steps alone."""

    async def champion(self) -> Model | None:
        """Return the model in service, or None before there is one.

        Raises:
            ModelInvalidError: Its arrays are damaged, or of another layout.
        """
        ...

    async def model(self, version: str) -> Model | None:
        """Return a model whose arrays are kept, or None.

        Raises:
            ModelInvalidError: Its arrays are damaged, or of another layout.
        """
        ...

    async def store(self, model: Model) -> None:
        """Keep a model's arrays. No role changes, and nothing is listed."""
        ...

    async def add(self, card: Card) -> None:
        """List a model, or replace its card. Its role does not change."""
        ...

    async def entries(self) -> list[Entry]:
        """Return all models, newest first."""
        ...

    async def entry(self, version: str) -> Entry:
        """Return one model's card and role.

        Raises:
            ModelNotFoundError: It is not listed.
        """
        ...

    async def roles(self) -> Roles:
        """Return who serves, who did, who is to."""
        ...

    async def begin(self, model: Model, card: Card, lost: str | None = None) -> bool:
        """Store the very first model, list it and put it in service, in one step.

        Args:
            model: Who serves from now on.
            card: What is told of it.
            lost: Who is named as champion, and whose arrays are gone, if anybody is.

        Returns:
            False, and nothing is changed or kept, if another serves.
        """
        ...

    async def want(self, version: str, *, insist: bool = False, reason: str | None = None) -> None:
        """Ask for a model to be put in service. Asking for the champion withdraws other wishes.

        Args:
            version: Of the model.
            insist: Even if it was refused.
            reason: Why a person wants it, for its card; without one nobody gets a model that was
                rolled back.

        Raises:
            ModelNotFoundError: It is not listed.
            ModelNotPromotableError: Its arrays are not kept; or it was refused and nobody insists,
                or rolled back and nobody gives a reason.
        """
        ...

    async def switch(self, version: str) -> bool:
        """Put the wanted model in service. False, and no change, if it is not wanted any more."""
        ...

    async def refuse(self, version: str, reason: str) -> None:
        """Withdraw the wish for a model that cannot be loaded; the reason goes on its card."""
        ...

    async def restore(self, champion: str, former: str | None, lost: str | None = None) -> bool:
        """Put models in service where none is; False, and no change, if another is.

        Args:
            champion: Who serves from now on.
            former: Whom a rollback goes to.
            lost: Who is named as champion, and whose arrays are gone, if anybody is.
        """
        ...

    async def roll_back(self, reason: str, champion: str | None = None) -> str:
        """Put the former model in service at once, and withdraw any wish. Returns its version.

        Args:
            reason: Why, for the card of the model that is taken out.
            champion: Only if this one serves; None: whoever does.

        Raises:
            NoFormerModelError: There is none, or no champion, or another one serves.
        """
        ...

    async def expired(self, grace: timedelta, now: datetime) -> list[str]:
        """Return the models whose arrays are kept though they left service longer ago than that."""
        ...

    async def forget(self, version: str) -> None:
        """Remove a model's arrays: it can no longer serve, nor be gone back to."""
        ...

    async def basis(self) -> str | None:
        """Return the pretrained model that the next training stands on, if not on the champion."""
        ...

    async def build_on(self, version: str | None) -> None:
        """Say what the next training stands on: a pretrained model, or None for the champion."""
        ...


def card_of(
    manifest: Manifest,
    *,
    verdict: Verdict | None = None,
    artifact: str | None = None,
    digest: str | None = None,
) -> Card:
    """Write the card of an artifact."""
    shared = Card.model_fields.keys() & Manifest.model_fields.keys()
    return Card.model_validate(
        {
            **{name: getattr(manifest, name) for name in shared},
            "verdict": verdict,
            "artifact": artifact,
            "digest": digest,
        }
    )


def plain_card(model: Model, created_at: datetime) -> Card:
    """Write the card of a model of which nothing is known but what is in it."""
    return Card(
        version=model.version,
        created_at=created_at,
        encoder=model.space.encoder,
        space_id=model.space_id,
    )


def role_of(card: Card, roles: Roles, *, is_kept: bool) -> Role:
    """Say what a model is at the moment."""
    by_version: dict[str | None, Role] = {
        roles.wanted: "wanted",
        roles.former: "former",
        roles.champion: "champion",
    }
    if card.version in by_version:
        return by_version[card.version]
    if not is_kept:
        return "retired"
    if card.rolled_back is not None:
        return "rolled back"
    if card.refused is not None:
        return "refused"
    return "candidate" if card.verdict is None or card.verdict.promote else "refused"


def noted(card: Card, reason: str | None, now: datetime) -> tuple[Note, ...]:
    """Return the history of a model with why a person wants it, if they say so."""
    if reason is None:
        return card.history
    note = Note(at=now, reason=reason, rolled_back=card.rolled_back)
    return (*card.history, note)[-MOST_NOTES:]


def require_promotable(card: Card, *, is_kept: bool, insist: bool, reason: str | None) -> None:
    """Refuse a model that cannot serve, or should not.

    Raises:
        ModelNotPromotableError: With what speaks against it, and what to send all the same.
    """
    if not is_kept:
        msg = f"{card.version}: its arrays are no longer kept."
        raise ModelNotPromotableError(msg)
    needs_reason = card.rolled_back is not None and reason is None
    refusal = None if insist else _refusal(card)
    if not needs_reason and refusal is None:
        return
    said = [f"was rolled back: {_ended(card.rolled_back or '')}"] if needs_reason else []
    said += [] if refusal is None else [refusal]
    remedy = (BOTH if refusal else GIVE_REASON) if needs_reason else INSIST
    msg = f"{card.version} {' It '.join(said)} {remedy}"
    raise ModelNotPromotableError(msg)


def _refusal(card: Card) -> str | None:
    """Say why a model was refused, if it was."""
    if card.refused is not None:
        return f"could not be loaded: {_ended(card.refused)}"
    if card.verdict is not None and not card.verdict.promote:
        return f"was refused: {_ended(card.verdict.reason)}"
    return None


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith(".") else f"{sentence}."
