"""A planted shop as interactions, and models of it that are made in a second.

Some goods come only with the hold-out, so that there are cold items. A model counts co-occurrence,
of some of the people, and knows texts; what it lacks can be planted, too.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Codes
from portrait.dataset.interactions import NO_ITEM, NO_QUERY, Interactions, from_columns
from portrait.evaluation.exam import EACH, Exam, set_exam
from portrait.evaluation.ranking import Scores
from portrait.evaluation.situations import Situations, situations_of
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.events.item import Item
from portrait.inference.ranker import Ranker, Told
from portrait.model.encoder import TextEncoder
from portrait.model.kinds import is_complaint
from portrait.model.learned import Blend, untaught
from portrait.model.recency import Events
from portrait.model.space import Vectors, fit_space
from portrait.ref import item_ref, name_ref, search_ref
from portrait.training.ranker.fit_ranker import fit_neighbours
from sandbox.planted.life import World, live, profile_key
from sandbox.planted.shop import open_shop
from sandbox.planted.words import Language

ENDS_AT = datetime(2026, 11, 1, tzinfo=UTC)
PERIODS = (0.3, 0.55, 0.8)  # where two older ones and the hold-out begin, of the events by time
COLD = 0.1  # of the goods come with the hold-out
BLEND = Blend(behaviour=0, neighbours=1, text=1)
SEARCH, CLICK = ACTION_CODE[Action.SEARCH], ACTION_CODE[Action.CLICK]

Change = Callable[[Events], Events]


@dataclass(frozen=True, slots=True)
class Planted:
    """A shop's log, what is asked about it, and the vectors of its texts."""

    exam: Exam
    situations: Situations
    known: Interactions  # before the hold-out
    texts: Vectors  # (N + Q, K)

    def model(self, share: float, seed: int) -> Ranker:
        """Return a model of some of the users."""
        chosen = np.random.default_rng(seed).random(self.known.users) < share
        counted = self.known.where(chosen[self.known.user])
        neighbours = fit_neighbours(counted, self.texts)
        learned = replace(untaught(self.texts.shape[1]), neighbours=neighbours, blend=BLEND)
        return Ranker.over(learned, self.known.items, self.texts)


@dataclass(frozen=True, slots=True)
class Flawed:
    """A model that does not hear some of what it is told."""

    model: Ranker
    change: Change
    is_absent_minded: bool = False  # of a visit it remembers what was before

    def scores(self, rows: Codes, events: Events) -> Scores:
        """Score every item, (U, N)."""
        return self.model.scores(rows, self.change(events))

    def visit_scores(self, past: Told, visit: Told) -> Scores:
        """Score every item, (U, N), for users in the middle of a visit."""
        now = self.change(visit[1])
        if self.is_absent_minded:
            now = now.where(np.zeros((len(now), 1), np.bool_))
        return self.model.visit_scores((past[0], self.change(past[1])), (visit[0], now))


def deaf(events: Events) -> Events:
    """Hear no searches."""
    return events.where(events.kind != SEARCH)


def forgiving(events: Events) -> Events:
    """Take complaints for clicks."""
    kind = np.where(is_complaint(events.kind), np.uint8(CLICK), events.kind)
    return replace(events, kind=kind)


def attentive(events: Events) -> Events:
    """Hear everything."""
    return events


def plant(language: Language, items: int, people: int, seed: int, encoder: TextEncoder) -> Planted:
    """Draw a shop and what people did in it; the same arguments give the same."""
    world = live(open_shop(language, items, seed), people, seed, ENDS_AT)
    listed = sorted((Item.model_validate(good.fields) for good in world.shop.goods), key=_ref)
    searches = {str(event["text"]) for event in world.events if event["type"] == "search"}
    queries = sorted(searches, key=search_ref)
    texts = [*(item.text for item in listed), *queries]
    embeddings = encoder.encode(texts)
    space = fit_space(encoder.name, embeddings[:items])
    events = _with_newcomers(_interactions(world, listed, queries), seed)
    moments = [*np.quantile(events.at, PERIODS).astype(np.int64).tolist(), int(events.at.max()) + 1]
    exam = set_exam(events, moments, each=EACH)
    categories = np.array([name_ref(good.category or "") for good in listed], np.uint64)
    situations = situations_of(events, moments[-2], categories)
    vectors = np.r_[space.place(embeddings[:items]), space.place_searches(embeddings[items:])]
    return Planted(exam, situations, events.before(moments[-2]), vectors)


def _with_newcomers(events: Interactions, seed: int) -> Interactions:
    """Leave out what happened to some items before the hold-out."""
    new = np.random.default_rng(seed).random(len(events.items)) < COLD
    since = np.quantile(events.at, PERIODS[-1])
    return events.where((events.item == NO_ITEM) | ~new[events.item] | (events.at >= since))


def _interactions(world: World, listed: list[Item], queries: list[str]) -> Interactions:
    """Write a world's log as columns."""
    who = {name: row for row, name in enumerate(sorted({*map(profile_key, world.events)}))}
    row_of = {item.id: row for row, item in enumerate(listed)}
    query_of = {text: row for row, text in enumerate(queries)}
    is_search = [event["type"] == "search" for event in world.events]
    return from_columns(
        user=_column([who[profile_key(event)] for event in world.events]),
        item=_column([row_of.get(str(event.get("item_id")), NO_ITEM) for event in world.events]),
        query=_column(
            [
                query_of[str(event["text"])] if search else NO_QUERY
                for event, search in zip(world.events, is_search, strict=True)
            ]
        ),
        action=_column([ACTION_CODE[Action(str(e["type"]))] for e in world.events]).astype(
            np.uint8
        ),
        rating=_column([10 * int(str(e.get("rating", 0))) for e in world.events]).astype(np.uint8),
        at=_column([_ms(str(event["occurred_at"])) for event in world.events]),
        items=np.array([_ref(item) for item in listed], np.uint64),
        queries=np.array([search_ref(text) for text in queries], np.uint64),
        users=len(who),
    )


def _column(values: list[int]) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def _ref(item: Item) -> int:
    return item_ref(item.id)


def _ms(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1_000)
