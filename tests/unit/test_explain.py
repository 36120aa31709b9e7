"""Explain: shares are exact."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from portrait.catalogue.catalogue import Catalogue
from portrait.catalogue.lexical import Lexicon
from portrait.events.columns import ACTION_CODE, EVENT, RING
from portrait.events.event import Action
from portrait.inference.explain import Reasons, evidence_of, merged, reasons_of, search_refs
from portrait.inference.paint import paint
from portrait.inference.rank import blend, rank
from portrait.inference.ranking import RankingRequest
from portrait.inference.session import read_words, session_evidence, session_ring
from portrait.inference.shelf import shelf_of
from portrait.profiles.layout import LONG, SHORT
from portrait.ref import item_ref, search_ref, text_ref
from portrait.times import DAY_MS
from tests.support.catalogues import ITEMS, catalogue

SEARCHES = ("cat toys", "paper")
NOW = 1_790_000_000_000
NAMES = (*(item.id for item in ITEMS), "unknown item")
WORDS = (*SEARCHES, "unknown words")

happened = st.tuples(
    st.sampled_from(Action),
    st.integers(0, 5),
    st.integers(0, 400),
    st.sampled_from([0, 10, 30, 50]),
)


def ring_of(events: list[tuple[Action, int, int, int]]) -> NDArray[np.void]:
    ring = np.zeros(len(events), EVENT)
    by_age = sorted(events, key=lambda event: event[2])
    for place, (action, name, age, rating) in enumerate(by_age):
        is_search = action is Action.SEARCH
        ref = search_ref(WORDS[name % len(WORDS)]) if is_search else item_ref(NAMES[name])
        at = NOW - age * DAY_MS
        ring[place] = (at, place + 1, ref, 0, 1, ACTION_CODE[action], rating)
    return ring


rings = st.lists(happened, max_size=RING).map(ring_of)


def known() -> Catalogue:
    return catalogue(searches=SEARCHES)


@given(rings)
def test_the_shares_of_all_events_add_up_to_the_score(ring: NDArray[np.void]) -> None:
    shelf = shelf_of(known())
    evidence = evidence_of(ring, known())

    ranking = rank(
        shelf, blend(evidence.portrait()), RankingRequest(), np.zeros(len(shelf), np.float32)
    )
    shares = evidence.shares(shelf.matrix[shelf.text[ranking.rows]])

    np.testing.assert_allclose(shares.sum(axis=1), ranking.scores, atol=1e-4)


@given(rings)
def test_the_evidence_makes_the_vectors_that_paint_makes(ring: NDArray[np.void]) -> None:
    whole = np.zeros((1, RING), EVENT)
    whole[0, : len(ring)] = ring

    (painted,) = paint(whole, known())

    made = evidence_of(ring, known()).portrait()
    np.testing.assert_allclose(made, painted["vectors"].astype(np.float32), atol=1e-3)


@given(rings, st.lists(st.sampled_from(NAMES), max_size=5))
def test_the_shares_add_up_where_a_session_joins_the_past(
    ring: NDArray[np.void], items: list[str]
) -> None:
    past = evidence_of(ring, known())
    session = session_evidence(session_ring(items, ()), known())
    both = merged(past, session)
    vectors = np.stack([past.portrait()[LONG], session.portrait()[SHORT]])
    items_there = known().vectors.matrix[: len(ITEMS)]

    shares = both.shares(items_there)

    np.testing.assert_allclose(
        shares.sum(axis=1), items_there @ blend(vectors, both.mix), atol=1e-4
    )


def test_an_event_whose_text_is_not_known_speaks_for_nothing() -> None:
    built = known()
    built.vectors.matrix[-1] = 1  # as a full table would have it

    evidence = evidence_of(ring_of([(Action.CLICK, len(ITEMS), 0, 0)]), built)

    assert not evidence.vectors.any()


def named(*events: tuple[Action, int, int, int], shares: list[float]) -> Reasons:
    """Return what three reasons say, for events that are newest first."""
    evidence = evidence_of(ring_of([*events]), known())
    (found,) = reasons_of(np.array([shares], np.float32), evidence, 3)
    return found


def test_the_strongest_reason_comes_first() -> None:
    clicks = [(Action.CLICK, name, name, 0) for name in range(4)]

    found = named(*clicks, shares=[0.1, -0.4, 0.3, 0.2])

    assert [event for event, _ in found.favour] == [2, 3, 0]
    assert [share for _, share in found.favour] == pytest.approx([0.3, 0.2, 0.1])
    assert found.against == []  # being unlike is no complaint


@pytest.mark.parametrize("complaint", [(Action.RETURN, 0, 0, 0), (Action.REVIEW, 0, 0, 10)])
def test_a_complaint_is_no_reason_for_what_is_unlike_its_item(
    complaint: tuple[Action, int, int, int],
) -> None:
    click, bought = (Action.CLICK, 1, 1, 0), (Action.PURCHASE, 0, 2, 0)

    found = named(complaint, click, bought, shares=[0.5, 0.2, -0.3])

    assert [event for event, _ in found.favour] == [1]
    assert found.against == []


def test_a_complaint_speaks_against_what_is_like_its_item_once() -> None:
    complaints = (Action.REVIEW, 0, 0, 10), (Action.RETURN, 0, 1, 0)
    click, cart = (Action.CLICK, 1, 2, 0), (Action.CART, 0, 3, 0)

    found = named(*complaints, click, cart, shares=[-0.3, -0.4, 0.1, 0.2])

    assert [event for event, _ in found.favour] == [2]
    ((event, share),) = found.against
    assert event == 1
    assert share == pytest.approx(-0.5)


def test_what_a_complaint_took_back_names_no_reason() -> None:
    review, sent_back = (Action.REVIEW, 0, 0, 10), (Action.RETURN, 0, 1, 0)
    click, bought = (Action.CLICK, 0, 0, 0), (Action.PURCHASE, 0, 2, 0)

    blamed = named(review, sent_back, bought, shares=[-0.3, 0, 0])
    praised = named(click, sent_back, bought, shares=[0.3, 0, 0])
    unlike = named(click, sent_back, bought, shares=[-0.3, 0, 0])

    assert [event for event, _ in blamed.against] == [0]
    assert [event for event, _ in praised.favour] == [0]
    assert unlike == Reasons([], [])  # the click is unlike it, and the return says nothing


def test_all_that_was_done_with_one_item_is_one_reason_named_by_the_strongest() -> None:
    click, bought, cart = (
        (Action.CLICK, 0, 0, 0),
        (Action.PURCHASE, 0, 1, 0),
        (Action.CART, 0, 2, 0),
    )
    other, search = (Action.CLICK, 1, 3, 0), (Action.SEARCH, 0, 4, 0)

    found = named(click, bought, cart, other, search, shares=[0.1, 0.2, 0.1, 0.3, 0.05])

    assert [event for event, _ in found.favour] == [1, 3, 4]
    assert [share for _, share in found.favour] == pytest.approx([0.4, 0.3, 0.05])


@given(rings)
def test_the_reasons_of_all_items_add_up_to_no_more_than_there_is(ring: NDArray[np.void]) -> None:
    evidence = evidence_of(ring, known())
    shares = evidence.shares(known().vectors.matrix[: len(ITEMS)])

    for of_item, found in zip(shares, reasons_of(shares, evidence, RING), strict=True):
        both = [*found.favour, *found.against]
        things = ring["ref"][[event for event, _ in both]]
        assert len(things) == len(set(things.tolist()))
        for ref, (event, share) in zip(things, both, strict=True):
            assert share == pytest.approx(float(of_item[ring["ref"] == ref].sum()), abs=1e-5)
            assert evidence.complaints[event] == (share < 0)


def test_only_searches_need_their_text_fetched() -> None:
    ring = ring_of([(Action.SEARCH, 0, 1, 0), (Action.CLICK, 0, 2, 0)])

    assert search_refs(ring) == [search_ref(SEARCHES[0])]


def test_a_session_decays_by_rank_and_its_newest_counts_most() -> None:
    built = known()
    session = session_evidence(session_ring(["milk", "beef"], ()), built)
    beef, milk = (built.vectors.matrix[text] for text in built.locate(session.ring)[1])

    now = session.portrait()[SHORT]

    assert session.weight[SHORT] == pytest.approx([0.5, 0.5 * 2 ** (-1 / 3)])
    assert now @ beef > now @ milk
    np.testing.assert_array_equal(session.portrait()[LONG], now)


def test_a_session_keeps_its_newest_events() -> None:
    names = [f"item-{place}" for place in range(100)]

    ring = session_ring(names, ["a search"])

    assert len(ring) == RING
    assert ring["ref"][:2].tolist() == [search_ref("a search"), item_ref("item-99")]


def test_a_text_is_read_by_its_vector_else_by_its_words_else_not_at_all() -> None:
    built = known()
    lexicon = Lexicon()
    lexicon.learn(ITEMS, built.rows["text"])
    texts = ("cat toys", "dog", "zebra")
    session = session_evidence(session_ring((), texts), built)

    read, ways = read_words(session, texts, lexicon, built.vectors.matrix)

    assert ways == ["vector", "words", "nothing"]
    zebra, dog, _toys = read.vectors  # newest first
    assert not zebra.any()
    beef = built.item(item_ref("beef"))
    assert beef is not None
    assert dog @ built.vectors.matrix[built.vectors.row(text_ref(beef.text))] > 0.99


def test_the_newest_text_of_a_session_is_read_first_should_it_be_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built, lexicon = known(), Lexicon()
    lexicon.learn(ITEMS, built.rows["text"])
    session = session_evidence(session_ring((), ["milk", "beef"]), built)
    monkeypatch.setattr("portrait.catalogue.lexical.MOST_ROWS", 1)

    _, ways = read_words(session, ["milk", "beef"], lexicon, built.vectors.matrix)

    assert ways == ["nothing", "words"]
