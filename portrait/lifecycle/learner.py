"""Port: what learns. Torch and the archive are behind it; the trainer in front knows neither."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from portrait.errors import PortraitError
from portrait.evaluation.trial import Figures
from portrait.lifecycle.manifest import Manifest
from portrait.lifecycle.need import Need
from portrait.lifecycle.registry import Card
from portrait.model.encoder import TextEncoder
from portrait.model.model import Model
from portrait.tracker import Tracker


class NothingToLearnError(PortraitError):
    """There is nothing to learn from: too few events, or none that are new."""

    def __init__(self, message: str | None = None, needs: Sequence[Need] = ()) -> None:
        super().__init__(message)
        self.needs = tuple(needs)


@dataclass(frozen=True, slots=True)
class Trained:
    """A challenger, before it is judged."""

    model: Model
    manifest: Manifest  # of the same version
    artifact: str | None = None  # where its files are
    digest: str | None = None  # of its manifest


class BothFigures(NamedTuple):
    """What was measured of both on the same hold-out, and of the model without learning."""

    champion: Figures
    challenger: Figures
    baseline: Figures | None = None


class Progress(Tracker, Protocol):
    """Takes how far a training is. What its methods raise must pass through the training.

    They raise when another trainer has taken over, when this one has to stop, or when somebody has
    cancelled the training: tell it often, in long stages too.
    """

    def stage(self, name: str) -> None:
        """Say what is being done now."""
        ...


class Learner(Protocol):
    """Makes challengers and measures them. Its calls block, and may take hours."""

    @property
    def outline(self) -> tuple[str, ...]:
        """The names of the stages that `learn` and then `examine` go through, in order."""
        ...

    def learn(self, version: str, champion: Model | None, progress: Progress) -> Trained:
        """Train a model of this version, beginning from the champion.

        Called again after a kill, it goes on from its checkpoints and ends with the same model.

        Raises:
            NothingToLearnError: The training is not worth its while.
        """
        ...

    def tidy(self, version: str | None) -> int:
        """Remove what trainings left that have ended, or that know somebody who was erased since.

        Args:
            version: Of the training that is open, if one is. What it left goes, too, once it is
                too old.

        Returns:
            How many trainings' leavings were removed.
        """
        ...

    def examine(self, trained: Trained, champion: Model | None, progress: Progress) -> BothFigures:
        """Measure champion and challenger in one run, on what neither was trained on."""
        ...


class Grounds(Protocol):
    """What a training stands on. Its calls block."""

    def basis(self) -> Model | None:
        """Return a pretrained model of another encoder than the champion's; None: the champion."""
        ...

    def encoder_of(self, model: Model) -> TextEncoder | None:
        """Load a model's encoder; None if that cannot be done now."""
        ...

    def card_of(self, model: Model) -> Card | None:
        """Return what is told of a model, if it is listed."""
        ...


class Signals(Protocol):
    """What the trainer wakes up for."""

    async def labelled(self, since_ms: int) -> int:
        """Return how many events were labelled since that moment."""
        ...

    async def drift(self, version: str) -> str | None:
        """Return what has moved since the champion was trained, as a sentence, or None."""
        ...
