"""Names: which there are, and which lie within a path."""

from hypothesis import given
from hypothesis import strategies as st

from portrait.arrays import MISSING
from portrait.catalogue.names import Names, Paths
from portrait.events.category import SEPARATOR, meaning_of
from portrait.ref import name_ref

LEVELS = st.sampled_from(["A", "a", "B", "ß", "SS", "", " ", ">", "A >", "> b", "a/b"])
PATHS = st.lists(LEVELS, min_size=1, max_size=4).map(SEPARATOR.join)


def naive_within(names: Paths, path: str) -> list[int]:
    """Say it as the API does: a path itself, and whatever begins with it and a separator."""
    wanted = meaning_of(path)
    return [
        code
        for code, name in enumerate(names)
        if wanted and f"{meaning_of(name)}{SEPARATOR}".startswith(f"{wanted}{SEPARATOR}")
    ]


@given(st.lists(PATHS, max_size=8, unique=True), PATHS)
def test_what_lies_within_a_path_is_what_begins_with_it(found: list[str], path: str) -> None:
    names = Paths()
    for name in found:
        names.code(name)

    assert sorted(names.within(path)) == naive_within(names, path)
    assert len(names) == len({*map(meaning_of, found)} - {""})


def test_a_path_written_in_another_way_has_the_number_and_the_name_of_the_first() -> None:
    names = Paths()

    codes = [names.code(name) for name in ("Grocery > Tea", "grocery/tea", "House", "GROCERY>TEA")]

    assert codes == [0, 0, 1, 0]
    assert [*names] == ["Grocery > Tea", "House"]
    assert names.name_of(name_ref("grocery/tea")) == "Grocery > Tea"
    assert sorted(names.refs.tolist()) == sorted([0, *map(name_ref, names)])
    assert names.refs[names.ranks[[0, 1]]].tolist() == [*map(name_ref, names)]
    assert names.code(" > ") == names.code("") == MISSING


def test_a_name_is_found_whatever_its_case() -> None:
    names = Names()

    codes = [names.code(name) for name in ("Farm", "FARM", "Farm", "AC/DC")]

    assert codes == [0, 1, 0, 2]
    assert [*names.named("farm")] == [0, 1]
    assert [*names.named("ac > dc")] == []


def test_a_path_met_again_is_noted_once() -> None:
    names = Paths()

    codes = [names.code("A > B") for _ in range(3)]

    assert codes == [0, 0, 0]
    assert [*names.within("a")] == [*names.within("a > b")] == [0]
