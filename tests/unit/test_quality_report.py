"""The report of the quality benchmark: figures worked by hand, cold items, and a smoke run."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality.__main__ import main
from benchmarks.quality.cold import cold_test, measure_cold
from benchmarks.quality.cost import Cost, measured
from benchmarks.quality.counting import ItemKnn, Popular, Popularity
from benchmarks.quality.figures import compare, figures_of
from benchmarks.quality.histories import from_lists
from benchmarks.quality.measure import Ranking, Result, measure, rank
from benchmarks.quality.peer import Lesson
from benchmarks.quality.refit import measure_refitted
from benchmarks.quality.report import table
from benchmarks.quality.sets import RankingSet, Trial, load_set
from benchmarks.quality.text import WhitenedText
from benchmarks.quality.tune import Choice
from portrait.evaluation.ranking import ranking_figures
from tests.support.ranking_sets import KINDS, OF_A_KIND, write_set


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> RankingSet:
    return load_set(write_set(tmp_path_factory.mktemp("toys")))


@pytest.fixture(scope="module")
def lesson(toys: RankingSet) -> Lesson:
    texts = np.repeat(np.eye(len(KINDS), dtype=np.float32), OF_A_KIND, axis=0)
    return Lesson(toys.ids, texts, toys.train, toys.valid)


def result_of(*places: list[float]) -> Result:
    """Rank the test targets as said, one list a seed."""
    rankings = tuple(
        Ranking(
            {name: np.array(place) for name in ("masked", "unmasked", "target_kept")},
            np.zeros((len(place), 10), np.int64),
        )
        for place in places
    )
    choice = Choice({}, {}, 0.0, Popular(np.zeros(1, np.int64)), Cost(0, 0))
    return Result("made up", choice, rankings, Cost(0, 0), 0)


def three_users() -> RankingSet:
    sequences = from_lists([[0, 1, 2], [1, 0, 2], [1, 1, 0, 1]])
    return RankingSet("three", ("a", "b", "c"), ("", "", ""), sequences)


def test_figures_are_means_and_deviations_over_seeds() -> None:
    figures = figures_of(result_of([1, 1, 99], [1, 99, 99]), three_users())

    assert figures["masked"]["hr@10"]["mean"] == pytest.approx(0.5)
    assert figures["masked"]["hr@10"]["sd"] == pytest.approx(np.std([2 / 3, 1 / 3], ddof=1))


def test_slices_go_by_training_count_of_the_target_and_by_length() -> None:
    figures = figures_of(result_of([1, 99, 1]), three_users())  # targets c, c, b: counts 0, 0, 3

    frequency = figures["by_item_frequency"]
    assert frequency["0"] == {"users": 2, "hr@10": 0.5, "ndcg@10": 0.5}
    assert frequency["1-4"] == {"users": 1, "hr@10": 1, "ndcg@10": 1}
    assert figures["by_user_length"]["0-4"]["users"] == 3


def test_comparison_averages_the_seeds_of_each_user_first() -> None:
    found = compare(result_of([1, 99, 1], [99, 99, 1]), result_of([99, 99, 1]))

    assert found["masked hr@10"]["difference"] == pytest.approx(0.5 / 3)


def test_repeated_targets_are_a_miss_masked_and_count_in_the_two_other_protocols() -> None:
    model = Popular(np.array([5, 4, 3]))
    again = Trial(from_lists([[0, 1]]), np.array([0]))

    place = rank(model, again).place

    assert place["masked"].tolist() == [np.inf]
    assert place["unmasked"].tolist() == [1]
    assert place["target_kept"].tolist() == [1]


def test_items_held_out_are_in_no_training_and_all_that_is_asked_for(
    toys: RankingSet, lesson: Lesson
) -> None:
    test = cold_test(toys, lesson)

    assert len(test.held) == 2  # 5 % of 30 items
    assert not np.isin(test.lesson.train.flat, test.held).any()
    assert not np.isin(test.lesson.valid.targets, test.held).any()
    assert all(np.isin(trial.targets, test.held).all() for trial in test.trials)


def test_text_finds_items_that_training_never_saw_and_popularity_does_not(
    toys: RankingSet, lesson: Lesson
) -> None:
    peers = {peer.name: peer for peer in (Popularity(), WhitenedText())}
    results = [measure(peer, lesson, toys.test, seeds=1) for peer in peers.values()]

    found = measure_cold(toys, lesson, peers, results)["models"]

    assert found["whitened text"]["hr@10"] == 1
    assert found["Pop"]["hr@10"] == 0
    assert 10 / 30 < found["chance"]["hr@10"] < 10 / 24
    assert found["chance"]["share_of_first_ten"] == pytest.approx(2 / 30)


def test_a_fit_with_the_validation_items_knows_them() -> None:
    sequences = from_lists([[0, 1, 2], [1, 2, 3]])  # that 1 goes with 2 is in no training
    pairs = RankingSet("pairs", ("a", "b", "c", "d"), ("",) * 4, sequences)
    lesson = Lesson(pairs.ids, np.zeros((4, 2), np.float32), pairs.train, pairs.valid)
    peer = ItemKnn("KNN", (0.5,))
    result = measure(peer, lesson, pairs.test, seeds=1)

    found = measure_refitted(pairs, lesson, {"KNN": peer}, {"KNN": result})

    before = ranking_figures(result.rankings[0].place["masked"])
    assert before["mrr@10"] == pytest.approx(1 / 1.5)  # two items left, both unknown
    assert found["KNN"]["masked"]["mrr@10"] == pytest.approx((1 + 1 / 2) / 2)


def test_the_peak_of_memory_is_seen_though_it_is_given_back() -> None:
    size, cost = measured(lambda: len(np.ones(25_000_000)))

    assert size == 25_000_000
    assert 150 < cost.megabytes < 300
    assert cost.seconds > 0


def test_tables_are_aligned_markdown() -> None:
    written = table(("model", "HR"), [("a", ".5"), ("longer", ".25")])

    assert written.splitlines() == [
        "| model  |  HR |",
        "| ------ | --: |",
        "| a      |  .5 |",
        "| longer | .25 |",
    ]


def test_the_whole_benchmark_runs_on_any_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, report = write_set(tmp_path / "toys"), tmp_path / "report.md"

    main(
        [
            "--sets",
            str(folder),
            "--quick",
            "--threads",
            "1",
            "--cache",
            str(tmp_path),
            "--report",
            str(report),
        ]
    )

    *_, last = capsys.readouterr().out.splitlines()
    found = json.loads(last)["sets"]["toys"]
    assert found["set"]["users"] == 60
    assert found["refitted"]["Portrait"]["masked"]["hr@10"] > 0.4
    assert found["peers"]["whitened text"]["masked"]["hr@10"]["mean"] > 0.7
    assert "### toys" in report.read_text(encoding="utf-8")


def test_some_rows_are_measured_again_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_set(tmp_path / "toys")
    command = ["--sets", str(folder), "--quick", "--cache", str(tmp_path), "--peers"]

    main([*command, "KNN + text", "Pop"])

    found = json.loads(capsys.readouterr().out.splitlines()[-1])["sets"]["toys"]
    assert set(found["peers"]) == {"KNN + text", "Pop"}
    assert found["against"] == {}
    with pytest.raises(SystemExit):
        main([*command, "Popp"])
    assert "no such peer: Popp; there are Pop, last-item KNN" in capsys.readouterr().err
