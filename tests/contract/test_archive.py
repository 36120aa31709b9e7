"""The archive's promises, in a local folder and in an object store's stand-in."""

import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from portrait.adapters.parquet_archive import ParquetArchive
from portrait.archive.archive import SCHEMA, ArchiveChangedError, ArchiveUnavailableError, scan
from portrait.archive.segment import Segment
from portrait.archive.tidy import merge
from portrait.events.consent import GRANTED, WITHDRAWN, Consent, Consents, Purpose
from portrait.events.erasure import Erasures
from portrait.ref import user_ref
from tests.support.archives import RECEIVED_ON, click, fill, late, later, memory_archive, offsets_of
from tests.support.records import RECEIVED

ABSENT = Segment(RECEIVED_ON, "events.click", 0, 0, 9)


@pytest.fixture(params=["folder", "memory"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> ParquetArchive:
    return ParquetArchive(str(tmp_path)) if request.param == "folder" else memory_archive()


def test_an_archive_that_nobody_wrote_to_is_empty(archive: ParquetArchive) -> None:
    assert archive.segments() == []
    assert len(archive.erasures()) == 0


def test_what_is_written_is_read_back(archive: ParquetArchive) -> None:
    fill(archive, [click(1), click(2)])

    (segment,) = archive.segments()
    batches = list(archive.read(segment, ["offset", "user"]))

    assert (segment.first, segment.end) == (1, 3)
    assert segment.bytes > 0
    assert pa.Table.from_batches(batches).to_pydict() == {"offset": [1, 2], "user": ["ann", "ann"]}


def test_a_file_of_before_there_were_orders_is_read_and_merged(tmp_path: Path) -> None:
    archive = ParquetArchive(str(tmp_path))
    fill(archive, [click(1, order_id="o"), click(2)], [click(3, order_id="o")])
    old, new = archive.segments()
    table = pq.read_table(tmp_path / old.name)
    pq.write_table(table.drop_columns(["order_id"]), tmp_path / old.name)

    def orders() -> dict[int, str | None]:
        rows = scan(
            archive, archive.segments(), ["offset", "order_id"], erasures=archive.erasures()
        )
        read = pa.Table.from_batches(rows)
        return dict(zip(read["offset"].to_pylist(), read["order_id"].to_pylist(), strict=True))

    assert orders() == {1: None, 2: None, 3: "o"}
    merge(archive, [old, new])
    assert len(archive.segments()) == 1
    assert orders() == {1: None, 2: None, 3: "o"}


def test_a_file_of_the_same_name_is_written_over(archive: ParquetArchive) -> None:
    fill(archive, [click(1, "ann")], [click(1, "bob")])

    (segment,) = archive.segments()
    (batch,) = archive.read(segment, ["user"])

    assert batch["user"].to_pylist() == ["bob"]


def test_a_write_that_fails_leaves_nothing(archive: ParquetArchive) -> None:
    def broken() -> Iterable[pa.Table]:
        yield from ()
        raise ArchiveUnavailableError

    with pytest.raises(ArchiveUnavailableError):
        archive.write(ABSENT, broken())

    assert archive.segments() == []


def test_only_the_window_is_read(archive: ParquetArchive) -> None:
    times = ("2026-09-01T00:00:00Z", "2026-09-02T00:00:00Z", "2026-09-03T00:00:00Z")
    fill(archive, [click(n, occurred_at=at) for n, at in enumerate(times)])
    second, third = RECEIVED - 19 * 86_400_000 - 51_200_000, RECEIVED - 18 * 86_400_000 - 51_200_000

    rows = scan(
        archive,
        archive.segments(),
        ["offset"],
        erasures=archive.erasures(),
        within=(second, third),
    )

    assert [each for batch in rows for each in batch["offset"].to_pylist()] == [1]


def test_a_segment_that_is_gone_is_a_change_of_the_archive(archive: ParquetArchive) -> None:
    archive.remove([ABSENT])

    with pytest.raises(ArchiveChangedError):
        list(archive.read(ABSENT, ["offset"]))


def test_a_file_that_is_damaged_is_not_read_as_if_it_were_whole(tmp_path: Path) -> None:
    archive = ParquetArchive(str(tmp_path))
    fill(archive, [click(1)])
    (segment,) = archive.segments()
    (tmp_path / segment.name).write_bytes(b"not Parquet")

    with pytest.raises(ArchiveChangedError):
        offsets_of(archive)


def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    archive = ParquetArchive(str(tmp_path / "file" / "below"))

    with pytest.raises(ArchiveUnavailableError):
        fill(archive, [click(1)])


def test_an_erased_user_is_seen_by_no_reader_until_something_new_happens(
    archive: ParquetArchive,
) -> None:
    fill(archive, [click(1, "ann"), click(2, "bob"), later(3, "ann"), late(4, "ann")])

    archive.erase(Erasures.of({user_ref("ann"): RECEIVED}))

    assert offsets_of(archive) == [2, 3]


def test_erasures_are_pending_until_they_are_settled(archive: ParquetArchive) -> None:
    first, second = Erasures.of({1: 10, 2: 20}), Erasures.of({2: 25, 3: 30})
    archive.erase(first)
    archive.erase(second)
    archive.erase(second)

    archive.settle(first)

    assert archive.pending().users.tolist() == [2, 3]
    everybody = archive.erasures()
    assert (everybody.users.tolist(), everybody.until.tolist()) == ([1, 2, 3], [10, 25, 30])


def test_everything_settled_is_one_list(archive: ParquetArchive, tmp_path: Path) -> None:
    for user in range(5):
        archive.erase(Erasures.of({user: 10}))
        archive.settle(archive.pending())

    assert len(archive.pending()) == 0
    assert len(archive.erasures()) == 5
    assert len(list(tmp_path.glob("erasures/**/*.parquet"))) in {0, 1}  # 0: it is in memory


def test_no_id_of_an_erased_user_is_written_down(tmp_path: Path) -> None:
    archive = ParquetArchive(str(tmp_path))

    archive.erase(Erasures.of({user_ref("ann.smith"): RECEIVED}))

    (path,) = tmp_path.glob("erasures/pending/*")
    assert b"ann.smith" not in path.read_bytes()


def test_rows_that_lie_in_several_files_are_read_once(archive: ParquetArchive) -> None:
    fill(
        archive,
        [click(n) for n in range(10)],
        [click(n) for n in range(5, 15)],
        [click(n) for n in (0, 1, 20)],
    )

    assert offsets_of(archive) == [*range(15), 20]


def test_a_row_is_read_once_though_its_copies_lie_in_different_days(
    archive: ParquetArchive,
) -> None:
    fill(archive, [click(1), click(2)])
    (segment,) = archive.segments()
    rows = pa.Table.from_batches(archive.read(segment, SCHEMA.names))

    archive.write(replace(segment, day=RECEIVED_ON + timedelta(days=1)), [rows])

    assert offsets_of(archive) == [1, 2]


def test_what_a_killed_writer_left_aside_is_no_segment_and_goes_when_it_is_old(
    tmp_path: Path,
) -> None:
    archive = ParquetArchive(str(tmp_path))
    fill(archive, [click(1)])
    (segment,) = archive.segments()
    path = tmp_path / segment.name
    old, young = (path.with_name(f".{path.name}.{n}.part") for n in range(2))
    for aside in (old, young):
        aside.write_bytes(b"PAR1")
    os.utime(old, (0, 0))

    archive.clean()

    assert archive.segments() == [segment]
    assert (old.exists(), young.exists()) == (False, True)


def test_files_are_listed_again_until_no_merge_is_seen_half_way() -> None:
    class Torn(ParquetArchive):
        listings = 0

        def _list(self, folder: str) -> list[tuple[str, int]]:
            self.listings += 1
            found = super()._list(folder)
            return found[self.listings :] if self.listings < 3 else found

    archive = Torn("memory://archive-torn")
    fill(archive, [click(1)], [click(2)], [click(3)])

    assert len(archive.segments()) == 3


def test_files_that_never_hold_still_are_not_listed_wrongly() -> None:
    class Restless(ParquetArchive):
        listings = 0

        def _list(self, folder: str) -> list[tuple[str, int]]:
            self.listings += 1
            return [(folder, self.listings)]

    with pytest.raises(ArchiveChangedError):
        Restless("memory://archive-restless").segments()


def test_of_what_users_let_be_done_the_last_statement_is_kept(archive: ParquetArchive) -> None:
    first, last = Consent(5, frozenset(Purpose)).number, Consent(6, frozenset()).number
    assert len(archive.consents()) == 0

    archive.agree(Consents.of({1: last, 2: first}))
    archive.agree(Consents.of({1: first, 3: first}))

    said = archive.consents()
    assert dict(zip(said.users.tolist(), said.numbers.tolist(), strict=True)) == {
        1: last,
        2: first,
        3: first,
    }
    assert said.unsaid == GRANTED


def test_an_archive_knows_what_counts_of_who_has_said_nothing(tmp_path: Path) -> None:
    assert ParquetArchive(str(tmp_path), WITHDRAWN).consents().unsaid == WITHDRAWN
