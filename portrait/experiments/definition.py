"""Definitions: what an experiment compares, on whom, and where, as a shop writes it down.

Whoever sees what follows from the id, its revision and a hash (`assignment.py`). A change of what
is compared, or of how people are divided, is another revision: people are divided anew, and figures
begin again. A ramp that grows, an end or a note is no such change.
"""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from portrait.events.impression import Variant, Word
from portrait.experiments.assignment import is_ramped, is_within, variant_of
from portrait.experiments.attribution import INTERLEAVED
from portrait.privacy.redact import redacted

ExperimentId = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", min_length=1, max_length=48)
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=128)]
MOST_VARIANTS = 6
MOST_EXPLORED = 0.2  # share of places: of a list of ten, two
WHOLE = 1.0
NEARLY = 1e-6  # that shares may differ from one


class ExperimentKind(StrEnum):
    """How variants are compared."""

    GROUPS = "groups"  # each person has one
    INTERLEAVING = "interleaving"  # every list has both


class Goal(StrEnum):
    """What a verdict goes by, of people since they first saw the experiment."""

    CLICKS = "clicks"  # who touched something of a list
    CARTS = "carts"  # who put such a thing into the cart
    PURCHASES = "purchases"  # who bought such a thing
    REVENUE = "revenue"  # what they spent on such things
    SPENDING = "spending"  # what they spent on anything


class Overrides(BaseModel):
    """What a variant asks for, whatever the request says."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    diversity: float | None = Field(None, ge=0, le=1)
    by_price: bool | None = None
    exclude_seen: bool | None = None
    personal: bool | None = Field(
        None, description="false: what is popular, whoever asks: what a model is worth."
    )
    explore: float | None = Field(
        None,
        ge=0,
        le=MOST_EXPLORED,
        description="Share of the places of lists that are given to a draw: between what would "
        "stand there, what is popular, and what is little known here, each by how likely it is the "
        "best of them, by what came of such places so far. Of people who are named, and let what "
        "they do be counted.",
    )


class Layer(BaseModel):
    """A stretch of a layer: experiments in one layer never have the same people."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: Word
    begin: float = Field(ge=0, lt=1)
    end: float = Field(gt=0, le=1)

    @model_validator(mode="after")
    def _is_a_stretch(self) -> Self:
        if self.begin >= self.end:
            msg = "begin is not before end"
            raise ValueError(msg)
        return self

    def meets(self, other: "Layer") -> bool:
        """Say whether two stretches have anybody in common."""
        return self.name != other.name or (self.begin < other.end and other.begin < self.end)


