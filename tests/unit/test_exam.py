"""The exam: fair questions, and figures that follow from the ranks alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portrait.arrays import Codes
from portrait.dataset.interactions import NO_ITEM, Interactions, from_columns
from portrait.evaluation import exam as module
from portrait.evaluation.exam import Exam, set_exam, sit
from portrait.evaluation.judge import judge
from portrait.evaluation.ranking import Scores
from portrait.evaluation.verdict import Verdict
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.model.recency import Events

DAY = 86_400_000
ITEMS = 12


def interactions(*events: tuple[int, int, int], items: int = ITEMS) -> Interactions:
    """Return events (user, item, day)."""
    user, item, day = (np.array(column, np.int64) for column in zip(*events, strict=True))
    return from_columns(
        user=user,
        item=item,
        action=np.full(len(user), ACTION_CODE[Action.CLICK], np.uint8),
        at=day * DAY,
        items=np.arange(1, items + 1, dtype=np.uint64),
        users=int(user.max()) + 1,
    )


class Next:
    """A `Scorer` that expects the item after the newest; it writes down what it was given."""

    def __init__(self, items: int = ITEMS, step: int = 1) -> None:
        self.items = items
        self.step = step
        self.given: list[list[int]] = []

    def scores(self, rows: Codes, events: Events) -> Scores:
        """Score by closeness to what is expected."""
        assert events.present[:, 0].all()
        self.given += [row[row >= 0].tolist() for row in rows]
        expected = (rows[:, :1] + self.step) % self.items
        scores: Scores = -np.abs(np.arange(self.items) - expected).astype(np.float32)
        return scores


def questions(exam: Exam, places: Codes) -> list[tuple[int, int, int]]:
    events = exam.interactions
    return [
        (int(events.user[place]), int(events.item[place]), int(events.at[place] // DAY))
        for place in places
    ]


def test_each_user_is_asked_once_a_period_for_what_is_new_to_them() -> None:
    events = interactions(
        (0, 1, 0), (0, 1, 11), (0, 2, 12), (0, 3, 13), (0, 4, 25),  # 1 again is no question
        (1, 5, 12), (1, 6, 13), (1, NO_ITEM, 21), (1, 7, 22),  # 5 has no history, a search no item
        (2, 8, 30), (2, 9, 31),  # after the end
    )  # fmt: skip

    exam = set_exam(events, [0, 10 * DAY, 20 * DAY, 30 * DAY])

    assert questions(exam, exam.newest) == [(0, 4, 25), (1, 7, 22)]
    assert {name: questions(exam, places) for name, places in exam.older.items()} == {
        "1970-01-01": [],
        "1970-01-11": [(0, 2, 12), (1, 6, 13)],
    }


def test_the_mean_of_a_users_questions_counts_once() -> None:
    events = interactions(
        (0, 1, 0), (0, 2, 21), (0, 7, 22), (0, 8, 23), (0, 4, 24),  # hit, near, hit, not asked
        (1, 5, 0), (1, 6, 22),
    )  # fmt: skip

    exam = set_exam(events, [0, 20 * DAY, 30 * DAY], each=3)
    figures = sit(exam, "v1", Next())

    assert questions(exam, exam.newest) == [(0, 2, 21), (0, 7, 22), (0, 8, 23), (1, 6, 22)]
    sixth = 1 / np.log2(7)  # 3 is expected then; 0, 3, 4, 5 and 6 stand before 7
    assert figures.newest.ndcg.tolist() == pytest.approx([(1 + sixth + 1) / 3, 1])


def test_cold_items_are_those_that_training_has_not_seen() -> None:
    events = interactions((0, 1, 0), (0, 2, 25), (1, 2, 3), (1, 9, 26))

    exam = set_exam(events, [0, 20 * DAY, 30 * DAY])

    assert questions(exam, exam.newest) == [(0, 2, 25), (1, 9, 26)]
    assert questions(exam, exam.cold) == [(1, 9, 26)]


def test_only_some_users_may_be_asked() -> None:
    events = interactions((0, 1, 0), (0, 2, 25), (1, 2, 3), (1, 9, 26))

    exam = set_exam(events, [0, 20 * DAY, 30 * DAY], asked=np.array([False, True]))

    assert questions(exam, exam.newest) == [(1, 9, 26)]


def test_a_model_is_told_nothing_of_what_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SCORES", ITEMS)  # one question at a time
    events = interactions((0, 1, 0), (0, 2, 1), (0, 3, 25), (0, 4, 26), (1, 6, 2), (1, 7, 27))
    model = Next()

    figures = sit(set_exam(events, [0, 20 * DAY, 30 * DAY]), "v1", model)

    assert model.given == [[2, 1], [6], [1]]  # newest first: two newest questions, an older one
    assert figures.newest.hit.tolist() == figures.newest.ndcg.tolist() == [1, 1]


def test_what_was_not_sold_yet_is_no_wrong_answer_to_an_older_question() -> None:
    later = (1, 2, 25)  # the model expects item 2 after item 1, but nobody had it by day 12
    asked = (0, 1, 0), (0, 3, 12)
    moments = [0, 10 * DAY, 20 * DAY, 30 * DAY]

    unsold = sit(set_exam(interactions(*asked, later), moments), "v1", Next())
    sold = sit(set_exam(interactions(*asked, (1, 2, 11), later), moments), "v1", Next())

    assert unsold.older["1970-01-11"].ndcg.tolist() == [1]
    assert sold.older["1970-01-11"].ndcg.tolist() == pytest.approx([1 / np.log2(3)])


@st.composite
def histories(draw: st.DrawFn) -> Interactions:
    event = st.tuples(st.integers(0, 3), st.integers(-1, ITEMS - 1), st.integers(0, 29))
    return interactions(*draw(st.lists(event, min_size=1, max_size=60)))


@settings(max_examples=40)
@given(histories(), st.integers(1, 5))
def test_no_question_is_answered_by_what_the_user_has_and_batches_do_not_matter(
    events: Interactions, step: int
) -> None:
    exam = set_exam(events, [0, 10 * DAY, 20 * DAY, 30 * DAY])
    at_once = sit(exam, "v1", AnyNext(step=step))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_SCORES", 1)
        one_by_one = sit(exam, "v1", AnyNext(step=step))

    np.testing.assert_array_equal(at_once.newest.ndcg, one_by_one.newest.ndcg)
    for name in exam.older:
        np.testing.assert_array_equal(at_once.older[name].ndcg, one_by_one.older[name].ndcg)
    assert at_once.coverage == one_by_one.coverage
    for place in exam.newest:
        before = events.item[events.starts[events.user[place]] : place]
        assert events.item[place] not in before
        assert len(before)


class AnyNext(Next):
    """The same, where the newest event may be a search."""

    def scores(self, rows: Codes, events: Events) -> Scores:
        """Score by closeness to what is expected."""
        assert (events.present == (rows >= 0)).all()
        expected = (rows[:, :1] + self.step) % self.items
        scores: Scores = -np.abs(np.arange(self.items) - expected).astype(np.float32)
        return scores


def shop(users: int = 200, items: int = 100, days: int = 30) -> Interactions:
    """Return users who go through the catalogue item by item."""
    starts = np.random.default_rng(1).integers(0, items, users)
    return interactions(
        *((user, int((start + day) % items), day) for user, start in enumerate(starts)
          for day in range(days)),
        items=items,
    )  # fmt: skip


def tried(champion_step: int, challenger_step: int) -> Verdict:
    exam = set_exam(shop(), [0, 10 * DAY, 20 * DAY, 30 * DAY])
    return judge(
        sit(exam, "v1", Next(100, champion_step)), sit(exam, "v2", Next(100, challenger_step))
    )


def test_who_knows_the_pattern_is_promoted_and_who_does_not_is_refused() -> None:
    assert tried(40, 1).promote
    assert tried(1, 1).promote
    refused = tried(1, 40)
    assert not refused.promote
    assert "NDCG@10 fell from 1.0000 to 0.0000" in refused.reason
    assert "in the period from 1970-01-11 on stands lower" in refused.reason


def test_without_questions_there_are_figures_all_the_same() -> None:
    figures = sit(set_exam(interactions((0, 1, 0)), [0, 10 * DAY, 20 * DAY]), "v1", Next())

    assert len(figures.newest.hit) == 0
    assert (figures.coverage, figures.tail_share) == (None, None)


def test_of_very_many_users_some_are_drawn_always_the_same() -> None:
    first, second = (set_exam(shop(), [0, 20 * DAY, 30 * DAY], most=50) for _ in range(2))

    assert len(first.newest) == 50
    np.testing.assert_array_equal(first.newest, second.newest)
    assert (np.diff(first.newest) > 0).all()


def test_everybody_is_asked_once_before_anybody_is_asked_again() -> None:
    known = [(user, 0, 0) for user in range(5)]
    taken = [(user, item, 20 + item) for user in range(5) for item in range(1, 4 + user)]

    exam = set_exam(interactions(*known, *taken), [0, 20 * DAY, 40 * DAY], each=4, most=8)

    asked = questions(exam, exam.newest)
    assert len(asked) == 8
    assert {user for user, item, _ in asked if item == 1} == set(range(5))
    assert {item for _, item, _ in asked} == {1, 2}


def test_the_tail_is_what_is_outside_the_most_popular_fifth() -> None:
    crowd = [(user, item, 0) for user in range(1, 20) for item in range(4)]
    events = interactions((0, 0, 0), (0, 15, 25), *crowd, items=20)

    figures = sit(set_exam(events, [0, 20 * DAY, 30 * DAY]), "v1", Next(20))

    assert figures.tail_share == 0.7  # of items 1 to 10, the first three are popular
    assert figures.tail_taken == 1  # item 15 is what was taken
    assert figures.coverage == 0.5
