"""Kinds: what an event says of its item, as models tell events apart.

An action is a kind, but a review is one of three, by its stars, or those that were read from its
text: it speaks for its item, against it, or neither. Painting, ranking, training and judging all
weigh events by their kinds.
"""

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Flags, Floats
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.events.tone import READ

LIKED, DISLIKED = 40, 20  # ratings in tenths of a star: from here up, from here down

# How much an action says about interest. Purchase : cart : click : browse as in model.md; a return
# takes back what its purchase said.
ACTION_WEIGHTS = {
    Action.BROWSE: 0.2,
    Action.CLICK: 0.5,
    Action.SEARCH: 1.0,
    Action.CART: 2.0,
    Action.PURCHASE: 4.0,
    Action.REVIEW: 1.0,
    Action.RETURN: -4.0,
}
LIKED_WEIGHT, DISLIKED_WEIGHT = 3.0, -3.0
LARGEST_WEIGHT = 8.0  # above every weight, for packing weights into sort keys

REVIEW = ACTION_CODE[Action.REVIEW]
LIKED_REVIEW, DISLIKED_REVIEW = len(Action), len(Action) + 1  # kinds; those before are actions
KINDS = len(Action) + 2
KIND_WEIGHTS = np.array(
    [*(ACTION_WEIGHTS[action] for action in ACTION_CODE), LIKED_WEIGHT, DISLIKED_WEIGHT], np.float32
)

# The same for what somebody is after now, in the short term of texts and where the behaviour
# encoder begins: a search says it as plainly as a purchase. Source: docs/experiments.md.
NOW_WEIGHTS = KIND_WEIGHTS.copy()
NOW_WEIGHTS[ACTION_CODE[Action.SEARCH]] = KIND_WEIGHTS[ACTION_CODE[Action.PURCHASE]]

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


def is_read(action: NDArray[np.uint8], quantity: NDArray[np.generic]) -> Flags:
    """Say of which events the stars were read from the text, and not said; of their shape."""
    read: Flags = (action == REVIEW) & (quantity == READ)
    return read


def is_complaint(kinds: Kinds) -> Flags:
    """Say which events speak against their item: returns, and reviews with few stars."""
    complaint: Flags = KIND_WEIGHTS[kinds] < 0
    return complaint


def gates_of_kinds(gates: Floats) -> Floats:
    """Return a gate for each kind, (KINDS,).

    A model that learned when reviews were of one kind, with a gate for each action, takes liked and
    disliked ones as much for stronger and for contrary as their weights are.
    """
    if len(gates) == KINDS:
        return gates
    stars = KIND_WEIGHTS[[LIKED_REVIEW, DISLIKED_REVIEW]] / KIND_WEIGHTS[REVIEW]
    return np.concatenate([gates, gates[REVIEW] * stars])


def vectors_of_kinds(vectors: Floats) -> Floats:
    """Return a vector for each kind, (KINDS, D); see `gates_of_kinds`."""
    if len(vectors) == KINDS:
        return vectors
    return np.concatenate([vectors, vectors[[REVIEW, REVIEW]]])
