"""The examiner: older slices are asked of those held out; who learned nothing goes by the texts."""

from dataclasses import replace

import numpy as np
import pytest

from portrait.dataset.stock import place_searches, place_texts
from portrait.evaluation.exam import Exam
from portrait.evaluation.situations import SITUATIONS
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.inference.ranker import Ranker
from portrait.model.recency import Events
from portrait.model.space import Vectors
from portrait.training.examiner import (
    MOST_SPOILED,
    Examined,
    asked_in,
    exam_of,
    figures_told,
    measured,
    misread,
    ranker_of,
)
from portrait.training.material import Material, gather
from tests.support.archives import memory_archive
from tests.support.fakes import HashEncoder
from tests.support.training_shop import CATALOGUE, ListStock, keep, season, with_searches
from tests.unit.test_learner import PRETRAINED
from tests.unit.test_material import SHARES, gathered


def pretrained(material: Material) -> Examined:
    texts = place_texts(material.texts, PRETRAINED.space, ListStock(), HashEncoder())
    return Examined("v0", PRETRAINED.space, None, texts, {})


def sat() -> tuple[Material, Exam]:
    material = gathered(replace(SHARES, held_out=0.4))
    return material, exam_of(material)


def test_the_newest_slice_is_asked_of_all_and_older_ones_of_those_held_out() -> None:
    material, exam = sat()
    user, at = material.events.user, material.events.at

    assert (at[exam.newest] >= material.test_from).all()
    assert {False, True} == set(material.held[user[exam.newest]].tolist())
    assert len(exam.older) == 2
    for asked in exam.older.values():
        assert len(asked) >= 50
        assert material.held[user[asked]].all()
        assert (at[asked] < material.new_from).all()


def test_a_first_training_has_older_slices_before_its_choices() -> None:
    material = gathered(replace(SHARES, held_out=0.4), new_from=None)

    exam = exam_of(material)

    assert exam.older
    for asked in exam.older.values():
        assert (material.events.at[asked] < material.valid_from).all()


def test_periods_with_few_questions_are_left_out() -> None:
    material = gathered(replace(SHARES, held_out=0.05))

    assert exam_of(material).older == {}


def test_who_learned_nothing_ranks_by_the_decayed_mean_of_the_texts() -> None:
    material, exam = sat()
    model = pretrained(material)
    ranker = ranker_of(exam, model)
    rows = np.array([[3, 5, -1]])
    events = Events(np.zeros((1, 3), np.uint8), np.zeros((1, 3), np.int64), rows >= 0)

    scores = ranker.scores(rows, events)

    assert isinstance(ranker, Ranker)
    np.testing.assert_allclose(
        scores, ranker.text_states(rows, events) @ model.texts.T, rtol=1e-5, atol=1e-6
    )


def test_the_exam_knows_what_was_searched_for() -> None:
    archive = memory_archive()
    keep(archive, with_searches(season(0)), with_searches(season(1)))
    material = gather(archive, CATALOGUE, None, SHARES)
    exam = exam_of(material)
    items = place_texts(material.texts, PRETRAINED.space, ListStock(), HashEncoder())
    searches = place_searches(material.queries, PRETRAINED.space, ListStock(), HashEncoder())
    placed = np.r_[items, searches]
    unread = placed.copy()
    unread[len(material.texts) :] = 0

    def reached(vectors: Vectors) -> float:
        model = Examined("v0", PRETRAINED.space, None, vectors, {})
        return float(measured(exam, asked_in(material), model, None).newest.ndcg.mean())

    asked = exam.interactions.action[exam.newest]
    assert (asked != ACTION_CODE[Action.SEARCH]).all()
    before = exam.interactions.action[exam.newest - 1] == ACTION_CODE[Action.SEARCH]
    assert before.mean() > 0.1
    assert reached(placed) != reached(unread)


def test_misread_texts_are_few_and_cost_something(monkeypatch: pytest.MonkeyPatch) -> None:
    material, exam = sat()
    encoder = HashEncoder()

    spoiled = misread(exam, material.texts, encoder)
    figures = measured(exam, asked_in(material), pretrained(material), spoiled)
    monkeypatch.setattr("portrait.training.examiner.LEAST_HITS", len(spoiled.questions) + 1)
    few_hits = measured(exam, asked_in(material), pretrained(material), spoiled)

    assert 0 < len(spoiled.items) <= MOST_SPOILED
    users = exam.interactions.user[spoiled.questions]
    assert len(users) == len(set(users.tolist())) > 20  # one question each: many people's, not many
    assert figures.typo_cosine == spoiled.cosine
    assert 0.5 < spoiled.cosine < 1
    assert few_hits.typo_hit_kept is None  # a share of so few is chance
    assert figures.typo_hit_kept is not None
    assert figures.encode_ms is not None
    assert figures.encode_ms > 0


def test_without_an_encoder_nothing_is_said_of_typing_errors() -> None:
    material, exam = sat()

    figures = measured(exam, asked_in(material), pretrained(material), None)

    assert (figures.typo_cosine, figures.typo_hit_kept, figures.encode_ms) == (None, None, None)


def test_a_manifest_tells_means_and_groups_and_nobodys_name() -> None:
    material, exam = sat()

    told = figures_told(exam, measured(exam, asked_in(material), pretrained(material), None))

    assert told["newest"]["users"] == len(np.unique(exam.interactions.user[exam.newest]))
    assert told["newest"]["users"] < len(exam.newest)  # several questions each
    assert set(told["older"]) == set(exam.older)
    assert set(told["situations"]) == set(SITUATIONS)
    by_activity = told["bias"]["hr@10_by_activity"]
    assert set(by_activity["groups"]) == {"quiet", "middling", "busy"}
