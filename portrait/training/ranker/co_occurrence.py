"""Co-occurrence: item-item matrices counted or solved from who touched what, made into neighbours.

Nothing here descends a gradient: `co_occurrences` and `followed` count, `regressed` solves one
linear system. Each returns an (N, N) matrix whose row i says what someone who touched item i
touches next.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from scipy.sparse import coo_array, csr_array

from portrait.arrays import Codes, Floats, Refs
from portrait.dataset.interactions import Interactions
from portrait.dataset.sequences import wanted
from portrait.model.kinds import KIND_WEIGHTS
from portrait.model.neighbours import Neighbours
from portrait.model.space import Vectors
from portrait.training.ranker.clip import first_said, heard, voices

GATES = np.maximum(KIND_WEIGHTS, np.float32(0))  # as in portraits, but nothing against an item
MOST_NEIGHBOURS = 200  # of an item, of each kind: 100 lose .1 % of NDCG, 50 lose .5 %
SOLVABLE = 15_000  # items: the system is dense, 0.9 GB of it
AT_ONCE = 200_000  # events, and the rest of their last user's: ten pairs each in memory


@dataclass(frozen=True, slots=True)
class Kind:
    """One item-item matrix, and how fast its events are forgotten."""

    matrix: csr_array  # (N, N)
    decay: float  # per event


@dataclass(frozen=True, slots=True)
class Window:
    """What counts as coming after something."""

    steps: int  # things apart, at most
    backward: float  # what coming before counts: 0, order is all; 1, it is nothing
    smoothing: float  # what each pair counts before anything is counted


def touches(events: Interactions) -> csr_array:
    """Return 1 where a user touched an item and did not return or dislike it, (U, N).

    Of each user as much as is heard: see `clip.py`.
    """
    events = heard(events.where(wanted(events)))
    shape = events.users, len(events.items)
    ones = np.ones(len(events), np.float32)
    touched = csr_array((ones, (events.user, events.item)), shape=shape)
    touched.data[:] = 1
    return touched


def co_occurrences(
    touched: csr_array, *, own: float = 0.7, other: float = 0.3, shrinkage: float = 20
) -> csr_array:
    """Count who touched both, over the popularity of both: count / (n_i^own n_j^other + shrinkage).

    The two powers need not be equal: less of the other's lets popular items through, which is right
    for what comes next.

    Source: Deshpande and Karypis, Item-based top-N recommendation algorithms, TOIS 2004, section
    4.2; shrinkage: Koren, Factorization Meets the Neighborhood, KDD 2008, section 2.2.
    """
    counts = coo_array(touched.T @ touched)
    apart = counts.row != counts.col
    pair = counts.row[apart], counts.col[apart]
    both = csr_array((counts.data[apart], pair), shape=counts.shape)
    return over_popularity(both, touched.sum(axis=0), own, other, shrinkage)


def over_popularity(
    counts: csr_array, popularity: Floats, own: float, other: float, shrinkage: float
) -> csr_array:
    """Divide how often both were touched, (N, N), by how often each was, (N,), to two powers."""
    both = counts.tocoo()
    base = popularity[both.row] ** own * popularity[both.col] ** other + shrinkage
    return csr_array((both.data / base, (both.row, both.col)), shape=counts.shape)


def regressed(
    touched: csr_array, text_vectors: Vectors, *, ridge: float = 30, text: float = 100
) -> csr_array:
    """Regress each item on all others, over users and over the axes of the text space.

    An axis of the space is a user who likes texts of one direction: it ties rare items to those
    that read alike. Solved in closed form; dense, so for up to `SOLVABLE` items.

    Args:
        touched: (U, N).
        text_vectors: (N, K), unit rows.
        ridge: Penalty; more of it trusts counts less.
        text: Weight of the texts.

    Source: Steck, Embarrassingly Shallow Autoencoders for Sparse Data, WWW 2019, equation 8; side
    information as more rows: Jeunen et al., Closed-Form Models for Collaborative Filtering with
    Side-Information, RecSys 2020, section 3.
    """
    gram = (touched.T @ touched).toarray().astype(np.float32)
    gram += np.float32(text) * (text_vectors @ text_vectors.T)
    gram[np.diag_indices_from(gram)] += ridge
    # By torch: a solution takes a minute, and SciPy would hold the interpreter all the while.
    inverse: Floats = torch.cholesky_inverse(torch.linalg.cholesky(torch.from_numpy(gram))).numpy()
    inverse /= -np.diag(inverse).copy()  # an item's weight for itself becomes -1: not kept
    return strongest(inverse)


def followed(events: Interactions, window: Window) -> csr_array:
    """Count what users touched soon after what, as evidence, (N, N).

    Several touches of one thing in a row are one: a purchase is a click, a cart and a payment.
    What happened at the same moment has no order, nor has what was bought in one: a till's receipt
    is sorted by number. Of each user as much as is heard: see `clip.py`.
    """
    events = heard(events.where(wanted(events)))
    goes_on = (events.user[1:] == events.user[:-1]) & (events.item[1:] == events.item[:-1])
    events = events.where(np.append(True, ~goes_on)[: len(events)])
    return evidence(
        events.user, events.item, events.moments, len(events.items), window, voices(events)
    )


def evidence(  # noqa: PLR0913, PLR0917 - columns of events
    user: Codes, item: Codes, at: Codes, items: int, window: Window, voice: Codes | None = None
) -> csr_array:
    """Count what came after what, as evidence: log(1 + C / smoothing), (N, N), 0 on the diagonal.

    C[b, a] adds up 1 / sqrt(d) for each a that came d steps after b, within the window, and
    `backward` times as much for each that came before.

    Args:
        user: (E,), ascending.
        item: (E,), of each user oldest first.
        at: (E,), when; nothing came after what happened at the same time.
        items: N.
        window: How far, and in which direction.
        voice: (E,), ascending: of one, b before a counts once, as near as it was. None: always.

    Source: Petrov et al., Do Sequential Recommendation Benchmarks Really Require Higher-Order
    Sequence Modelling?, RecSys 2026 (PCTM; smoothing is its tau over N).
    """
    counts = csr_array((items, items), dtype=np.float32)
    cuts = np.searchsorted(user, user[::AT_ONCE])  # no user in two parts, for their pairs are there
    for start, stop in pairwise([*np.unique(cuts).tolist(), len(user)]):
        part = slice(start, stop)
        said = None if voice is None else voice[part]
        counts += _followed(user[part], item[part], at[part], items, window.steps, said)
    if window.backward:
        counts += np.float32(window.backward) * counts.T
    both = counts.tocoo()
    apart = both.row != both.col
    value = np.log1p(both.data[apart] / np.float32(window.smoothing))
    return csr_array((value, (both.row[apart], both.col[apart])), shape=both.shape)


def _followed(  # noqa: PLR0913, PLR0917 - columns of events
    user: Codes, item: Codes, at: Codes, items: int, most: int, voice: Codes | None
) -> csr_array:
    """Add up what came at most so many steps after what, the nearest first: C of some users."""
    places = []
    for steps in range(1, most + 1):
        apart = (user[:-steps] == user[steps:]) & (at[:-steps] != at[steps:])
        later = np.flatnonzero(apart) + steps
        places.append(np.stack([later - steps, later, np.full(len(later), steps)]))
    before, after, steps_apart = np.concatenate(places, axis=1)
    weight = (steps_apart**-0.5).astype(np.float32)
    pair = item[before], item[after]
    if voice is not None:
        weight *= first_said(voice[after], *pair, items)
    return csr_array((weight, pair), (items, items))


def strongest(matrix: Floats, most: int = MOST_NEIGHBOURS) -> csr_array:
    """Keep the largest positive entries of each row, (N, N)."""
    most = min(most, matrix.shape[1])
    others = np.argpartition(-matrix, most - 1, axis=1)[:, :most]
    strengths = np.take_along_axis(matrix, others, axis=1)
    kept = strengths > 0
    row = np.nonzero(kept)[0]
    return csr_array((strengths[kept], (row, others[kept])), shape=matrix.shape)


def neighbours_of(kinds: list[Kind], refs: Refs, gates: Floats) -> Neighbours:
    """Make matrices into neighbours: the strongest of each, all of one scale.

    Args:
        kinds: (N, N) matrices over the same items.
        refs: (N,), of the items, in any order.
        gates: (A,), weight of each action.
    """
    order = np.argsort(refs)
    pruned = [_pruned(csr_array(kind.matrix[order][:, order])) for kind in kinds]
    pattern = csr_array(sum(abs(matrix) for matrix in pruned))
    pattern.sort_indices()
    row = np.repeat(np.arange(len(refs)), np.diff(pattern.indptr))
    strengths = [matrix[row, pattern.indices] for matrix in pruned]
    return Neighbours(
        refs=refs[order],
        starts=pattern.indptr.astype(np.int64),
        others=pattern.indices.astype(np.int32),
        strengths=np.stack(strengths, axis=1).astype(np.float32),
        action_gates=gates,
        decay=np.array([kind.decay for kind in kinds], np.float32),
        gap_decay=np.zeros(len(kinds), np.float32),
        kinds=np.ones(len(kinds), np.float32),
    )


def _pruned(matrix: csr_array) -> csr_array:
    """Keep each row's strongest, scaled so that a row's first neighbour has 1 on average."""
    matrix.sum_duplicates()
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((-matrix.data, row))
    place = np.arange(len(order)) - matrix.indptr[row[order]]
    kept = order[place < MOST_NEIGHBOURS]
    first = order[place == 0]
    scale = matrix.data[first].mean() if len(first) else 1.0
    shape = matrix.shape
    return csr_array((matrix.data[kept] / scale, (row[kept], matrix.indices[kept])), shape=shape)
