"""What the demo of two shops counts: an answer that says too much, and a mark that was left."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from demo.secure.intruder import Attempt, Tried
from demo.secure.left_behind import KEPT, Search, is_kept, table
from demo.secure.marks import Found, in_files, in_text
from demo.secure.shops import BOOKS, DORA, MARKS, NORD, known, unreadable, visited

ATTEMPT = Attempt("any", 404, "/profile/x", {})
SECRETS = (NORD.secret, BOOKS.secret)


@pytest.mark.parametrize(
    ("status", "text", "refused", "answered", "unclear"),
    [
        (404, "no profile", 1, 0, 0),
        (200, "{}", 0, 1, 0),  # let in, whatever it was told
        (202, "", 0, 1, 0),
        (404, f"not even a {NORD.secret} tent", 0, 1, 0),  # told, though turned away
        (401, "no key", 0, 0, 1),
        (500, "", 0, 0, 1),
        (429, "", 0, 0, 1),  # who is told to come again was not refused
    ],
)
def test_an_attempt_is_refused_answered_or_neither(
    status: int, text: str, refused: int, answered: int, unclear: int
) -> None:
    tried = Tried()

    tried.take(ATTEMPT, status, text, SECRETS)

    assert (tried.refused.total(), tried.answered.total()) == (refused, answered)
    assert len(tried.unclear) == unclear
    assert tried.is_well == (refused == 1)


def test_nothing_tried_is_not_well() -> None:
    assert not Tried().is_well


def test_everything_of_hers_carries_a_mark_and_nobody_else_does() -> None:
    hers = [*visited(), *known(), unreadable()]

    assert all(any(word in str(event) for word in MARKS.values()) for event in hers)
    assert all(any(word in str(event) for event in hers) for word in MARKS.values())
    for shop in (NORD, BOOKS):
        assert not any(word in str(shop.items) for word in MARKS.values())


def test_a_mark_that_is_planted_in_a_log_is_found(tmp_path: Path) -> None:
    (tmp_path / "service.log").write_text("fine\n")
    (tmp_path / "update.log").write_text(f"lost a batch of {DORA.upper()}\n")

    found = in_files(tmp_path, tmp_path.glob("*.log"), MARKS)

    assert found == [Found("update.log", is_name=False, mark="user id")]
    assert not is_kept(found[0])


def test_a_mark_is_found_in_a_column_that_is_packed(tmp_path: Path) -> None:
    texts = [f"text number {number}" for number in range(5_000)] + [MARKS["search"]]
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"text": texts}), path, compression="zstd", write_statistics=False)
    assert MARKS["search"].encode() not in path.read_bytes()

    assert [each.mark for each in in_files(tmp_path, [path], MARKS)] == ["search"]


def test_a_mark_is_found_in_a_file_s_name_and_in_what_is_told(tmp_path: Path) -> None:
    path = tmp_path / f"export-{DORA}.json"
    path.touch()

    assert [(each.is_name, each.mark) for each in in_files(tmp_path, [path], MARKS)] == [
        (True, "user id")
    ]
    assert in_text("metrics", f'{{user="{DORA}"}}', MARKS)


def test_a_name_that_is_kept_on_purpose_may_not_hold_what_it_is_the_name_of() -> None:
    record = f"database 1: profile:{{{DORA}}}"

    assert is_kept(Found(record, is_name=True, mark="user id"))
    assert not is_kept(Found(record, is_name=False, mark="search"))
    assert not is_kept(Found(f"database 1: searched:{{{DORA}}}", is_name=True, mark="user id"))
    assert sum(KEPT.values()) == 1


def test_what_is_left_is_counted_and_named() -> None:
    log = Found("service.log", is_name=False, mark="review")
    before = Search({"logs": [log, log]})
    after = Search({"logs": [log]})

    assert after.all_left == [log]
    assert "left: service.log (review)" in table(before, after)
