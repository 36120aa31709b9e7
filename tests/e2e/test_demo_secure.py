"""The demo of two shops, as `make demo-secure` runs it: what it says of access and of erasure."""

from collections.abc import Iterator
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass
from io import StringIO

import pytest

from demo.secure.__main__ import Told, run
from demo.secure.left_behind import ARCHIVE, REDIS
from demo.secure.shops import MARKS

pytestmark = pytest.mark.e2e


@dataclass(frozen=True, slots=True)
class Shown:
    """What came out, and what was printed."""

    told: Told
    printed: str


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    with redirect_stdout(StringIO()) as printed:
        with ExitStack() as stack:
            told = run(stack, tmp_path_factory.mktemp("demo"))
        yield Shown(told, printed.getvalue())


def test_the_last_line_has_its_figures_in_order_and_all_is_well(shown: Shown) -> None:
    figures = dict(shown.told.figures)

    assert shown.told.is_well, shown.printed
    assert [*figures] == [
        "shops",
        "foreign_reads_refused",
        "foreign_reads_answered",
        "erased",
        "receipt_verified",
        "left_behind",
        "exported_bytes",
    ]
    assert (figures["shops"], figures["left_behind"]) == (2, 0)


def test_tens_of_foreign_reads_are_refused_and_none_is_answered(shown: Shown) -> None:
    tried = shown.told.tried

    assert tried.refused.total() > 80
    assert len(tried.refused) == 9  # ways to try
    assert not tried.answered
    assert not tried.unclear


def test_the_same_search_finds_her_before_and_only_names_after(shown: Shown) -> None:
    before, after = shown.told.before, shown.told.after

    marks = {found.mark for place in (REDIS, ARCHIVE) for found in before.left(place)}
    assert marks == {*MARKS} - {"letter"}  # what nobody could read is on Kafka alone
    assert after.all_left == []
    assert after.kept(REDIS)


def test_it_reads_as_a_story(shown: Shown) -> None:
    for told in (
        "portrait shops create",
        "refused  answered",
        "says of each place",
        "searched for",
    ):
        assert told in shown.printed
