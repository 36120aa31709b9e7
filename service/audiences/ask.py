"""Ask: from a request to what is wanted of an audience, by what the shop has."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from time import time

import numpy as np

from portrait.arrays import Refs
from portrait.audiences.people import Reader
from portrait.audiences.wanted import Filters, Leaders, Subject, Wanted
from portrait.events.category import interest_category
from portrait.events.consent import Consent
from portrait.inference.ranking import Filters as ItemFilters
from portrait.inference.ranking import RankingRequest
from portrait.inference.session import Way, read_words, session_evidence, session_ring
from portrait.inference.taste import FirstTaste
from portrait.profiles.layout import portrait_dtype
from portrait.ref import item_ref, search_ref
from service.audiences.problems import ForecastMissingError, NothingMeantError
from service.audiences.schemas import AudienceBody
from service.live import Live
from service.recommendations.turns import Turns
from service.view import View

FOUND = 20  # items that a text means
NEAREST = 3  # names told of one that is not known
NOBODY: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Meant:
    """What a request means in the shop as it is."""

    wanted: Wanted
    items: int | None  # that its leaders bought one of; None: they are named
    read: Way | None  # how a text was understood


async def mean(body: AudienceBody, live: Live, view: View, turns: Turns) -> Meant:
    """Find out what is wanted.

    Raises:
        NothingMeantError: The shop has nothing of what the people are to have bought.
        ForecastMissingError: The model does not say what is asked of it.
        BusyError: Too many texts are looked for at once.
    """
    _check_heads(body, view)
    filters = Filters(body.active_days, _interests(body.interest, view), body.heads)
    like = body.like
    if like is None:
        wanted = Wanted(Leaders(), body.size, body.least_score)
        return Meant(_with(wanted, filters), None, None)
    if like.users:
        wanted = Wanted(Leaders(frozenset(like.users)), body.size, body.least_score)
        return Meant(_with(wanted, filters), None, None)
    subject, read = Subject(category=like.category), None
    if like.item_id is not None:
        refs, subject = _item(like.item_id, view)
    elif like.category is not None:
        refs = _category(like.category, view)
    else:
        refs, read = await _text(str(like.text), live, view, turns)
    wanted = Wanted(Leaders(bought=refs), body.size, body.least_score, subject)
    return Meant(_with(wanted, filters), len(refs), read)


def reader_of(view: View, unsaid: Consent) -> Reader:
    """Say how people are read now, in the space of the model in service."""
    learned = view.model.learned
    state_dim = 0 if learned is None else learned.behaviour.dim
    dtype = portrait_dtype(view.model.space.dim, state_dim)
    return Reader(view.model.space_id, dtype, unsaid, round(time() * 1_000))


def _with(wanted: Wanted, filters: Filters) -> Wanted:
    return Wanted(wanted.leaders, wanted.size, wanted.least_score, wanted.subject, filters)


def _check_heads(body: AudienceBody, view: View) -> None:
    learned = view.model.learned
    known = {} if learned is None or learned.heads is None else learned.heads.heads
    for name in sorted(body.needed):
        if name not in known:
            msg = f"It says nothing of `{name}`: no such head has beaten its baseline so far."
            raise ForecastMissingError(msg)


def _interests(path: str | None, view: View) -> Refs | None:
    """Return the names of the interests that lie in a category, or that it lies in."""
    if path is None:
        return None
    interests = view.source.mirror.catalogue.interests
    codes = np.asarray(interests.within(interest_category(path)), np.int64)
    if not len(codes):
        raise _unknown(path, view)
    return np.sort(interests.refs[interests.ranks[codes]])


def _item(id: str, view: View) -> tuple[Refs, Subject]:
    row = view.source.rows.get(item_ref(id))
    item = None if row is None else view.shelf.items[row]
    if item is None:
        msg = "The shop has no such item."
        raise NothingMeantError(msg)
    refs = np.array([item_ref(id)], np.uint64)
    return refs, Subject(id, item.category or None, item.brand or None)


def _category(path: str, view: View) -> Refs:
    rows = np.flatnonzero(view.shelf.in_categories([path]))
    if not len(rows):
        raise _unknown(path, view)
    return _refs(rows.tolist(), view)


def _unknown(path: str, view: View) -> NothingMeantError:
    nearest = view.source.categories.nearest(path, view.shelf.has_category, NEAREST)
    meant = f" Perhaps {' or '.join(f'`{name}`' for name in nearest)} is meant." if nearest else ""
    return NothingMeantError(f"The shop has nothing in this category.{meant}")


async def _text(text: str, live: Live, view: View, turns: Turns) -> tuple[Refs, Way]:
    """Return what a search would find, as one of a session does: by BERT in time, or by words."""
    mirror, ref = view.source.mirror, search_ref(text)
    if await mirror.fetch_texts([ref]) and await live.new_texts.read([text]):
        await mirror.fetch_texts([ref])
    rows, read = await turns.take(partial(_found, text, view))
    if not rows:
        msg = "Nothing is found by this text."
        raise NothingMeantError(msg)
    return _refs(rows, view), read


def _found(text: str, view: View) -> tuple[list[int], Way]:
    """Rank items by a text. Blocks for milliseconds."""
    catalogue = view.source.mirror.catalogue
    evidence = session_evidence(session_ring([], [text]), catalogue)
    evidence, (read,) = read_words(evidence, [text], view.source.lexicon, catalogue.vectors.matrix)
    if not evidence.portrait().any():
        return [], read
    nothing = np.zeros(0, np.int64)
    wish = RankingRequest(FOUND, ItemFilters(only_available=False), nothing, nothing, 0.0)
    ranking = FirstTaste(evidence).rank(view.shelf, wish, view.popularity.weights)
    rows: list[int] = ranking.rows.tolist()
    return rows, read


def _refs(rows: Sequence[int], view: View) -> Refs:
    items = view.shelf.items
    return np.unique(np.array([item_ref(items[row].id) for row in rows], np.uint64))
