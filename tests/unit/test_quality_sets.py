"""Ranking sets: folders are read, sequences are cut, histories keep their order."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality.histories import Histories, from_lists
from benchmarks.quality.sets import LayoutUnknownError, load_set


@pytest.fixture
def histories() -> Histories:
    return from_lists([[3, 1, 3], [], [0, 2]])


def plain_folder(folder: Path, lines: str) -> Path:
    (folder / "X_items.tsv").write_text("item_id\ttitle\na\tred hat\nb\tblue hat\nc\tsock\n")
    (folder / "X_sequences.txt").write_text(lines)
    return folder


def test_a_plain_folder_becomes_a_catalogue_and_sequences(tmp_path: Path) -> None:
    found = load_set(plain_folder(tmp_path, "u1 a b c\nu2 c c a b\n"))

    assert found.ids == ("a", "b", "c")
    assert found.texts == ("red hat", "blue hat", "sock")
    assert found.sequences.flat.tolist() == [0, 1, 2, 2, 2, 0, 1]


def test_the_last_item_is_the_test_and_the_one_before_is_for_choices(tmp_path: Path) -> None:
    found = load_set(plain_folder(tmp_path, "u1 a b c\nu2 c c a b\n"))

    assert found.train.flat.tolist() == [0, 2, 2]
    assert found.valid.targets.tolist() == [1, 0]
    assert found.valid.histories.flat.tolist() == [0, 2, 2]
    assert found.test.targets.tolist() == [2, 1]
    assert found.test.histories.flat.tolist() == [0, 1, 2, 2, 0]


def test_who_took_fewer_than_three_items_is_left_out(tmp_path: Path) -> None:
    found = load_set(plain_folder(tmp_path, "u1 a b\nu2 c c a b\n"))

    assert len(found.sequences) == 1


def test_a_unisrec_folder_takes_the_test_file_and_the_texts_by_id(tmp_path: Path) -> None:
    (tmp_path / "S.item2index").write_text("B9\t0\nB2\t1\nB5\t2\n")
    (tmp_path / "S.text").write_text('item_id:token\ttext:x\nB2\t1" tube\nB5\tglue\nB9\tnail\n')
    (tmp_path / "S.test.inter").write_text("user_id:token\thistory\titem\n0\t0 1\t2\n")

    found = load_set(tmp_path)

    assert found.ids == ("B9", "B2", "B5")
    assert found.texts == ("nail", '1" tube', "glue")
    assert found.sequences.flat.tolist() == [0, 1, 2]


def test_a_folder_of_neither_layout_is_refused_and_so_is_a_table_without_text(
    tmp_path: Path,
) -> None:
    with pytest.raises(LayoutUnknownError, match="needs"):
        load_set(tmp_path)
    (tmp_path / "items.tsv").write_text("item_id\tcolour\na\tred\n")
    (tmp_path / "sequences.txt").write_text("u a a a\n")
    with pytest.raises(LayoutUnknownError, match="columns"):
        load_set(tmp_path)


def test_the_first_users_keep_their_items_and_texts(tmp_path: Path) -> None:
    found = load_set(plain_folder(tmp_path, "u1 c c b\nu2 c c a b\n")).head(1)

    assert found.ids == ("b", "c")
    assert [found.texts[item] for item in found.sequences.flat] == ["sock", "sock", "blue hat"]


def test_the_newest_items_come_first_and_missing_places_are_marked(histories: Histories) -> None:
    items, present = histories.newest(2)

    assert items.tolist() == [[3, 1], [0, 0], [2, 0]]
    assert present.tolist() == [[True, True], [False, False], [True, True]]


def test_decay_counts_from_the_newest_and_repeats_add_up(histories: Histories) -> None:
    weights = histories.decayed(0.5, 4).toarray()

    assert weights.tolist() == [[0, 0.5, 0, 1.25], [0, 0, 0, 0], [0.5, 0, 1, 0]]


def test_without_decay_only_the_newest_item_weighs(histories: Histories) -> None:
    assert histories.decayed(0, 4).toarray().tolist() == [[0, 0, 0, 1], [0] * 4, [0, 0, 1, 0]]


def test_pairs_are_without_repeats(histories: Histories) -> None:
    rows, items = histories.pairs

    assert rows.tolist() == [0, 0, 2, 2]
    assert items.tolist() == [1, 3, 0, 2]


def test_chosen_users_keep_their_histories_and_names(histories: Histories) -> None:
    chosen = histories.of(np.array([2, 0]))

    assert chosen.users.tolist() == [2, 0]
    assert chosen.flat.tolist() == [0, 2, 3, 1, 3]
    assert chosen.lengths.tolist() == [2, 3]


def test_users_stay_when_their_events_go(histories: Histories) -> None:
    kept = histories.where(histories.flat != 3)

    assert kept.lengths.tolist() == [1, 0, 2]
