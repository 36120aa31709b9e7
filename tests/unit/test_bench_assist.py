"""The benchmark of the help desk: its figures on cases that are worked out by hand."""

import numpy as np
import pytest

from benchmarks.assist.few_labels import Curve, actively, at_random, curve
from benchmarks.assist.finding import _recall
from benchmarks.assist.intents import _coverage
from benchmarks.assist.sets import Part, Task, few_of_each
from portrait.model.space import unit

CLASSES = ("delivery", "refund", "invoice")


def part(each: int, seed: int) -> Part:
    codes = np.repeat(np.arange(3), each)
    noise = np.random.default_rng(seed).standard_normal((len(codes), 8)).astype(np.float32)
    vectors = unit(np.eye(3, 8, dtype=np.float32)[codes] + 0.4 * noise)
    return Part(tuple(f"text {place}" for place in range(len(codes))), codes, vectors)


@pytest.fixture
def task() -> Task:
    return Task("drawn", CLASSES, "hash", np.eye(3, 8, dtype=np.float32), part(40, 0), part(40, 1))


def test_labels_needed_are_those_of_the_first_point_that_is_good_enough() -> None:
    found = Curve((0, 10, 20, 30), (0.5, 0.8, 0.7, 0.9))

    assert [found.needed(each) for each in (0.4, 0.75, 0.85, 0.95)] == [0, 10, 30, None]


@pytest.mark.parametrize("choose", [actively, at_random])
def test_a_curve_labels_each_message_once_and_ends_where_it_is_told(
    task: Task, choose: "object"
) -> None:
    found = curve(task, choose, 12, 60)  # type: ignore[arg-type] # one of two functions

    assert found.labels == (0, 12, 24, 36, 48, 60)
    assert found.accuracy[-1] > 0.8


def test_coverage_is_the_largest_share_of_which_98_of_100_are_right() -> None:
    right = np.array([True] * 60 + [False] + [True] * 39)

    assert _coverage(np.linspace(1, 0, 100, dtype=np.float32), right) == 1.0
    assert _coverage(np.linspace(0, 1, 100, dtype=np.float32), ~right) == 0.0


def test_recall_asks_for_the_one_text() -> None:
    told = _recall([[1, 0], [2, 3]], np.array([0, 2]))

    assert told == {"recall_at_1": 0.5, "recall_at_5": 1.0}


def test_few_of_each_are_of_each(task: Task) -> None:
    assert np.bincount(few_of_each(task.train, 5, 0).codes).tolist() == [5, 5, 5]
