"""Fit the heads: ask, label, train, calibrate, compare; keep those that beat their baseline.

interactions ─▶ questions by period ─▶ a head per question ─▶ calibrated on the middle period
                                                           ─▶ judged once on the last, with baseline

Everything is chosen on the middle period (validation): whether the behaviour's state helps, when to
stop, the calibration. The test decides only whether a head is served.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import structlog
import torch
from tqdm import tqdm

from portrait.arrays import Refs
from portrait.dataset.history import Anchors, History
from portrait.dataset.interactions import Interactions
from portrait.dataset.labels import categories_touched, churn, next_action, purchase_within
from portrait.dataset.questions import (
    EVERY_MS,
    Examples,
    Known,
    Periods,
    Sets,
    StateOf,
    anchors_after_events,
    answer,
    calendar_anchors,
    category_codes,
    cut,
)
from portrait.model.calibration import AS_IT_IS
from portrait.model.habits import ACTIONS, HABITS
from portrait.model.heads import (
    CHURN_RISK,
    INTERESTS,
    NEXT_ACTION,
    PURCHASE_INTENT,
    Head,
    Heads,
    Standard,
    features,
)
from portrait.tracker import NoTracker, Tracker
from portrait.training.heads.fit_calibration import calibrate_forward
from portrait.training.heads.head_baselines import (
    recency_frequency_value,
    usual_categories,
    usual_followers,
)
from portrait.training.heads.judge_heads import (
    HeadReport,
    Question,
    judge,
    logits_of,
    outcomes_of,
    too_poor,
    untrained,
)
from portrait.training.heads.linear_head import FittedHead, Learning, learn

MOST_EXAMPLES = 24_000
MEASURED = 8_192  # examples whose features are measured
MOST_CATEGORIES, LEAST_TOUCHES = 128, 200  # of interests; rarer ones teach nothing

log = structlog.get_logger()


def fit_heads(  # noqa: PLR0913 - what is learned from, and what is asked
    interactions: Interactions,
    category_refs: Refs,
    state_of: StateOf,
    *,
    until: int,
    questions: Sequence[str] = (PURCHASE_INTENT, CHURN_RISK, NEXT_ACTION, INTERESTS),
    tracker: Tracker | None = None,
) -> tuple[Heads, list[HeadReport]]:
    """Train every head that the events can teach, and keep those that beat their baseline.

    Args:
        interactions: With real times, of which the last quarter is the test.
        category_refs: (N,), name_ref of each item's interest category; 0 = none.
        state_of: The behaviour encoder: rings (A, RING) to states (A, D).
        until: The log is complete up to here, ms.
        questions: Names of the heads to train.
        tracker: Is told how many of them are done.
    """
    torch.set_num_threads(1)
    periods = cut(interactions, until)
    categories = common_categories(interactions.before(periods.valid_from), category_refs)
    known = Known(History(interactions), state_of, category_refs, categories)
    asked = _questions(interactions, periods, category_refs, categories)
    standard = _standard(known, asked[0].anchors, periods)
    heads: dict[str, Head] = {}
    touch_weights = np.zeros((0, len(categories)), np.float32)
    reports = []
    wanted = [each for each in asked if each.name in questions]
    for done, question in enumerate(tqdm(wanted, "heads", disable=None)):
        (tracker or NoTracker()).reach(done / len(wanted))
        sets = answer(known, question.anchors, question.label, periods, MOST_EXAMPLES)
        poor = too_poor(question, sets)
        if poor:
            reports.append(untrained(question.name, poor, sets))
            continue
        head, learned = _fit(question, sets, standard)
        report = judge(question, sets, standard, head, learned)
        reports.append(report)
        log.info("head_judged", head=question.name, served=report.served, reason=report.reason)
        if report.served:
            heads[question.name] = head
            if question.name == INTERESTS:
                touch_weights = learned.touch_weights
    return Heads(standard, heads, categories, touch_weights), reports


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


def _standard(known: Known, anchors: Anchors, periods: Periods) -> Standard:
    """Measure how features lie and spread: one scale for all heads, so it is done once."""
    early = anchors.where(anchors.at < periods.valid_from)
    some = early.where(np.random.default_rng(0).permutation(len(early))[:MEASURED])
    facts = known.history.facts(some)
    described = features(facts.head, facts.ring, known.state_of(facts.ring), some.at)
    return Standard.of(described) if len(some) else Standard.neutral(described.shape[1])


def common_categories(past: Interactions, category_refs: Refs) -> Refs:
    """Return the categories touched most in the past, ascending."""
    refs, counts = np.unique(category_refs[past.item[past.item >= 0]], return_counts=True)
    taught = (counts >= LEAST_TOUCHES) & (refs > 0)
    refs, counts = refs[taught], counts[taught]
    return np.sort(refs[np.argsort(-counts, kind="stable")[:MOST_CATEGORIES]])


def _fit(question: Question, sets: Sets, standard: Standard) -> tuple[Head, FittedHead]:
    """Train with and without the state; keep what is better on validation, and calibrate it."""
    says_something = np.ptp(sets.train.features[:, : -len(HABITS)], axis=0).any()
    tried = []
    for with_state in (False, True)[: 1 + says_something]:
        train, valid = (
            _learning(question, each, standard, with_state=with_state)
            for each in (sets.train, sets.valid)
        )
        tried.append(learn(train, valid, question.outputs))
    best = min(tried, key=lambda learned: learned.loss)
    head = Head(best.weights, best.bias, AS_IT_IS)
    parts = [
        (logits_of(standard, head, best, part), outcomes_of(question, part))
        for part in (sets.train, *_halves(sets.valid))
    ]
    return replace(head, calibration=calibrate_forward(parts)), best


def _halves(examples: Examples) -> tuple[Examples, Examples]:
    """Split examples into the earlier and the later."""
    at = examples.labels.anchors.at
    early = at < np.median(at)
    return examples.where(early), examples.where(~early)


def _learning(
    question: Question, examples: Examples, standard: Standard, *, with_state: bool
) -> Learning:
    inputs = standard(examples.features)
    if not with_state:
        inputs[:, : -len(HABITS)] = 0
    outcomes = outcomes_of(question, examples)
    targets = torch.from_numpy(outcomes)
    if outcomes.ndim > 1:
        targets = targets.float()
    touches = None if examples.touches is None else torch.from_numpy(examples.touches)
    return Learning(torch.from_numpy(inputs), touches, targets)
