"""docs/peers.md: each yes of ours leads to a test; of each system stands what was read of it.

Whether the test shows what its row says is for people to read.
"""

import ast
import re
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import pytest

from tests.support.generated import ROOT

PAGE = ROOT / "docs" / "peers.md"
SAID = {"yes", "part", "no", "?", "–"}  # of others  # noqa: RUF001 - as tables are written
LINK = re.compile(r"\[(yes|part|and)\]\(([^)#]+)#(test_\w+)\)")
SOURCE = re.compile(
    r"^\| (?P<system>[^|]+) \| [^|]*\]\(https://[^|]+ \| \d{4}-\d{2} \|$", re.MULTILINE
)
NO = "**no**"


class Row(NamedTuple):
    """What one row says, and of which systems."""

    feature: str
    ours: str
    theirs: tuple[str, ...]
    systems: tuple[str, ...]


@cache
def rows() -> tuple[Row, ...]:
    found: list[Row] = []
    systems: tuple[str, ...] = ()
    lines = PAGE.read_text().splitlines()
    for line, following in pairwise([*lines, ""]):
        cells = tuple(cell.strip() for cell in line.strip("|").split("|"))
        if following.startswith("|---"):
            systems = cells[2:] if cells[:2] == ("", "Portrait") else ()
        elif line.startswith("| ") and systems:
            found.append(Row(cells[0], cells[1], cells[2:], systems))
    return tuple(found)


ROWS = rows()


def test_there_are_tables_with_ten_systems_each() -> None:
    assert len(ROWS) > 50
    assert {len(row.systems) for row in ROWS} == {10}
    assert len({row.feature for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.feature)
def test_every_row_has_a_word_on_every_system(row: Row) -> None:
    assert len(row.theirs) == len(row.systems)
    assert {*row.theirs} <= SAID


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.feature)
def test_each_yes_of_ours_leads_to_a_test_that_there_is(row: Row) -> None:
    if row.ours == NO:
        return
    links = LINK.findall(row.ours)

    assert " ".join(f"[{word}]({file}#{test})" for word, file, test in links) == row.ours
    assert [word in {"yes", "part"} for word, *_ in links] == [True] + [False] * (len(links) - 1)
    for _, file, test in links:
        assert test in named_in((PAGE.parent / file).resolve().relative_to(ROOT).as_posix())


def test_what_we_lack_is_said() -> None:
    assert [row for row in ROWS if row.ours == NO]


def test_what_was_read_of_each_system_is_linked_and_dated() -> None:
    read = {found["system"] for found in SOURCE.finditer(PAGE.read_text())}
    named = {each for row in ROWS for system in row.systems for each in system.split(", ")}

    assert read == named


@cache
def named_in(file: str) -> frozenset[str]:
    """Name the tests of a file."""
    tree = ast.parse((ROOT / file).read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(each.name for each in tree.body if isinstance(each, functions))