class Definition(BaseModel):
    """What a shop says of an experiment."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: ExperimentKind = ExperimentKind.GROUPS
    variants: dict[Variant, Overrides] = Field(
        min_length=2,
        max_length=MOST_VARIANTS,
        description="The first is what the others are compared with.",
    )
    split: dict[Variant, float] | None = Field(
        None, description="Share of each variant; they add up to one. None: even."
    )
    goal: Goal = Field(Goal.CLICKS, description="What the verdict goes by.")
    ramp: float = Field(WHOLE, ge=0, le=1, description="Share of the people who are in it.")
    surfaces: tuple[Word, ...] | None = Field(
        None, min_length=1, max_length=16, description="Where it is seen; none: everywhere."
    )
    layer: Layer | None = Field(
        None, description="Whom it leaves to other experiments. None: it is alone in its layer."
    )
    author: Name
    note: Annotated[str, StringConstraints(max_length=512)] = ""
    begins_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> Self:
        wrong = (
            self._wrong_split()
            or self._wrong_kind()
            or ("two variants ask for the same" if self._has_twins() else None)
            or ("ends_at is not after begins_at" if self._ends_first() else None)
        )
        if wrong:
            raise ValueError(wrong)
        return self

    def _wrong_split(self) -> str | None:
        if self.split is None:
            return None
        if self.split.keys() != self.variants.keys() or min(self.split.values()) <= 0:
            return "split names every variant, with a share above 0"
        return None if abs(sum(self.split.values()) - WHOLE) < NEARLY else "split adds up to 1"

    def _wrong_kind(self) -> str | None:
        if self.kind is ExperimentKind.GROUPS:
            return None
        if self.explores:
            return "`explore` goes with groups: an interleaved list is a draw already"
        if len(self.variants) != len(("first", "second")) or self.split is not None:
            return "interleaving compares two variants, without a split"
        return None if self.goal is Goal.CLICKS else "interleaving goes by clicks"

    def _has_twins(self) -> bool:
        asked = [each.model_dump_json() for each in self.variants.values()]
        return self.kind is ExperimentKind.INTERLEAVING and len({*asked}) < len(asked)

    def _ends_first(self) -> bool:
        return None not in (self.begins_at, self.ends_at) and self.ends_at <= self.begins_at  # type: ignore[operator] # neither is None

    @property
    def shares(self) -> dict[str, float]:
        """The share of each variant, in their order."""
        if self.split is not None:
            return {name: self.split[name] for name in self.variants}
        return dict.fromkeys(self.variants, WHOLE / len(self.variants))

    @property
    def explores(self) -> bool:
        """Whether places of any lists are given to a draw."""
        return any(each.explore for each in self.variants.values())

    def is_other(self, than: "Definition") -> bool:
        """Say whether people see, or are divided, otherwise than before."""
        compared = {"kind", "variants", "split", "surfaces", "layer"}
        changed = self.model_dump(include=compared) != than.model_dump(include=compared)
        return changed or [*self.variants] != [*than.variants] or self.ramp < than.ramp


class Experiment(BaseModel):
    """An experiment as it is kept."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: ExperimentId
    revision: int = Field(ge=1)
    definition: Definition
    changed_at: AwareDatetime

    @property
    def key(self) -> str:
        """What its figures and its assignment go by."""
        return f"{self.id}:{self.revision}"

    def runs(self, at: datetime) -> bool:
        """Say whether it is under way at a moment."""
        begins, ends = self.definition.begins_at, self.definition.ends_at
        return (begins is None or begins <= at) and (ends is None or at < ends)

    def is_on(self, surface: str) -> bool:
        """Say whether it is seen on a surface."""
        return self.definition.surfaces is None or surface in self.definition.surfaces

    def variant_for(self, who: str) -> str | None:
        """Return what somebody sees; None: they are not in it."""
        said, layer = self.definition, self.definition.layer
        if layer is not None and not is_within(layer.name, (layer.begin, layer.end), who):
            return None
        if not is_ramped(self.key, said.ramp, who):
            return None
        if said.kind is ExperimentKind.INTERLEAVING:
            return INTERLEAVED
        return variant_of(self.key, said.shares, who)

    def quarrels_with(self, other: "Experiment") -> bool:
        """Say whether somebody could be asked two different things of one list by both."""
        mine, theirs = self.definition, other.definition
        if not (_may_meet(mine.layer, theirs.layer) and _share(mine.surfaces, theirs.surfaces)):
            return False
        if mine.kind is theirs.kind is ExperimentKind.INTERLEAVING:
            return True
        return bool(_asked(mine) & _asked(theirs))


def _may_meet(mine: Layer | None, theirs: Layer | None) -> bool:
    return mine is None or theirs is None or mine.meets(theirs)


def _share(mine: Collection[str] | None, theirs: Collection[str] | None) -> bool:
    return mine is None or theirs is None or not {*mine}.isdisjoint(theirs)


def _asked(definition: Definition) -> set[str]:
    """Return what any variant says anything of."""
    return {
        name
        for each in definition.variants.values()
        for name, value in each.model_dump().items()
        if value is not None
    }


def said_of(id: str, definition: Definition, before: Experiment | None, at: datetime) -> Experiment:
    """Return what is to be kept of an experiment, by what was kept before."""
    note = redacted(definition.note)
    definition = definition.model_copy(update={"note": note})
    if before is None:
        return Experiment(id=id, revision=1, definition=definition, changed_at=at)
    revision = before.revision + definition.is_other(before.definition)
    return Experiment(id=id, revision=revision, definition=definition, changed_at=at)
