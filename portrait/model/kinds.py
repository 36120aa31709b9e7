"""Kinds: what an event says of its item, as models tell events apart.

An action is a kind, but a review is one of three, by its stars, or those that were read from its
text: it speaks for its item, against it, or neither. What was put into the cart and taken out again
is seen as a click, and taking it out is seen as nothing. A purchase that is complained of is seen
as nothing, and so is the complaint. Painting, ranking, training and judging all weigh events by
their kinds.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Codes, Flags, Floats, Refs
from portrait.events.columns import ACTION_CODE, FIRST_ACTIONS
from portrait.events.event import Action
from portrait.events.tone import READ

LIKED, DISLIKED = 40, 20  # ratings in tenths of a star: from here up, from here down

# How much an action says about interest. A return takes back what its purchase said. A removal says
# nothing by itself: see `as_seen`.
ACTION_WEIGHTS = {
    Action.BROWSE: 0.2,
    Action.CLICK: 0.5,
    Action.SEARCH: 1.0,
    Action.CART: 2.0,
    Action.PURCHASE: 4.0,
    Action.REVIEW: 1.0,
    Action.RETURN: -4.0,
    Action.REMOVE: 0.0,
    Action.WISH: 1.5,
}
LIKED_WEIGHT, DISLIKED_WEIGHT = 3.0, -3.0
LARGEST_WEIGHT = 8.0  # above every weight, for packing weights into sort keys

CLICK, CART, PURCHASE, REVIEW, REMOVE = (
    ACTION_CODE[each]
    for each in (Action.CLICK, Action.CART, Action.PURCHASE, Action.REVIEW, Action.REMOVE)
)
UNDOING = [ACTION_CODE[Action.RETURN], REMOVE]  # what undoes something touches nothing
HAD = [ACTION_CODE[each] for each in (Action.PURCHASE, Action.REVIEW, Action.RETURN)]
LIKED_REVIEW, DISLIKED_REVIEW = len(Action), len(Action) + 1  # kinds; those before are actions
KINDS = len(Action) + 2
KIND_WEIGHTS = np.array(
    [*(ACTION_WEIGHTS[action] for action in ACTION_CODE), LIKED_WEIGHT, DISLIKED_WEIGHT], np.float32
)

# The same for what somebody is after now, in the short term of texts and where the behaviour
# encoder begins: a search says it as plainly as a purchase. Source: docs/experiments.md.
NOW_WEIGHTS = KIND_WEIGHTS.copy()
NOW_WEIGHTS[ACTION_CODE[Action.SEARCH]] = KIND_WEIGHTS[ACTION_CODE[Action.PURCHASE]]

_ACTIONS = tuple(ACTION_CODE)

# Whose contrary each kind is: what it says counts as much as that, the other way.
CONTRARY_OF = {
    ACTION_CODE[Action.RETURN]: ACTION_CODE[Action.PURCHASE],
    DISLIKED_REVIEW: LIKED_REVIEW,
}

Kinds = NDArray[np.uint8]  # any shape


def kinds_of(action: NDArray[np.uint8], rating: NDArray[np.uint8]) -> Kinds:
    """Tell events apart, by ACTION_CODE and tenths of a star (0 = not rated); of their shape."""
    review = action == REVIEW
    kinds = np.where(review & (rating >= LIKED), np.uint8(LIKED_REVIEW), action)
    disliked = review & (rating > 0) & (rating <= DISLIKED)
    return np.where(disliked, np.uint8(DISLIKED_REVIEW), kinds)


def as_seen(
    action: NDArray[np.uint8],
    rating: NDArray[np.uint8],
    about: Codes | Refs,
    at: NDArray[np.int64],
) -> tuple[Kinds, Flags]:
    """Tell the events of U users apart as models see them, all (U, S), newest first.

    What was put into the cart says no more than a click once it is taken out; how long ago either
    was makes no difference, so nobody is taken to dislike what they took out.

    A complaint takes back the purchase that it complains of: see `_taken_back`.

    Args:
        action: ACTION_CODE.
        rating: Tenths of a star.
        about: Names what each event is about.
        at: ms since 1970.

    Returns:
        Their kinds, and which of them are seen.
    """
    kinds, is_removal = kinds_of(action, rating), action == REMOVE
    user, place = np.nonzero(is_removal)  # (R,)
    if len(user):
        taken_out = (action[user] == CART) & (about[user] == about[user, place][:, None])
        taken_out &= at[user] <= at[user, place][:, None]  # (R, S)
        removal, cart = np.nonzero(taken_out)
        kinds[user[removal], cart] = CLICK
    return kinds, ~is_removal & ~_taken_back(kinds, about, at)


def _taken_back(kinds: Kinds, about: Codes | Refs, at: NDArray[np.int64]) -> Flags:
    """Say which events, of (U, S), complaints take back.

    The first complaint after a purchase takes it back, and is as little seen: who sent a thing back
    is where they were before they bought it. Of what is bought every week the newest purchase alone
    is taken back. A complaint that no purchase stands before is seen: it speaks against its item.

    What led to it, since the purchase or complaint before, is taken back where nothing else is
    known that they like: it would be all that they are about. Source: docs/experiments.md.
    """
    taken, led = np.zeros(kinds.shape, np.bool_), np.zeros(kinds.shape, np.bool_)
    is_told = is_complaint(kinds)
    user, place = np.nonzero(is_told)  # (C,)
    if not len(user):
        return taken
    slots = np.arange(kinds.shape[1])
    then = at[user, place][:, None]
    older = (at[user] < then) | ((at[user] == then) & (~is_told[user] | (slots > place[:, None])))
    older &= about[user] == about[user, place][:, None]  # (C, S), the same thing before it
    bought = _newest(older & (kinds[user] == PURCHASE))
    is_answered = bought < _newest(older & is_told[user])
    taken[user[is_answered], place[is_answered]] = True
    taken[user[is_answered], bought[is_answered]] = True
    ends = (kinds[user] == PURCHASE) | is_told[user]
    begins = np.where(is_answered, bought, -1)[:, None]  # of what may have led to it: no later one
    complaint, event = np.nonzero(
        older & (slots < _newest(older & ends & (slots > begins))[:, None])
    )
    led[user[complaint], event] = True
    likes = (at > 0) & (KIND_WEIGHTS[kinds] > 0) & ~taken & ~led
    return taken | (led & ~likes.any(axis=1, keepdims=True))


def _newest(chosen: Flags) -> NDArray[np.intp]:
    """Return the place of the first that is chosen in each row of (C, S); S where none is."""
    place: NDArray[np.intp] = chosen.argmax(axis=1)
    place[~chosen.any(axis=1)] = chosen.shape[1]
    return place


def leave_out(thing: Codes | Refs, action: NDArray[np.uint8], at: NDArray[np.int64]) -> Flags:
    """Say which events, (E,), leave out what they are about where a list has only what is new.

    Whoever takes something out of the cart may be offered it again, until they touch it once more:
    nothing up to then leaves it out, unless it shows that they had it.

    Args:
        thing: Names what each event is about, and whose it is.
        action: ACTION_CODE.
        at: ms since 1970.
    """
    is_removal = action == REMOVE
    if not is_removal.any():
        return np.ones(len(action), np.bool_)
    _, code = np.unique(thing, return_inverse=True)
    removed = np.full(len(thing), np.iinfo(np.int64).min)  # by code, when it last was
    np.maximum.at(removed, code[is_removal], at[is_removal])
    kept: Flags = (at > removed[code]) | np.isin(action, HAD)
    return kept


def is_read(action: NDArray[np.uint8], quantity: NDArray[np.generic]) -> Flags:
    """Say of which events the stars were read from the text, and not said; of their shape."""
    read: Flags = (action == REVIEW) & (quantity == READ)
    return read


def is_complaint(kinds: Kinds) -> Flags:
    """Say which events speak against their item: returns, and reviews with few stars."""
    complaint: Flags = KIND_WEIGHTS[kinds] < 0
    return complaint


def factors_of(factors: Mapping[Action, float]) -> Floats:
    """Return what each kind counts beside what a model makes of it, (KINDS,); 1 where none is said.

    What is said of reviews is said of all three kinds of them.
    """
    of_kinds = np.ones(KINDS, np.float32)
    of_kinds[: len(Action)] = [factors.get(action, 1) for action in ACTION_CODE]
    of_kinds[len(Action) :] = of_kinds[REVIEW]
    return of_kinds


def action_of(kind: int) -> Action:
    """Return the action that a kind is one of."""
    return Action.REVIEW if kind >= len(Action) else _ACTIONS[kind]


def gates_of_kinds(gates: Floats) -> Floats:
    """Return a gate for each kind, (KINDS,).

    A model that learned when there were fewer takes what it does not know for what it is like, as
    much stronger or weaker, or contrary, as the weights are: a liked and a disliked review for a
    review, if that was one kind; a wish for something put into the cart.
    """
    if len(gates) == KINDS:
        return gates
    stars = KIND_WEIGHTS[[LIKED_REVIEW, DISLIKED_REVIEW]] / KIND_WEIGHTS[REVIEW] * gates[REVIEW]
    later = KIND_WEIGHTS[FIRST_ACTIONS : len(Action)] / KIND_WEIGHTS[CART] * gates[CART]
    known = gates[FIRST_ACTIONS:] if len(gates) > FIRST_ACTIONS else stars
    return np.concatenate([gates[:FIRST_ACTIONS], later, known])


def vectors_of_kinds(vectors: Floats) -> Floats:
    """Return a vector for each kind, (KINDS, D); see `gates_of_kinds`."""
    if len(vectors) == KINDS:
        return vectors
    later = np.repeat(vectors[[CART]], len(Action) - FIRST_ACTIONS, axis=0)
    stars = vectors[FIRST_ACTIONS:] if len(vectors) > FIRST_ACTIONS else vectors[[REVIEW, REVIEW]]
    return np.concatenate([vectors[:FIRST_ACTIONS], later, stars])
