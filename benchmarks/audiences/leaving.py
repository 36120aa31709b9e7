"""Leaving: does who is called leaving by the churn head leave, by tenths of those asked about?

Beside it: whoever has been silent for longest is called leaving.
"""

import numpy as np

from benchmarks.heads.shops import Shop
from benchmarks.heads.states import TextStates
from portrait.arrays import Codes, Flags, Floats
from portrait.model.habits import HABITS, RECENCY
from portrait.model.heads import CHURN_RISK
from portrait.training.heads.fit_heads import fit_heads

TENTHS, DRAWS = 10, 1_000


def leaving(shop: Shop, states: TextStates) -> dict[str, object]:
    """Fit the head on the first three quarters of a shop's time, and ask it about the last."""
    _, (report,) = fit_heads(
        shop.interactions, shop.category_refs, states, until=shop.until, questions=(CHURN_RISK,)
    )
    if report.test is None:
        return {"reason": report.reason}
    labels = report.test.labels
    left = labels.values.astype(np.bool_).ravel()
    silence = report.test.features[:, -len(HABITS) + RECENCY]
    return {
        "served": report.served,
        "asked": len(left),
        "users": len(np.unique(labels.anchors.user)),
        "leave": round(float(left.mean()), 4),
        "tenths": tenths(np.ravel(report.said), left, labels.anchors.user),
        "by_silence": tenths(silence, left, labels.anchors.user),
    }


def tenths(said: Floats, left: Flags, user: Codes) -> list[dict[str, object]]:
    """Return of each tenth, the most likely first: its mean of what was said, what came, the lift.

    The interval is of a bootstrap over users.
    """
    order = np.argsort(-said, kind="stable")
    tenth = np.empty(len(said), np.int64)
    tenth[order] = np.arange(len(said)) * TENTHS // len(said)
    users, row = np.unique(user, return_inverse=True)
    cell = row * TENTHS + tenth
    size = np.bincount(cell, minlength=len(users) * TENTHS).reshape(-1, TENTHS)
    gone = np.bincount(cell, left, minlength=len(users) * TENTHS).reshape(-1, TENTHS)
    draw = np.random.default_rng(0)
    lifts = []
    for _ in range(DRAWS):
        some = draw.integers(0, len(users), len(users))
        all_, went = size[some].sum(axis=0), gone[some].sum(axis=0)
        lifts.append(went / np.maximum(all_, 1) / (went.sum() / all_.sum()))
    low, high = np.percentile(lifts, [2.5, 97.5], axis=0)
    real = gone.sum(axis=0) / size.sum(axis=0)
    return [
        {
            "tenth": place + 1,
            "said": round(float(said[tenth == place].mean()), 4),
            "left": round(float(real[place]), 4),
            "lift": [
                round(float(each), 2)
                for each in (real[place] / left.mean(), low[place], high[place])
            ],
        }
        for place in range(TENTHS)
    ]
