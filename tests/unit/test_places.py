"""Places: a tree out of paths, labels that enough items have, and what is said as deep as sure."""

import numpy as np
import pytest

from portrait.events.category import paths_to
from portrait.events.item import IntroducedItem, Item
from portrait.model.places import places_of
from portrait.model.task_head import SILENT
from portrait.training.tasks.fit_place import least_for, rightly
from portrait.training.tasks.place import Placed, Sizes, label_of, labels_of, place_task
from portrait.training.tasks.threshold import NEVER

LABELS = ("Food > Tea > Green", "Food > Tea > Black", "Food > Bread", "House")


def test_a_tree_has_every_path_that_a_label_lies_in() -> None:
    places = places_of(LABELS)

    assert places.paths == (
        "Food",
        "Food > Bread",
        "Food > Tea",
        "Food > Tea > Black",
        "Food > Tea > Green",
        "House",
    )
    assert places.depth.tolist() == [1, 2, 2, 3, 3, 1]
    likely = places.likely(np.array([[0.4, 0.3, 0.2, 0.1]], np.float32))
    assert likely[0].tolist() == pytest.approx([0.9, 0.2, 0.7, 0.3, 0.4, 0.1])


def test_what_is_said_is_the_deepest_that_is_sure() -> None:
    places = places_of(LABELS)
    likely = places.likely(
        np.array([[0.9, 0.1, 0, 0], [0.4, 0.3, 0.2, 0.1], [0, 0, 0.6, 0.4]], np.float32)
    )

    def said(least: float) -> list[str]:
        found = places.deepest(likely, least).tolist()
        return ["" if place == SILENT else places.paths[place] for place in found]

    assert said(0.55) == ["Food > Tea > Green", "Food > Tea", "Food > Bread"]
    assert said(0.8) == ["Food > Tea > Green", "Food", ""]
    assert said(NEVER) == ["", "", ""]


def test_items_of_a_place_that_few_have_are_of_the_one_it_lies_in() -> None:
    paths = ["A > B"] * 3 + ["A > C"] * 2 + ["A > D > E"] * 1 + ["A"] * 1 + ["F > G"] * 2

    assert labels_of(paths, least=3) == ["A", "A > B"]  # C, E, and what is in A itself
    assert labels_of(paths, least=2) == ["A", "A > B", "A > C", "F > G"]  # E and what is in A
    assert labels_of(paths, least=1, most=3) == ["A", "A > B"]
    assert label_of("A > D > E", {"A", "A > B"}) == "A"
    assert not label_of("F > G", {"A"})


def test_levels_are_what_a_path_says_they_are_also_where_a_level_looks_like_a_path() -> None:
    paths = ["Audio/Video > Cables"] * 2 + ["Audio/Video > Plugs"] * 2

    assert labels_of(paths, least=3) == ["Audio/Video"]


def test_variants_of_one_thing_are_learned_from_or_judged_by_and_events_teach_nothing() -> None:
    items = [
        Item(
            id=f"{thing}-{size}",
            title=f"thing {thing} of size {size}",
            category=f"Shop > {'odd' if thing % 2 else 'even'}",
            group_id=f"thing {thing}",
        )
        for thing in range(100)
        for size in range(3)
    ]
    heard = IntroducedItem(id="heard", title="heard of", category="Elsewhere")
    bare = Item(id="bare", title="nowhere")

    cut = place_task([*items, heard, bare], Sizes())

    sides = [cut.task.train.texts, cut.choosing.texts, cut.judging.texts]
    things = [{text.split()[1] for text in side} for side in sides]
    assert not things[0] & things[1]
    assert not things[0] & things[2]
    assert not things[1] & things[2]
    assert sum(map(len, sides)) == len(items)
    assert cut.task.labels == ("Shop > even", "Shop > odd")
    assert not any("Shop" in text for side in sides for text in side)


def test_the_threshold_is_the_lowest_with_which_what_is_said_is_right_often_enough() -> None:
    places = places_of(("A > B", "A > C"))
    sure = np.linspace(0.5, 1, 400, dtype=np.float32)
    likely = np.stack([sure, 1 - sure], axis=1)
    random = np.random.default_rng(0)
    truth = ["A > B" if random.random() < p else "A > C" for p in sure.tolist()]
    items = Placed([""] * 400, truth)

    least = least_for(places, likely, items)

    def right(of: float) -> float:
        return float(rightly(places, places.deepest(places.likely(likely), of), items).mean())

    assert right(least) >= 0.95
    assert right(least - 0.02) < right(least) + 0.05
    assert 0.5 < least < 1
    wrong = Placed([""] * 400, ["Elsewhere"] * 400)
    assert least_for(places, likely, wrong) == NEVER


def test_a_place_is_said_rightly_if_the_item_lies_in_it() -> None:
    places = places_of(LABELS)
    paths = ["Food > Tea > Green", "Food > Tea > White", "Food > Bread", "Nowhere"]
    tea = places.paths.index("Food > Tea")

    right = rightly(places, np.array([tea, tea, tea, SILENT]), Placed([""] * 4, paths))

    assert right.tolist() == [True, True, False, False]
    assert paths_to(paths[0])[1] == places.paths[tea]
