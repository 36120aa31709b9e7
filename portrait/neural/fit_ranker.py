"""Fit the ranker: train the behaviour encoder, count co-occurrence, choose what each part counts.

interactions ─▶ sequences ─▶ encoder, early stopping on validation ─▶ Behaviour
             ─▶ who touched what, and what after what ─▶ Neighbours
validation ─▶ blend, by coordinate search on NDCG@10: with what comes after what if that is surely
              better, without it else
           ─▶ what the texts of cold items count, for these to be found by them

Every choice is made on the validation; nothing here sees a test.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from portrait.behaviour import Behaviour, Refs
from portrait.evaluate import PerUser
from portrait.interactions import NO_ITEM, Interactions
from portrait.kinds import KIND_WEIGHTS
from portrait.learned import FIRST, Blend, Learned, untaught
from portrait.neighbours import Neighbours
from portrait.neural.behaviour_encoder import BehaviourEncoder, EncoderShape
from portrait.neural.co_occurrence import (
    SOLVABLE,
    Kind,
    Window,
    followed,
    neighbours_of,
    regressed,
    together,
    touches,
)
from portrait.neural.next_item import NextItem, NextItemLesson
from portrait.neural.sequences import sequences_of
from portrait.neural.training import Course, Outcome, train
from portrait.neural.validation import Validation
from portrait.ranker import Ranker
from portrait.recency import Floats
from portrait.space import Vectors
from portrait.tracker import Tracker
from portrait.traits import Traits

NEWER = 0.7  # share of the new weights in the average with the champion's: it forgets little
FACTORS = np.array([0, 0.5, 0.75, 1.33, 2], np.float32)  # what is tried with each weight
SMALLEST = 0.1  # where a weight of 0 starts again
ROUNDS = 3  # of the search; the optimum is flat
COLD_SHARES = np.geomspace(0.2, 2, 25)  # of all that counts, tried for the texts of cold items
LEARNED_BEYOND = 1.5  # what was learned of texts knew the items: it looks a third too good
BEYOND_CHANCE = 1.0  # standard errors that a step away from the champion's blend has to gain
USUAL_SHARES = (1.0, 0.75, 0.5, 0.25)  # of what kin and price count in a first model
SURELY = 2.0  # standard errors that what comes after what has to gain to be kept
WINDOWS = (Window(10, 0, 1), Window(3, 1, 8))  # where order says something, and where not
BEHAVIOUR, TEXT, KIN, PRICE = range(4)  # places of the parts of a blend; kinds come last
EVEN = Blend(1, 1, 1, FIRST.kin, FIRST.price)


@dataclass(frozen=True, slots=True)
class RankerCourse:
    """How to fit a ranker."""

    shape: EncoderShape = field(default_factory=EncoderShape)
    course: Course = field(default_factory=lambda: Course(epochs=8, patience=3))
    temperature: float = 0.1
    examples: int = 1_536  # a batch
    decay: float = 0.22  # per event, of what was touched by the same people: .8 is left
    follow_decay: float = 0.5  # per event, of what came after: .6 is left


@dataclass(frozen=True, slots=True)
class Fitted:
    """What came out."""

    learned: Learned
    figures: Mapping[str, float]  # on validation, of the blend and of each part
    outcome: Outcome  # of the encoder's training
    window: Window | None  # of what is touched after what; None: that counts nothing


@dataclass(frozen=True, slots=True)
class Blended:
    """Parts with what each of them counts, and what that came to."""

    learned: Learned
    figures: Mapping[str, float]  # NDCG@10 on validation, of the blend and of each part alone
    gains: PerUser  # (U,), of the blend


def fit_ranker(  # noqa: PLR0913 - what it learns from, and what it may be given
    events: Interactions,
    validation: Validation,
    text_vectors: Vectors,
    course: RankerCourse | None = None,
    *,
    counted: Interactions | None = None,
    traits: Traits | None = None,
    champion: Learned | None = None,
    tracker: Tracker | None = None,
    checkpoint: Path | None = None,
) -> Fitted:
    """Fit behaviour, neighbours and their blend.

    Args:
        events: Of U users, before what is asked: what the encoder learns from.
        validation: For early stopping and the blend; of the same items.
        text_vectors: (N + Q, K), unit rows of the space, in order of `events.items` and then of
            `events.queries`.
        course: How.
        counted: The whole past, where that is more than `events`: co-occurrence is counted on it,
            which is cheap. Of the same users and items.
        traits: Of the items, (N,); None: categories and prices count nothing.
        champion: Of the same space and shape: training goes on from it, the result is averaged
            with it, and its blend stands unless another is better by more than chance.
        tracker: Where the curves go.
        checkpoint: A file; a fit that was killed goes on from it.
    """
    course = course or RankerCourse()
    past = counted or events
    behaviour, outcome = _behaviour(
        events, validation, text_vectors, course, champion, tracker, checkpoint
    )
    window = choose_window(past, validation, text_vectors, course)
    neighbours = fit_neighbours(past, text_vectors, window, course)
    with_order, without = (
        choose_blend(
            Learned(behaviour, neighbours.first(kinds), EVEN),
            validation,
            past.items,
            text_vectors,
            champion,
            traits=traits,
        )
        for kinds in (len(neighbours.kinds), len(neighbours.kinds) - 1)
    )
    gained = with_order.gains - without.gains
    if gained.mean() > SURELY * gained.std() / np.sqrt(len(gained)):
        return Fitted(with_order.learned, with_order.figures, outcome, window)
    return Fitted(without.learned, without.figures, outcome, None)


def refit_ranker(  # noqa: PLR0913 - as `fit_ranker`
    fitted: Fitted,
    events: Interactions,
    text_vectors: Vectors,
    course: RankerCourse | None = None,
    *,
    counted: Interactions | None = None,
    champion: Learned | None = None,
    tracker: Tracker | None = None,
    checkpoint: Path | None = None,
) -> Learned:
    """Fit once more with nothing held out, by the choices of a fit that held something out.

    The newest events are those that say most of what comes next; held out for validation they would
    be missing from the model in service. Epochs and blend stay as they were chosen.

    Args:
        fitted: What `fit_ranker` chose.
        events: Of its interactions and its validation together.
        text_vectors: (N + Q, K), as then.
        course: The same as then, as all below.
        counted: The whole past, where that is more than `events`.
        champion: Whom the fit began from.
        tracker: Where the curve goes.
        checkpoint: A file of its own.
    """
    course = course or RankerCourse()
    known = replace(course.course, stop_after=fitted.outcome.epoch)
    behaviour, _ = _behaviour(
        events, None, text_vectors, replace(course, course=known), champion, tracker, checkpoint
    )
    neighbours = replace(
        fit_neighbours(counted or events, text_vectors, fitted.window, course),
        kinds=fitted.learned.neighbours.kinds,
    )
    return replace(fitted.learned, behaviour=behaviour, neighbours=neighbours)


def choose_window(
    events: Interactions, validation: Validation, text_vectors: Vectors, course: RankerCourse
) -> Window:
    """Choose how what is touched after what is counted: by what it finds on validation alone."""

    def found(window: Window) -> float:
        kind = Kind(followed(events, window), course.follow_decay)
        alone = replace(
            untaught(text_vectors.shape[1]),
            neighbours=neighbours_of([kind], events.items, _gates()),
        )
        ranker = Ranker.over(alone, events.items, text_vectors)
        rows, happened = ranker.heard(validation.rows, validation.events)

        def scores(users: slice) -> Floats:
            return ranker.neighbour_scores(rows[users], happened[users])

        return validation.figures(scores)["ndcg@10"]

    return max(WINDOWS, key=found)


def fit_neighbours(
    events: Interactions,
    text_vectors: Vectors,
    window: Window | None = None,
    course: RankerCourse | None = None,
) -> Neighbours:
    """Count co-occurrence, solve the regression of a small catalogue, count what comes after what.

    Of items that somebody touched: that the others are not there makes them cold.

    Args:
        events: Of U users.
        text_vectors: (N + Q, K), unit rows.
        window: Of what comes after what, the last kind; None: without it.
        course: How fast each is forgotten.
    """
    course = course or RankerCourse()
    touched = touches(events)
    warm = np.flatnonzero(touched.sum(axis=0))
    touched = touched[:, warm]
    kinds = [Kind(together(touched), course.decay)]
    if len(warm) <= SOLVABLE:
        kinds.append(Kind(regressed(touched, text_vectors[warm]), course.decay))
    if window is not None:
        kinds.append(Kind(followed(events, window)[warm][:, warm], course.follow_decay))
    return neighbours_of(kinds, events.items[warm], _gates())


def choose_blend(  # noqa: PLR0913 - what it chooses for, and by
    learned: Learned,
    validation: Validation,
    items: Refs,
    text_vectors: Vectors,
    champion: Learned | None = None,
    *,
    traits: Traits | None = None,
) -> Blended:
    """Search what each part counts: behaviour, text, traits, and every kind of neighbours.

    Args:
        learned: The parts.
        validation: What the choice is made on.
        items: (N,), refs of the validation's items.
        text_vectors: (N + Q, K), in the same order, and of searches.
        champion: Whose blend the search begins from; it is left only for one that is better by more
            than chance. None: begins from equal parts, and follows every gain.
        traits: Of the items, (N,); None: categories and prices count nothing.

    Returns:
        The same parts with their blend.
    """
    number = len(learned.neighbours.kinds)
    kinds = [learned.neighbours.kind(which) for which in range(number)]
    rankers = [
        Ranker.over(replace(learned, neighbours=kind), items, text_vectors, traits)
        for kind in kinds
    ]
    ranker = rankers[0]
    rows, happened = ranker.heard(validation.rows, validation.events)
    states, texts = ranker.states(rows, happened), ranker.text_states(rows, happened)

    def parts(users: slice) -> list[Floats]:
        return [
            states[users] @ ranker.matrix.T,
            texts[users] @ ranker.texts.T,
            *(() if traits is None else ranker.leanings(rows[users], happened[users])),
            *(each.neighbour_scores(rows[users], happened[users]) for each in rankers),
        ]

    told = () if traits is None else ("kin", "price")
    names = ("behaviour", "text", *told, *(f"neighbours {which}" for which in range(number)))
    begin, least = _weights_of(replace(learned, blend=EVEN), len(told)), 0.0
    if champion is not None:
        begin, least = _weights_of(_of_kinds(champion, number), len(told)), BEYOND_CHANCE

    def measure(mixes: Floats) -> PerUser:
        return validation.mixed(parts, mixes)

    weights, figures = _search(measure, names, begin, least)
    if told:
        weights, figures["ndcg@10"] = with_traits(measure, weights)
    nameless = learned.behaviour.items(np.zeros(len(items), np.uint64), ranker.texts)

    def by_behaviour(users: slice) -> Floats:
        near: Floats = states[users] @ nameless.T
        return near

    def by_text(users: slice) -> Floats:
        read: Floats = texts[users] @ ranker.texts.T
        return read

    found = validation.figures(by_behaviour)["ndcg@10"]
    is_learned = found > LEARNED_BEYOND * figures["text"]
    said = by_behaviour if is_learned else by_text
    of_traits = slice(KIN, KIN + len(told))

    def views(users: slice) -> tuple[Floats, Floats, Floats]:
        each = np.stack(parts(users))
        beside = np.einsum("p,pun->un", weights[of_traits], each[of_traits])
        return np.einsum("p,pun->un", weights, each), said(users), beside

    most = weights.sum() - weights[of_traits].sum()
    count = validation.fair_to_cold(views, COLD_SHARES * most, ranker.cold)
    cold = {"cold": 0.0, "cold_behaviour": count} if is_learned else {"cold": count}
    blended = _blended(learned, weights, len(told))
    blended = replace(blended, blend=replace(blended.blend, **cold))
    return Blended(blended, figures, *measure(weights[None]))


def with_traits(measure: Callable[[Floats], PerUser], weights: Floats) -> tuple[Floats, float]:
    """Let kin and price count what they do in a first model, or the most of it that does no harm.

    What a few hundred questions say of them is mostly luck, and that people stay with categories
    and prices is known without. Harm is a fall, by both together, of more than a standard error of
    the paired differences.

    Returns:
        The weights (P,), and the mean gain with them.

    Source: the rule of one standard error: Breiman et al., Classification and Regression Trees,
    1984; of what is hardly worse than the best, what seemed right beforehand is taken.
    """
    (best,) = measure(weights[None])
    kept, content = best, weights[BEHAVIOUR] + weights[TEXT]
    for part, usual in ((KIN, FIRST.kin), (PRICE, FIRST.price)):
        for share in USUAL_SHARES:
            tried = weights.copy()
            tried[part] = max(tried[part], share * usual * content)
            (gained,) = measure(tried[None])
            lost = best - gained
            if lost.mean() <= lost.std() / np.sqrt(len(lost)):
                kept, weights = gained, tried
                break
    return weights, float(kept.mean())


def _of_kinds(champion: Learned, number: int) -> Learned:
    """Return a champion with so many kinds of neighbours; what it lacks counts as its most."""
    kinds = np.ones(number, np.float32)
    known = champion.neighbours.kinds[:number]
    kinds[: len(known)] = known
    return replace(champion, neighbours=replace(champion.neighbours, kinds=kinds))


def _weights_of(learned: Learned, told: int) -> Floats:
    """Return what each part counts, (2 + T + H,): behaviour, text, traits, kinds of neighbours."""
    blend = learned.blend
    traits = (blend.kin, blend.price)[:told]
    kinds = blend.neighbours * learned.neighbours.kinds
    return np.array([blend.behaviour, blend.text, *traits, *kinds.tolist()], np.float32)


def _blended(learned: Learned, weights: Floats, told: int) -> Learned:
    """Let each part count as much; the contrary of `_weights_of`."""
    behaviour, text, *others = weights.tolist()
    traits, kinds = others[:told], others[told:]
    most = max(kinds)
    neighbours = replace(
        learned.neighbours, kinds=np.array(kinds, np.float32) / np.float32(most or 1)
    )
    return replace(learned, blend=Blend(behaviour, most, text, *traits), neighbours=neighbours)


def _search(
    measure: Callable[[Floats], PerUser], names: Sequence[str], begin: Floats, least: float
) -> tuple[Floats, dict[str, float]]:
    """Climb one weight after the other, by steps that gain more than `least` standard errors.

    Args:
        measure: (C, P) weights to each user's gain, (C, U).
        names: Of the P parts.
        begin: (P,).
        least: In standard errors of the mean of a step's paired differences.

    Returns:
        The weights (P,); the mean gain of the best and of each part alone, by name.
    """
    alone = np.eye(len(names), dtype=np.float32)
    best, *single = measure(np.concatenate([begin[None], alone]))
    weights = begin
    for _ in range(ROUNDS):
        before = weights
        for part in range(len(names)):
            tried = np.tile(weights, (len(FACTORS), 1))
            tried[:, part] = FACTORS * max(float(weights[part]), SMALLEST)
            reached = measure(tried)
            place = int(np.argmax(reached.mean(axis=1)))
            gained = reached[place] - best
            if gained.mean() > least * gained.std() / np.sqrt(len(gained)):
                best, weights = reached[place], tried[place]
        if weights is before:
            break
    figures = [float(gain.mean()) for gain in (best, *single)]
    return weights, dict(zip(("ndcg@10", *names), figures, strict=True))


def _behaviour(  # noqa: PLR0913, PLR0917 - see `fit_ranker`
    events: Interactions,
    validation: Validation | None,
    text_vectors: Vectors,
    course: RankerCourse,
    champion: Learned | None,
    tracker: Tracker | None,
    checkpoint: Path | None,
) -> tuple[Behaviour, Outcome]:
    """Train the encoder, from a champion if there is one."""
    counts = np.bincount(events.item[events.item != NO_ITEM], minlength=len(events.items))
    torch.manual_seed(course.course.seed)
    encoder = BehaviourEncoder(text_vectors, counts.astype(np.float32), course.shape)
    if champion is not None:
        encoder.warm_start(champion.behaviour, events.items)
    lesson = NextItemLesson(
        NextItem(encoder, temperature=course.temperature),
        sequences_of(events),
        validation,
        course.examples,
        course.course.seed,
    )
    outcome = train(lesson, course.course, tracker=tracker, checkpoint=checkpoint)
    learned = encoder.exported(events.items)
    if champion is not None:
        learned = champion.behaviour.average(learned, NEWER)
    return learned, outcome


def _gates() -> Floats:
    """Return what an action says in co-occurrence: as in portraits, but nothing against an item."""
    return np.maximum(KIND_WEIGHTS, np.float32(0))
