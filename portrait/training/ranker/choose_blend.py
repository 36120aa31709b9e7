"""Choose the blend: what each part of a score counts, by NDCG@10 on validation.

parts ─▶ climb, one weight after the other ─▶ with what comes after what, if that is surely better
      ─▶ as much of categories and prices as does no harm ─▶ what the texts of cold items count

A few hundred questions say little, and whoever may choose among much finds luck: so what is known
beforehand stands unless the validation speaks against it by more than chance.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from portrait.arrays import Floats, Refs, Rows
from portrait.catalogue.traits import Traits
from portrait.evaluation.ranking import PerUser
from portrait.evaluation.validation import Validation
from portrait.inference.ranker import Ranker
from portrait.model.learned import FIRST, Blend, Learned
from portrait.model.recency import Events
from portrait.model.space import Vectors

FACTORS = np.array([0, 0.5, 0.75, 1.33, 2], np.float32)  # what is tried with each weight
SMALLEST = 0.1  # where a weight of 0 starts again
ROUNDS = 3  # of the search; the optimum is flat
COLD_SHARES = np.geomspace(0.2, 2, 25)  # of all that counts, tried for the texts of cold items
LEARNED_BEYOND = 1.5  # what was learned of texts knew the items: it looks a third too good
BEYOND_CHANCE = 1.0  # standard errors that a step away from the champion's blend has to gain
MOST_HELD = 150_000_000  # scores of neighbours: 600 MB
SURELY = 2.0  # standard errors that what comes after what has to gain to be taken up
USUAL_SHARES = (1.0, 0.75, 0.5, 0.25)  # of what kin and price count in a first model
BEHAVIOUR, TEXT, KIN, PRICE = range(4)  # places of the parts of a blend; kinds come last
EVEN = Blend(1, 1, 1, FIRST.kin, FIRST.price)

Measure = Callable[[Floats], PerUser]  # (C, P) weights of parts -> each user's gain, (C, U)


@dataclass(frozen=True, slots=True)
class Mix:
    """What each of P parts counts, and what that gains each of U users."""

    weights: Floats  # (P,)
    gains: PerUser  # (U,)


@dataclass(frozen=True, slots=True)
class _Near:
    """What each kind of neighbours says of every item: what costs most to find."""

    rankers: list[Ranker]  # of one kind each
    rows: Rows
    events: Events
    held: dict[tuple[int, int], list[Floats]] | None  # what was found; None: it is too much

    def scores(self, users: slice) -> list[Floats]:
        """Return the scores of some users by each kind, (u, N) each; not to be written."""
        place = users.start, users.stop
        if self.held is not None and place in self.held:
            return self.held[place]
        rows, events = self.rows[users], self.events[users]
        found = [each.neighbour_scores(rows, events) for each in self.rankers]
        if self.held is not None:
            self.held[place] = found
        return found


def choose_blend(  # noqa: PLR0913 - what it chooses for, and by
    learned: Learned,
    validation: Validation,
    items: Refs,
    text_vectors: Vectors,
    champion: Learned | None = None,
    *,
    traits: Traits | None = None,
    knows_order: bool = False,
) -> tuple[Learned, dict[str, float]]:
    """Search what each part counts: behaviour, text, traits, and every kind of neighbours.

    Args:
        learned: The parts.
        validation: What the choice is made on.
        items: (N,), refs of the validation's items.
        text_vectors: (N + Q, K), in the same order, and of searches.
        champion: Whose blend the search begins from; it is left only for one that is better by more
            than chance. None: begins from equal parts, and follows every gain.
        traits: Of the items, (N,); None: categories and prices count nothing.
        knows_order: Whether the last kind of neighbours is what comes after what. It is left out
            unless it is surely better, or the champion has it and is not surely worse with it.

    Returns:
        The same with its blend; NDCG@10 on validation, of the blend and of each part alone.
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

    is_small = len(validation) * validation.items * number <= MOST_HELD
    near = _Near(rankers, rows, happened, {} if is_small else None)

    def parts(users: slice) -> list[Floats]:
        return [
            states[users] @ ranker.matrix.T,
            texts[users] @ ranker.texts.T,
            *(() if traits is None else ranker.leanings(rows[users], happened[users])),
            *near.scores(users),
        ]

    def measure(mixes: Floats) -> PerUser:
        return validation.mixed(parts, mixes)

    told = () if traits is None else ("kin", "price")
    names = ("behaviour", "text", *told, *(f"neighbours {which}" for which in range(number)))
    even = _weights_of(replace(learned, blend=EVEN), len(told))
    known = _known_to(champion, learned)
    begin = None if known is None else _weights_of(known, len(told))
    mix = climbed(measure, even, begin, knows_order=knows_order)
    weights, best = mix.weights, float(mix.gains.mean())
    if told:
        weights, best = with_traits(measure, weights)
    alone = measure(np.eye(len(names), dtype=np.float32)).mean(axis=1).tolist()
    figures = dict(zip(("ndcg@10", *names), (best, *alone), strict=True))

    near = replace(near, held=None)  # cold items are looked for once, in slices of their own
    nameless = learned.behaviour.items(np.zeros(len(items), np.uint64), ranker.texts)

    def by_behaviour(users: slice) -> Floats:
        placed: Floats = states[users] @ nameless.T
        return placed

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
    if knows_order and not weights[-1]:
        learned = replace(learned, neighbours=learned.neighbours.first(number - 1))
        weights = weights[:-1]
    blended = _blended(learned, weights, len(told))
    return replace(blended, blend=replace(blended.blend, **cold)), figures


