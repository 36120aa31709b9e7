"""Peers: each finds a planted pattern, and none looks ahead."""

import numpy as np
import pytest
import torch

from benchmarks.quality.counting import DECAYS, ItemKnn, MarkovKnn, Popularity, cosines, followers
from benchmarks.quality.ease import Ease
from benchmarks.quality.factors import Als, Bpr
from benchmarks.quality.histories import from_lists
from benchmarks.quality.measure import measure
from benchmarks.quality.ours import Portrait, interactions_of
from benchmarks.quality.pctm import Pctm
from benchmarks.quality.peer import Lesson, Peer
from benchmarks.quality.sasrec import SasRec, Transformer
from benchmarks.quality.sets import RankingSet, load_set
from benchmarks.quality.text import KnnText, WhitenedText
from benchmarks.quality.tune import tune
from portrait.evaluation.ranking import hits
from tests.support.ranking_sets import KINDS, OF_A_KIND, write_set

LEARNERS: list[Peer] = [
    ItemKnn("last-item KNN", (0,)),
    ItemKnn("decayed ItemKNN", DECAYS),
    MarkovKnn(),
    Pctm(),
    Ease(),
    Als(),
    Bpr(),
    SasRec(most_epochs=15),
    WhitenedText(),
    KnnText(),
    Portrait(most_epochs=3),
]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)  # small products; two threads would wait for each other


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> RankingSet:
    return load_set(write_set(tmp_path_factory.mktemp("toys")))


@pytest.fixture(scope="module")
def lesson(toys: RankingSet) -> Lesson:
    """Texts are one-hot by kind: a perfect encoder."""
    texts = np.repeat(np.eye(len(KINDS), dtype=np.float32), OF_A_KIND, axis=0)
    return Lesson(toys.ids, texts, toys.train, toys.valid)


@pytest.mark.parametrize("peer", LEARNERS, ids=lambda peer: peer.name)
def test_a_peer_finds_what_goes_together(peer: Peer, toys: RankingSet, lesson: Lesson) -> None:
    result = measure(peer, lesson, toys.test, seeds=1, most_fits=1)

    found = hits(result.rankings[0].place["masked"], OF_A_KIND).mean()
    assert found > 0.7  # popularity: 5 of 27


def test_popularity_knows_no_kinds(toys: RankingSet, lesson: Lesson) -> None:
    result = measure(Popularity(), lesson, toys.test, seeds=3)

    assert len(result.rankings) == 1  # no seed changes it
    assert hits(result.rankings[0].place["masked"], OF_A_KIND).mean() < 0.4


def test_what_is_fitted_with_seeds_is_fitted_with_each(toys: RankingSet, lesson: Lesson) -> None:
    first, second = measure(Bpr(), lesson, toys.test, seeds=2, most_fits=1).rankings

    assert first.place["masked"].tolist() != second.place["masked"].tolist()


def test_tuning_takes_the_best_of_validation(toys: RankingSet, lesson: Lesson) -> None:
    last_item_only = from_lists([[0, 2], [1, 2], [0, 2], [3, 4]])
    valid = toys.valid.of(np.arange(4))
    asked = Lesson(lesson.ids, lesson.texts, last_item_only, valid)

    choice = tune(ItemKnn("KNN", DECAYS), asked)

    assert choice.serve["decay"] in DECAYS
    assert choice.fit["shrink"] == 0  # with equal results the first is kept


def test_cosines_of_a_hand_worked_case() -> None:
    taken = from_lists([[0, 1], [0, 1, 1], [0, 2]])  # counts 3, 2, 1; a repeat counts once

    matrix = cosines(taken, 3, shrink=1).toarray()

    assert matrix[0, 1] == pytest.approx(2 / (np.sqrt(6) + 1))
    assert matrix[0, 2] == pytest.approx(1 / (np.sqrt(3) + 1))
    assert matrix[1, 2] == 0
    assert np.diag(matrix).tolist() == [0, 0, 0]


def test_followers_of_a_hand_worked_case() -> None:
    taken = from_lists([[0, 1, 2], [0, 1]])

    matrix = followers(taken, 3, shrink=0, window=2).toarray()

    assert matrix[0, 1] == pytest.approx(2 / 2)  # twice, next; 0 and 1 were taken twice
    assert matrix[0, 2] == pytest.approx(0.5 / np.sqrt(2))  # once, two steps later
    assert matrix[1, 0] == 0  # never before


def test_pctm_is_the_log_evidence_of_the_history_and_a_share_of_popularity(lesson: Lesson) -> None:
    (settings, *_) = Pctm().grid()
    model = Pctm().fit(lesson, settings, 0)
    decayed = next(
        variant for chosen, variant in model.variants() if chosen == {"decay": 0.75, "boost": -0.04}
    )
    background = decayed.scores(from_lists([[]]))[0]
    of_0, of_6 = (decayed.scores(from_lists([[item]]))[0] - background for item in (0, 6))

    scores = decayed.scores(from_lists([[0, 6]]))[0]

    counts = lesson.train.counts(lesson.items) + 1
    assert background == pytest.approx(-0.04 * np.log(counts / counts.sum()))
    assert scores - background == pytest.approx((of_6 + 0.75 * of_0) / 1.75, abs=1e-6)


def test_ease_is_its_closed_form(lesson: Lesson) -> None:
    (settings, *_) = Ease().grid()
    touched = lesson.train.touched(lesson.items).toarray().astype(np.float64)
    inverse = np.linalg.inv(touched.T @ touched + settings["ridge"] * np.eye(lesson.items))
    expected = np.eye(lesson.items) - inverse / np.diag(inverse)

    ((_, model), *_) = Ease().fit(lesson, settings, 0).variants()

    history = from_lists([[4]])
    assert model.scores(history)[0] == pytest.approx(expected[4], abs=1e-5)


def test_sasrec_does_not_look_ahead() -> None:
    torch.manual_seed(0)
    network = Transformer(items=9, dropout=0.5).eval()

    before = network(torch.tensor([[1, 2, 3, 4]]))
    after = network(torch.tensor([[1, 2, 3, 8]]))

    assert torch.equal(before[:, :3], after[:, :3])
    assert not torch.equal(before[:, 3], after[:, 3])


def test_sasrec_scores_a_user_the_same_in_any_company(lesson: Lesson) -> None:
    model = SasRec(most_epochs=1).fit(lesson, {"dropout": 0.1}, 0)
    together = from_lists([[1, 2, 3], [4], []])

    scores = model.scores(together)

    for row, alone in enumerate([[1, 2, 3], [4], []]):
        assert scores[row] == pytest.approx(model.scores(from_lists([alone]))[0], abs=1e-5)


def test_sequences_become_purchases_in_order() -> None:
    events = interactions_of(from_lists([[2, 0, 2], [1]]), ("a", "b", "c"))

    assert events.user.tolist() == [0, 0, 0, 1]
    assert events.item.tolist() == [2, 0, 2, 1]
    assert events.at.tolist() == [0, 1, 2, 0]
    assert events.users == 2
