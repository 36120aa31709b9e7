"""Trials: which experiments a request is in, and what they ask for instead.

request ─▶ experiments under way on its surface ─▶ the person's variants ─▶ one or two requests
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from portrait.events.impression import MOST_TRIED
from portrait.experiments.definition import Experiment, ExperimentKind, Overrides
from portrait.experiments.tries import Tries
from service.recommendations.known import Loaded
from service.recommendations.schemas import RecommendationRequest


@dataclass(frozen=True, slots=True)
class Arm:
    """What variants ask for instead of what a request does."""

    said: Mapping[str, object] = field(default_factory=dict)  # members of the request
    is_personal: bool = True
    team: str | None = None  # its name in an interleaved list
    explore: float = 0.0  # share of the places that are given to a draw

    def under(self, overrides: Overrides) -> "Arm":
        """Let a variant have its way."""
        said = overrides.model_dump(exclude={"personal", "explore"}, exclude_none=True)
        personal = self.is_personal if overrides.personal is None else overrides.personal
        explore = self.explore if overrides.explore is None else overrides.explore
        return Arm({**self.said, **said}, personal, self.team, explore)

    def of(self, loaded: Loaded) -> Loaded:
        """Return a request as the variants have it."""
        tried = loaded if self.is_personal else loaded.of_anybody()
        return tried.asking(self.said) if self.said else tried


@dataclass(frozen=True, slots=True)
class Trials:
    """What a request is tried with."""

    arms: tuple[Arm, ...] = (Arm(),)  # one; two, where their lists are interleaved
    variants: Mapping[str, str] = field(default_factory=dict)  # by `Experiment.key`
    tries: Tries | None = None  # what came of draws so far; None: none is made

    @property
    def share(self) -> float:
        """Share of the places that are given to a draw; what is interleaved is one already."""
        return self.arms[0].explore if len(self.arms) == 1 else 0.0

    @property
    def named(self) -> dict[str, str]:
        """The variants as a shop is told of them: by the experiment's id."""
        return {key.partition(":")[0]: variant for key, variant in self.variants.items()}


PLAIN = Trials()


def trials_of(
    asked: RecommendationRequest, who: str, experiments: Sequence[Experiment], now: datetime
) -> Trials:
    """Say what a request is tried with.

    Args:
        asked: The request.
        who: The user; who is not named is in interleaved experiments alone, list by list.
        experiments: All there are.
        now: When.
    """
    arms: tuple[Arm, ...] = (Arm(),)
    variants: dict[str, str] = {}
    for each in experiments:
        said = each.definition
        is_nobodys = asked.user_id is None and said.kind is ExperimentKind.GROUPS
        variant = each.variant_for(who)
        if variant is None or is_nobodys or not (each.runs(now) and each.is_on(asked.surface)):
            continue
        if said.kind is ExperimentKind.GROUPS:
            arms = tuple(arm.under(said.variants[variant]) for arm in arms)
        elif len(arms) == 1:
            arms = _both(arms[0], said.variants)
        else:
            continue  # two of them quarrel, which is refused where they are made
        variants[each.key] = variant
        if len(variants) == MOST_TRIED:
            break
    return Trials(arms, variants)


def _both(arm: Arm, variants: Mapping[str, Overrides]) -> tuple[Arm, ...]:
    return tuple(replace(arm.under(each), team=name) for name, each in variants.items())
