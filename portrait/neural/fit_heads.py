"""Fit the heads: ask, label, train, calibrate, compare; keep those that beat their baseline.

interactions ─▶ questions by period ─▶ a head per question ─▶ calibrated on the middle period
                                                           ─▶ judged once on the last, with baseline

Everything is chosen on the middle period (validation): whether the behaviour's state helps, how
much weight decay, when to stop, the calibration. The test decides only whether a head is served.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import structlog
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from portrait.calibration import AS_IT_IS, calibrate_forward, sigmoid, softmax
from portrait.classification import (
    Lead,
    Probabilities,
    average_precision,
    binary_figures,
    cross_entropies,
    lead_in_loss,
    lead_in_precision,
    multiclass_figures,
    reliability,
)
from portrait.habits import ACTIONS, DAY_MS, HABITS
from portrait.heads import (
    CHURN_RISK,
    INTERESTS,
    NEXT_ACTION,
    PURCHASE_INTENT,
    Head,
    Heads,
    Standard,
)
from portrait.history import Anchors, History
from portrait.interactions import Interactions
from portrait.labels import categories_touched, churn, next_action, purchase_within
from portrait.neural.head_baselines import (
    recency_frequency_value,
    usual_categories,
    usual_followers,
)
from portrait.neural.linear_head import Learned, Learning, learn
from portrait.questions import (
    Examples,
    Known,
    Label,
    Periods,
    Refs,
    Sets,
    StateOf,
    anchors_after_events,
    answer,
    calendar_anchors,
    category_codes,
    cut,
)

Numbers = NDArray[np.float64]
Floats = NDArray[np.float32]

WEIGHT_DECAYS = (0.01, 0.3)
MOST_EXAMPLES = 24_000
LEAST_EXAMPLES, LEAST_OF_A_KIND = 200, 30  # in each period; fewer prove nothing
MOST_CATEGORIES, LEAST_TOUCHES = 128, 200  # of interests; rarer ones teach nothing
EVERY_MS = 7 * DAY_MS

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Question:
    """What one head is asked, and what it has to beat."""

    name: str
    anchors: Anchors
    label: Label
    outputs: int
    baseline: Callable[[Examples, Examples], Numbers]


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


def fit_heads(
    interactions: Interactions,
    category_refs: Refs,
    state_of: StateOf,
    *,
    until: int,
    questions: Sequence[str] = (PURCHASE_INTENT, CHURN_RISK, NEXT_ACTION, INTERESTS),
) -> tuple[Heads, list[HeadReport]]:
    """Train every head that the events can teach, and keep those that beat their baseline.

    Args:
        interactions: With real times, of which the last quarter is the test.
        category_refs: (N,), name_ref of each item's interest category; 0 = none.
        state_of: The behaviour encoder: rings (A, RING) to states (A, D).
        until: The log is complete up to here, ms.
        questions: Names of the heads to train.
    """
    torch.set_num_threads(1)
    periods = cut(interactions, until)
    categories = _common_categories(interactions.before(periods.valid_from), category_refs)
    known = Known(History(interactions), state_of, category_refs, categories)
    asked = _questions(interactions, periods, category_refs, categories)
    heads: dict[str, Head] = {}
    touch_weights = np.zeros((0, len(categories)), np.float32)
    reports = []
    for question in tqdm([each for each in asked if each.name in questions], "heads"):
        sets = answer(known, question.anchors, question.label, periods, MOST_EXAMPLES)
        poor = _too_poor(question, sets)
        if poor:
            reports.append(_untrained(question.name, poor, sets))
            continue
        head, learned = _fit(question, sets)
        report = _judge(question, sets, head, learned)
        reports.append(report)
        log.info("head_judged", head=question.name, served=report.served, reason=report.reason)
        if report.served:
            heads[question.name] = head
            if question.name == INTERESTS:
                touch_weights = learned.touch_weights
    return Heads(heads, categories, touch_weights), reports


def _questions(
    interactions: Interactions, periods: Periods, category_refs: Refs, categories: Refs
) -> list[Question]:
    """Write down what is asked of whom and when."""
    calendar = calendar_anchors(interactions, periods.asked_from, periods.until, EVERY_MS)
    touched = partial(
        categories_touched,
        interactions,
        category=category_codes(category_refs, categories),
        categories=len(categories),
    )
    return [
        Question(
            PURCHASE_INTENT,
            calendar,
            partial(purchase_within, interactions),
            1,
            recency_frequency_value,
        ),
        Question(CHURN_RISK, calendar, partial(churn, interactions), 1, recency_frequency_value),
        Question(
            NEXT_ACTION,
            anchors_after_events(interactions),
            partial(next_action, interactions),
            ACTIONS,
            usual_followers,
        ),
        Question(INTERESTS, calendar, touched, len(categories), usual_categories),
    ]


def _common_categories(past: Interactions, category_refs: Refs) -> Refs:
    """Return the categories touched most in the past, ascending."""
    refs, counts = np.unique(category_refs[past.item[past.item >= 0]], return_counts=True)
    taught = (counts >= LEAST_TOUCHES) & (refs > 0)
    refs, counts = refs[taught], counts[taught]
    return np.sort(refs[np.argsort(-counts, kind="stable")[:MOST_CATEGORIES]])


def _too_poor(question: Question, sets: Sets) -> str:
    """Say why a question cannot be learned from these examples; empty if it can."""
    for name, examples in (
        ("training", sets.train),
        ("validation", sets.valid),
        ("test", sets.test),
    ):
        if len(examples) < LEAST_EXAMPLES:
            return f"{len(examples)} examples in {name}"
        counts = np.unique(examples.labels.values, return_counts=True)[1]
        if question.outputs == 0 or len(counts) < 2 or np.sort(counts)[-2] < LEAST_OF_A_KIND:  # noqa: PLR2004 - two kinds
            return f"hardly more than one outcome in {name}"
    return ""


def _fit(question: Question, sets: Sets) -> tuple[Head, Learned]:
    """Train with and without the state, at each weight decay; keep the best on validation."""
    standard = Standard.of(sets.train.features)
    best: Learned | None = None
    for with_state in (False, True):
        train, valid = (
            _learning(question, each, standard, with_state=with_state)
            for each in (sets.train, sets.valid)
        )
        for weight_decay in WEIGHT_DECAYS:
            learned = learn(train, valid, question.outputs, weight_decay=weight_decay)
            if best is None or learned.loss < best.loss:
                best = learned
    if best is None:
        msg = "there is nothing to choose from"
        raise ValueError(msg)
    head = Head(standard, best.weights, best.bias, AS_IT_IS)
    parts = [
        (_logits(head, best, part), _outcomes(question, part))
        for part in (sets.train, *_halves(sets.valid))
    ]
    return replace(head, calibration=calibrate_forward(parts)), best


def _halves(examples: Examples) -> tuple[Examples, Examples]:
    """Split examples into the earlier and the later."""
    at = examples.labels.anchors.at
    early = at < np.median(at)
    return examples.where(early), examples.where(~early)


def _outcomes(question: Question, examples: Examples) -> NDArray[np.generic]:
    """Return codes (A,) where one outcome holds, flags (A, O) where several may."""
    values = examples.labels.values
    if question.name == NEXT_ACTION:
        return values.astype(np.int64)
    return values.astype(np.bool_).reshape(len(values), -1)


def _learning(
    question: Question, examples: Examples, standard: Standard, *, with_state: bool
) -> Learning:
    inputs = standard(examples.features)
    if not with_state:
        inputs[:, : -len(HABITS)] = 0
    outcomes = _outcomes(question, examples)
    targets = torch.from_numpy(outcomes)
    if outcomes.ndim > 1:
        targets = targets.float()
    touches = None if examples.touches is None else torch.from_numpy(examples.touches)
    return Learning(torch.from_numpy(inputs), touches, targets)


def _judge(question: Question, sets: Sets, head: Head, learned: Learned) -> HeadReport:
    """Compare with the baseline on the test, which nothing was chosen on."""
    test = sets.test
    logits = _logits(head, learned, test)
    base = question.baseline(sets.train, test)
    user, outcomes = test.labels.anchors.user, _outcomes(question, test)
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
            binary_figures(held, each) | {"macro_average_precision": _macro(held, each)}
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


def _logits(head: Head, learned: Learned, examples: Examples) -> Floats:
    """Return the logits (A, O): the arithmetic of the service."""
    logits = head.logits(examples.features)
    if examples.touches is not None:
        logits = logits + np.einsum("utc,tc->uc", examples.touches, learned.touch_weights)
    return logits


def _macro(outcomes: NDArray[np.bool_], said: Probabilities) -> float:
    columns = np.flatnonzero(outcomes.any(axis=0))
    each = [average_precision(outcomes[:, column], said[:, column]) for column in columns]
    return float(np.mean(each))


def _reason(lead: Lead) -> str:
    verdict = "beats" if lead.real else "does not beat"
    return f"{verdict} its baseline: {lead.difference:+.4f} ({lead.low:+.4f} to {lead.high:+.4f})"


def _sizes(sets: Sets) -> dict[str, int]:
    return {"train": len(sets.train), "valid": len(sets.valid), "test": len(sets.test)}


def _untrained(name: str, reason: str, sets: Sets) -> HeadReport:
    nothing = np.zeros(0, np.float32)
    return HeadReport(name, reason, _sizes(sets), {}, {}, {}, {}, None, [], nothing, None)