def climbed(measure: Measure, even: Floats, begin: Floats | None, *, knows_order: bool) -> Mix:
    """Climb from a champion's weights, or from even ones; with the last part and without it.

    Args:
        measure: What weights gain.
        even: (P,), where to begin without a champion.
        begin: (P,), the champion's, of which the last may be 0.
        knows_order: Whether the last part has to show that it is worth it.

    Returns:
        The better one, the last part being 0 where it was not worth it.
    """
    all_parts = range(len(even))
    start, least = (even, 0.0) if begin is None else (begin, BEYOND_CHANCE)
    if not knows_order:
        return _climb(measure, start, all_parts, least)
    order, others = all_parts[-1], all_parts[:-1]
    if begin is not None and begin[order]:  # what it counts is known, and not what else would
        without = _climb(measure, _with(even, order, 0), others, 0)
        with_it, asked = _climb(measure, begin, all_parts, least), -BEYOND_CHANCE
    else:
        without = _climb(measure, _with(start, order, 0), others, least)
        entering = _with(without.weights, order, without.weights.max())
        with_it, asked = _climb(measure, entering, (order, *others), 0), SURELY
    gained = with_it.gains - without.gains
    is_worth_it = gained.mean() > asked * gained.std() / np.sqrt(len(gained))
    return with_it if with_it.weights[order] and is_worth_it else without


def with_traits(measure: Measure, weights: Floats) -> tuple[Floats, float]:
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


def _known_to(champion: Learned | None, learned: Learned) -> Learned | None:
    """Return the champion with as many kinds of neighbours; those that it lacks count nothing.

    None if there is no champion, or its kinds are others: each kind forgets at a speed of its own.
    """
    if champion is None:
        return None
    theirs, ours = champion.neighbours, learned.neighbours
    if not np.array_equal(theirs.decay, ours.decay[: len(theirs.decay)]):
        return None
    kinds = np.zeros_like(ours.kinds)
    kinds[: len(theirs.kinds)] = theirs.kinds
    return replace(champion, neighbours=replace(theirs, kinds=kinds))


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


def _with(weights: Floats, part: int, weight: float) -> Floats:
    changed = weights.copy()
    changed[part] = weight
    return changed


def _climb(measure: Measure, begin: Floats, parts: Iterable[int], least: float) -> Mix:
    """Climb one weight after the other, by steps that gain more than `least` standard errors.

    Args:
        measure: What weights gain.
        begin: (P,).
        parts: Which of them may change, in this order.
        least: In standard errors of the mean of a step's paired differences.
    """
    parts = tuple(parts)
    (best,) = measure(begin[None])
    weights = begin
    for _ in range(ROUNDS):
        before = weights
        for part in parts:
            tried = np.tile(weights, (len(FACTORS), 1))
            tried[:, part] = FACTORS * max(float(weights[part]), SMALLEST)
            reached = measure(tried)
            place = int(np.argmax(reached.mean(axis=1)))
            gained = reached[place] - best
            if gained.mean() > least * gained.std() / np.sqrt(len(gained)):
                best, weights = reached[place], tried[place]
        if weights is before:
            break
    return Mix(weights, best)
