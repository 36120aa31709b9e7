"""Variants: of one thing, one item."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from portrait.arrays import MISSING
from portrait.catalogue.variants import Groups, Variants
from portrait.events.columns import ACTION_CODE, EVENT
from portrait.events.event import Action
from portrait.inference.cart import bought, in_cart

GROUPS = st.lists(st.none() | st.sampled_from(["shirt", "shoe", "hat"]), min_size=1, max_size=20)


def variants_of(groups: list[str | None]) -> Variants:
    held = Groups()
    codes = np.array([held.put(row, group) for row, group in enumerate(groups)])
    return Variants(codes, held, bool((codes != MISSING).any()))


def thing(groups: list[str | None], row: int) -> object:
    return row if groups[row] is None else groups[row]


@given(GROUPS, st.lists(st.integers(-1, 25), max_size=8))
def test_the_variants_of_rows_are_all_of_their_groups_and_themselves(
    groups: list[str | None], rows: list[int]
) -> None:
    here = [row for row in rows if 0 <= row < len(groups)]

    found = variants_of(groups).of(np.array(rows, np.int64))

    wanted = {thing(groups, row) for row in here}
    assert found.tolist() == [row for row in range(len(groups)) if thing(groups, row) in wanted]


@given(GROUPS, st.randoms())
def test_the_first_of_each_thing_is_taken_in_order(
    groups: list[str | None], random: object
) -> None:
    rows = np.random.default_rng(hash(random) % 2**32).permutation(len(groups))
    met: dict[object, int] = {}
    for place, row in enumerate(rows.tolist()):
        met.setdefault(thing(groups, row), place)

    assert variants_of(groups).first(rows).tolist() == sorted(met.values())


@given(GROUPS, st.data())
def test_the_best_of_each_thing_are_those_with_its_highest_score(
    groups: list[str | None], data: st.DataObject
) -> None:
    size = st.lists(st.integers(0, 3), min_size=len(groups), max_size=len(groups))
    scores = np.array(data.draw(size), np.float32)
    rows = np.arange(len(groups))

    are_best = variants_of(groups).are_best(rows, scores)

    for row in rows.tolist():
        alike = [scores[o] for o in rows.tolist() if thing(groups, o) == thing(groups, row)]
        assert are_best[row] == (scores[row] == max(alike))


def test_an_item_that_changes_its_group_is_of_the_new_one_alone() -> None:
    groups = Groups()
    shirt = groups.put(7, "shirt")
    groups.put(8, "shirt")

    shoe = groups.put(7, "shoe", shirt)
    none = groups.put(8, None, shirt)

    assert (groups.rows(shirt).tolist(), groups.rows(shoe).tolist()) == ([], [7])
    assert none == MISSING
    assert groups.put(7, "shoe", shoe) == shoe
    assert groups.rows(shoe).tolist() == [7]


def test_what_has_come_since_is_of_no_thing_that_was_there() -> None:
    variants = variants_of(["shirt", None])
    variants.groups.put(2, "shirt")
    variants.groups.put(3, "new")

    assert variants.of(np.array([0])).tolist() == [0]
    assert variants.are_best(np.array([0, 1]), np.ones(2, np.float32)).tolist() == [True, True]


def test_the_newest_word_on_an_item_says_whether_it_is_in_the_cart() -> None:
    done = [("a", "cart"), ("b", "purchase"), ("b", "cart"), ("c", "click"), ("a", "purchase")]
    done += [("c", "cart"), ("d", "browse"), ("e", "purchase"), ("e", "return")]
    ring = np.zeros(len(done), EVENT)  # newest first
    ring["at"] = np.arange(len(done), 0, -1)
    ring["ref"] = [ord(item) for item, _ in done]
    ring["action"] = [ACTION_CODE[Action(action)] for _, action in done]

    assert [chr(ref) for ref in in_cart(ring).tolist()] == ["a", "c"]
    assert [chr(ref) for ref in bought(ring).tolist()] == ["a", "b", "e"]
    assert in_cart(ring[:0]).tolist() == []
