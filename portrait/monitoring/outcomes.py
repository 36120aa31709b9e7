"""Outcomes: what the champion's heads say of moments since its training, and what then came.

archive ─ some users, whole ─▶ moments whose windows have closed ─ facts as of then ─▶ heads ─▶ said
                                                                 ─ labels ─▶ what happened

Nobody has to remember for weeks what was said of whom: a head answers from facts, and the archive
knows them as of any moment. Who was erased meanwhile is in no archive, and in no figure.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np

from portrait.archive.archive import Archive
from portrait.arrays import Flags, Floats
from portrait.dataset.archive_reading import Sample, read_interactions
from portrait.dataset.history import Anchors, History
from portrait.dataset.interactions import Interactions
from portrait.dataset.labels import CHURN_HORIZON, PURCHASE_HORIZON, Labels, churn, purchase_within
from portrait.dataset.questions import EVERY_MS, calendar_anchors, draw
from portrait.dataset.stock import Stock
from portrait.inference.ranker import Ranker
from portrait.lifecycle.registry import Registry
from portrait.model.heads import CHURN_RISK, PURCHASE_INTENT
from portrait.model.model import Model
from portrait.monitoring.readings import ranker_over, state_of
from portrait.monitoring.watch import Live
from portrait.times import to_ms

MOST_EVENTS = 200_000  # of users drawn whole
MOST_ASKED = 8_192  # moments of a head: an error of .01 shows
ANEW = timedelta(hours=12)  # an outcome takes a week: there is no haste

Label = Callable[[Interactions, Anchors, int], Labels]

LABELS: dict[str, Label] = {PURCHASE_INTENT: purchase_within, CHURN_RISK: churn}


class ArchiveOutcomes:
    """`Outcomes` out of the archive. Reads it seldom, however often it is asked."""

    def __init__(
        self,
        archive: Archive,
        stock: Stock,
        registry: Registry,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._archive = archive
        self._stock = stock
        self._registry = registry
        self._now = now
        self._known: tuple[str, datetime, Live] | None = None

    async def since(self, version: str, moment: datetime) -> Live:
        """Count what has come of a model's predictions; see `Outcomes`."""
        now = self._now()
        if now < moment + min(PURCHASE_HORIZON, CHURN_HORIZON):
            return Live()  # no window has closed
        if self._known is not None:
            known, looked_at, live = self._known
            if known == version and now < looked_at + ANEW:
                return live
        model = await self._registry.model(version)
        live = Live()
        if model is not None and model.learned is not None and model.learned.heads is not None:
            live = await asyncio.to_thread(self._counted, model, moment)
        self._known = version, now, live
        return live

    def _counted(self, model: Model, moment: datetime) -> Live:
        read = read_interactions(
            self._archive, most_events=MOST_EVENTS, sample=Sample.UNIFORM
        ).interactions
        if not len(read):
            return Live()
        ranker = ranker_over(model, read, self._stock)
        live = Live()
        for head, (said, happened) in outcomes(ranker, read, to_ms(moment)).items():
            live = live.happened(head, said.astype(np.float64), happened)
        return live


def outcomes(
    ranker: Ranker, interactions: Interactions, since: int
) -> dict[str, tuple[Floats, Flags]]:
    """Ask the heads about moments whose windows have closed.

    Args:
        ranker: The model, over `interactions.items`.
        interactions: Whole histories; complete up to their newest event.
        since: The first moment to ask about, ms: after all that the heads have learned from.

    Returns:
        By head: what it says (A,), and whether it happened (A,).
    """
    heads, until = ranker.learned.heads, int(interactions.at.max()) + 1
    if heads is None or until <= since:
        return {}
    anchors = calendar_anchors(interactions, since, until, EVERY_MS)
    history = History(interactions)
    found = {}
    for head, label in LABELS.items():
        if head not in heads.heads:
            continue
        labels = draw(label(interactions, anchors, until), MOST_ASKED)
        said = _said(ranker, history, head, labels.anchors)
        if len(labels):
            found[head] = said, labels.values.astype(np.bool_)
    return found


def _said(ranker: Ranker, history: History, head: str, anchors: Anchors) -> Floats:
    heads = ranker.learned.heads
    assert heads is not None  # noqa: S101 - looked at before
    facts = history.facts(anchors)
    state = state_of(ranker, history.interactions)(facts.ring)
    return heads.predict(facts.head, facts.ring, state, anchors.at).of(head)
