"""Names: which there are, and which lie within a path."""

from hypothesis import given
from hypothesis import strategies as st

from portrait.catalogue.names import Names
from portrait.events.item import SEPARATOR

LEVELS = st.sampled_from(["A", "a", "B", "ß", "SS", "", " ", ">", "A >", "> b"])
PATHS = st.lists(LEVELS, min_size=1, max_size=4).map(SEPARATOR.join)


def naive_within(names: list[str], path: str) -> list[int]:
    """Say it as the API does: a path itself, and whatever begins with it and a separator."""
    wanted = path.casefold()
    return [
        code
        for code, name in enumerate(names)
        if name.casefold() == wanted or name.casefold().startswith(wanted + SEPARATOR)
    ]


@given(st.lists(PATHS, max_size=8, unique=True), PATHS)
def test_what_lies_within_a_path_is_what_begins_with_it(found: list[str], path: str) -> None:
    names = Names()
    kept = [name for name in found if name]
    for name in kept:
        names.code(name)

    assert sorted(names.within(path)) == naive_within(kept, path)
    assert sorted(names.named(path)) == [
        code for code, name in enumerate(kept) if name.casefold() == path.casefold()
    ]


def test_a_name_met_again_is_noted_once() -> None:
    names = Names()

    codes = [names.code("A > B") for _ in range(3)]

    assert codes == [0, 0, 0]
    assert [*names.within("a")] == [*names.named("a > b")] == [0]
