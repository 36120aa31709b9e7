"""A task's head: probabilities in numpy, of every kind of label."""

import numpy as np
import pytest

from portrait.errors import SpaceMismatchError
from portrait.model.task_head import Kind, TaskHead, probabilities

LABELS = ("no", "perhaps", "yes")


def head(kind: Kind, columns: int, outputs: int) -> TaskHead:
    random = np.random.default_rng(0)
    weights = random.normal(size=(8, columns)).astype(np.float32)
    bias = random.normal(size=outputs).astype(np.float32)
    return TaskHead("tiny", kind, LABELS, weights, bias, np.array([2.0], np.float32))


def test_one_of_many_is_a_distribution() -> None:
    likely = probabilities("one", np.log(np.array([[1, 2, 5]], np.float32)))

    np.testing.assert_allclose(likely, [[0.125, 0.25, 0.625]], atol=1e-6)


def test_of_many_each_is_asked_by_itself() -> None:
    likely = probabilities("many", np.array([[0, np.log(3), -np.log(3)]], np.float32))

    np.testing.assert_allclose(likely, [[0.5, 0.75, 0.25]], atol=1e-6)


def test_in_a_row_labels_share_what_lies_between_the_steps() -> None:
    more = np.log(np.array([[4, 1 / 4]], np.float32))  # P(more than no), P(more than perhaps)

    np.testing.assert_allclose(probabilities("ordinal", more), [[0.2, 0.6, 0.2]], atol=1e-6)


def test_steps_out_of_order_make_no_label_less_likely_than_never() -> None:
    likely = probabilities("ordinal", np.array([[-2, 3]], np.float32))

    assert (likely >= 0).all()
    assert likely.sum() == pytest.approx(1)


@pytest.mark.parametrize(("kind", "columns", "outputs"), [("one", 3, 3), ("ordinal", 1, 2)])
def test_it_survives_being_written_as_arrays(kind: Kind, columns: int, outputs: int) -> None:
    written = head(kind, columns, outputs)
    vectors = np.random.default_rng(1).normal(size=(5, 8)).astype(np.float32)

    again = TaskHead.from_arrays(written.to_arrays())

    assert (again.encoder, again.kind, again.labels) == ("tiny", kind, LABELS)
    np.testing.assert_array_equal(again(vectors), written(vectors))


def test_a_temperature_makes_it_less_sure_and_changes_no_order() -> None:
    cool, warm = head("one", 3, 3), head("one", 3, 3)
    vectors = np.random.default_rng(1).normal(size=(50, 8)).astype(np.float32)
    cool.temperature[:] = 1.0

    assert (cool(vectors).max(axis=1) > warm(vectors).max(axis=1)).all()
    np.testing.assert_array_equal(cool(vectors).argmax(axis=1), warm(vectors).argmax(axis=1))


def test_vectors_of_another_encoder_are_refused() -> None:
    with pytest.raises(SpaceMismatchError):
        head("one", 3, 3)(np.zeros((1, 9), np.float32))
