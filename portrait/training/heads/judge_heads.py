"""Judge heads: each beside its baseline, once, on a period that nothing was chosen on.

A head is served if it leads its baseline in 97.5 % of the draws of users; else the report says by
how much it does not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Doubles, Floats
from portrait.dataset.history import Anchors
from portrait.dataset.questions import Examples, Label, Sets
from portrait.evaluation.classification import (
    Lead,
    Probabilities,
    average_precision,
    binary_figures,
    cross_entropies,
    ece,
    lead_in_loss,
    lead_in_precision,
    macro_average_precision,
    multiclass_figures,
    reliability,
)
from portrait.evaluation.fairness import Groups, by_group
from portrait.model.calibration import sigmoid, softmax
from portrait.model.habits import HABITS
from portrait.model.heads import NEXT_ACTION, Head, Standard
from portrait.training.heads.linear_head import FittedHead

LEAST_EXAMPLES, LEAST_OF_A_KIND = 200, 30  # in each period; fewer prove nothing


@dataclass(frozen=True, slots=True)
class Question:
    """What one head is asked, and what it has to beat."""

    name: str
    anchors: Anchors
    label: Label
    outputs: int
    baseline: Callable[[Examples, Examples], Doubles]


@dataclass(frozen=True, slots=True)
class HeadReport:
    """How one head did on the test, beside its baseline."""

    name: str
    reason: str  # why it is served or not
    examples: dict[str, int]  # by period
    choice: dict[str, float]
    baseline: dict[str, float]
    uncalibrated: dict[str, float]
    calibrated: dict[str, float]
    lead: Lead | None
    reliability: list[tuple[int, float, float]]  # examples, predicted, observed
    said: Floats  # on the test, of the outcomes' shape; for figures by group
    test: Examples | None

    @property
    def served(self) -> bool:
        """Whether it beat its baseline."""
        return self.lead is not None and self.lead.real

    @property
    def believed(self) -> Floats:
        """The probabilities whose calibration is measured: of the likeliest, where one holds."""
        return self.said.max(axis=1) if self.name == NEXT_ACTION else self.said

    @property
    def rows(self) -> dict[str, object]:
        """What a manifest says of it."""
        return {
            "served": self.served,
            "reason": self.reason,
            "examples": self.examples,
            "choice": _rounded(self.choice),
            "baseline": _rounded(self.baseline),
            "uncalibrated": _rounded(self.uncalibrated),
            "calibrated": _rounded(self.calibrated),
            "reliability": [[round(value, 4) for value in row] for row in self.reliability],
        }


def judge(
    question: Question, sets: Sets, standard: Standard, head: Head, learned: FittedHead
) -> HeadReport:
    """Compare with the baseline on the test, which nothing was chosen on."""
    test = sets.test
    logits = logits_of(standard, head, learned, test)
    base = question.baseline(sets.train, test)
    user, outcomes = test.labels.anchors.user, outcomes_of(question, test)
    if question.name == NEXT_ACTION:
        codes = test.labels.values.astype(np.int64)
        raw, said = softmax(logits), softmax(logits / head.calibration.temperature)
        figures = [multiclass_figures(codes, each) for each in (base, raw, said)]
        lead = lead_in_loss(cross_entropies(codes, said), cross_entropies(codes, base), user)
        diagram = reliability(said.argmax(axis=1) == codes, said.max(axis=1))
    else:
        held = outcomes.astype(np.bool_)
        raw, said = sigmoid(logits), head.calibration(logits)
        base = base.reshape(held.shape)
        three: list[Probabilities] = [base, raw, said]
        figures = [
            binary_figures(held, each)
            | {"macro_average_precision": macro_average_precision(held, each)}
            for each in three
        ]
        lead = lead_in_precision(held, said, base, user)
        diagram = reliability(np.ravel(held), np.ravel(said))
    return HeadReport(
        name=question.name,
        reason=_reason(lead),
        examples=_sizes(sets),
        choice={
            "state": float(np.any(learned.weights[: -len(HABITS)])),
            "epochs": float(learned.epochs),
            "validation_loss": learned.loss,
        },
        baseline=figures[0],
        uncalibrated=figures[1],
        calibrated=figures[2],
        lead=lead,
        reliability=[(each.examples, each.predicted, each.observed) for each in diagram],
        said=said,
        test=test,
    )


def by_groups(report: HeadReport, groups: Groups) -> dict[str, dict[str, object]]:
    """Return a head's figures by group, for each trait.

    An average precision rises with the base rate, so that stands beside it.

    Not for the next action, of which several classes have figures of their own.
    """
    if report.test is None or report.name == NEXT_ACTION:
        return {}
    user = report.test.labels.anchors.user
    said = report.said
    held = report.test.labels.values.astype(np.bool_).reshape(said.shape)

    positive = np.asarray(held.any(axis=1))

    def precise(places: NDArray[np.int64]) -> float:
        return average_precision(held[places], said[places])

    def base(places: NDArray[np.int64]) -> float:
        return float(held[places].mean())

    def wrong(places: NDArray[np.int64]) -> float:
        return ece(np.ravel(held[places]), np.ravel(said[places]))

    return {
        trait: {
            "average_precision": by_group(precise, user, codes, names, positive).rows,
            "base_rate": by_group(base, user, codes, names).rows,
            "ece": by_group(wrong, user, codes, names).rows,
        }
        for trait, (codes, names) in groups.items()
    }


def logits_of(standard: Standard, head: Head, learned: FittedHead, examples: Examples) -> Floats:
    """Return the logits (A, O): the arithmetic of the service."""
    logits = head.logits(standard(examples.features))
    if examples.touches is not None:
        logits = logits + np.einsum("utc,tc->uc", examples.touches, learned.touch_weights)
    return logits


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in figures.items()}


def _reason(lead: Lead) -> str:
    verdict = "beats" if lead.real else "does not beat"
    return f"{verdict} its baseline: {lead.difference:+.4f} ({lead.low:+.4f} to {lead.high:+.4f})"


def _sizes(sets: Sets) -> dict[str, int]:
    return {"train": len(sets.train), "valid": len(sets.valid), "test": len(sets.test)}


def untrained(name: str, reason: str, sets: Sets) -> HeadReport:
    """Say why a head was not even trained."""
    nothing = np.zeros(0, np.float32)
    return HeadReport(name, reason, _sizes(sets), {}, {}, {}, {}, None, [], nothing, None)


def outcomes_of(question: Question, examples: Examples) -> NDArray[np.generic]:
    """Return codes (A,) where one outcome holds, flags (A, O) where several may."""
    values = examples.labels.values
    if question.name == NEXT_ACTION:
        return values.astype(np.int64)
    return values.astype(np.bool_).reshape(len(values), -1)


def too_poor(question: Question, sets: Sets) -> str:
    """Say why a question cannot be learned from these examples; empty if it can."""
    for name, examples in (
        ("training", sets.train),
        ("validation", sets.valid),
        ("test", sets.test),
    ):
        if len(examples) < LEAST_EXAMPLES:
            return f"{len(examples)} of {LEAST_EXAMPLES} examples in {name}"
        counts = np.unique(examples.labels.values, return_counts=True)[1]
        second = np.sort(counts)[-2:-1].sum()  # how many of the second most frequent kind
        if question.outputs == 0 or second < LEAST_OF_A_KIND:
            return f"{second} of {LEAST_OF_A_KIND} examples of a second outcome in {name}"
    return ""
