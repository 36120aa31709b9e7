"""Files: whatever they are packed in and written as, the messages in them come out in order."""

import csv
import gzip
import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import cramjam
import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from portrait.errors import FileUnreadableError
from portrait.reading import files
from portrait.reading.files import Row, sources_of

ROWS = [{"id": str(n), "title": f"Käse {n}", "price": f"{n}.5"} for n in range(5)]
Write = Callable[[str, bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return path

    return written


def zstd(plain: bytes) -> bytes:
    """Pack in two frames, as `cat a.zst b.zst` does."""
    half = len(plain) // 2
    return b"".join(bytes(cramjam.zstd.compress(part)) for part in (plain[:half], plain[half:]))


def table(separator: str = ",") -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, [*ROWS[0]], delimiter=separator)
    writer.writeheader()
    writer.writerows(ROWS)
    return out.getvalue().encode()


def lines() -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)


def rows_of(place: Path | str, encoding: str = "utf-8") -> Iterator[Row]:
    for source in sources_of(str(place)):
        yield from source.rows(encoding)


def sent_in(place: Path | str, encoding: str = "utf-8") -> list[Any]:
    found = [*rows_of(place, encoding)]
    assert [row.wrong for row in found] == [None] * len(found)
    return [json.loads(row.sent) if isinstance(row.sent, bytes) else row.sent for row in found]


@pytest.mark.parametrize(
    "content",
    [
        table(),
        table(";"),
        table("\t"),
        table("|"),
        b"\xef\xbb\xbf" + table(),
        table().decode().encode("utf-16"),
        b"\n\n" + table(),
        lines(),
        b"\xef\xbb\xbf" + lines(),
        b"\n" + lines().replace(b"\n", b"\r\n\r\n"),
        lines().removesuffix(b"\n"),
        json.dumps(ROWS).encode(),
        b" " + json.dumps(ROWS, indent=1).encode(),
    ],
    ids=lambda content: repr(content[:12]),
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd], ids=["plain", "gz", "zst"])
def test_a_file_is_what_it_says_itself(
    write: Write, content: bytes, pack: Callable[[bytes], bytes]
) -> None:
    assert sent_in(write("some.file", pack(content))) == ROWS


def test_one_object_is_one_message_on_however_many_lines(write: Write) -> None:
    assert sent_in(write("one.json", json.dumps(ROWS[0]).encode())) == ROWS[:1]
    assert sent_in(write("one.json", json.dumps(ROWS[0], indent=2).encode())) == ROWS[:1]


def test_objects_one_after_the_other_are_messages_on_however_many_lines(write: Write) -> None:
    content = json.dumps({"a": 1}, indent=1) + "\n\n" + json.dumps({"a": {"b": "}\n{"}}, indent=1)

    assert sent_in(write("several.json", content.encode())) == [{"a": 1}, {"a": {"b": "}\n{"}}]


def test_keys_that_a_console_prints_before_messages_are_left_out(write: Write) -> None:
    content = b'ann\t{"a": 1}\nbob\t{"a": 2}\n'

    assert sent_in(write("console.txt", content)) == [{"a": 1}, {"a": 2}]


def test_a_list_on_each_line_is_a_message_on_each_line(write: Write) -> None:
    assert sent_in(write("lists", b'[{"a": 1}]\n[{"a": 2}]\n')) == [[{"a": 1}], [{"a": 2}]]


def test_a_broken_line_is_one_message(write: Write) -> None:
    found = [*rows_of(write("broken", b'{"a": 1}\n{"a": \n\n{"a": 3}\n'))]

    assert found == [Row(1, b'{"a": 1}'), Row(2, b'{"a":'), Row(4, b'{"a": 3}')]


def test_a_file_that_begins_with_a_broken_line_is_read_by_lines(write: Write) -> None:
    assert [*rows_of(write("broken", b'{"a": \n{"a": 2}\n'))] == [
        Row(1, b'{"a":'),
        Row(2, b'{"a": 2}'),
    ]


def test_cells_may_hold_separators_and_line_breaks(write: Write) -> None:
    path = write("quoted.csv", b'id,title\n1,"a, ""b""\nc"\n2,\n')

    assert [*rows_of(path)] == [
        Row(3, {"id": "1", "title": 'a, "b"\nc'}),
        Row(4, {"id": "2", "title": ""}),
    ]


def test_quotes_in_a_table_by_tabs_are_letters(write: Write) -> None:
    assert sent_in(write("t.tsv", b'id\ttitle\n1\t"7 inch\n2\tb\n')) == [
        {"id": "1", "title": '"7 inch'},
        {"id": "2", "title": "b"},
    ]


def test_a_row_with_too_many_cells_is_wrong_and_one_with_too_few_is_not(write: Write) -> None:
    short, long = rows_of(write("t.csv", b"id,title,price\n1,a\n2,b,3,4\n"))

    assert short == Row(2, {"id": "1", "title": "a"})
    assert long.wrong == "row: more cells than there are names of columns"


def test_a_table_in_another_encoding_is_told_and_read_if_it_is_named(write: Write) -> None:
    path = write("t.csv", "id,title\n1,tea\n2,绿茶\n".encode("gb18030"))

    first, second = rows_of(path)

    assert (first.wrong, second.wrong) == (None, "row: not UTF-8; --encoding says what it is")
    assert sent_in(path, "gb18030")[1] == {"id": "2", "title": "绿茶"}


def test_taobaos_log_has_no_names_of_columns_and_is_known(write: Write) -> None:
    path = write("UserBehavior.csv", b"1,2268318,2520377,pv,1511544070\n1,5,6,buy,1511544071\n")

    first, second = rows_of(path)

    names = ("user_id", "item_id", "category_id", "behavior", "timestamp")
    assert first == Row(
        1, dict(zip(names, ("1", "2268318", "2520377", "pv", "1511544070"), strict=True))
    )
    assert second.number == 2


def test_enriched_lines_of_snowplow_go_on_as_they_are(write: Write) -> None:
    line = b"\t".join(b"cell" for _ in range(131))

    assert [*rows_of(write("part-0", line + b"\n" + line + b"\n"))] == [Row(1, line), Row(2, line)]


def test_parquet_comes_with_its_types_as_json_has_them(tmp_path: Path) -> None:
    moment = datetime(2026, 7, 1, 7, 31, tzinfo=UTC)
    at = pa.array([moment, None], pa.timestamp("ns", "UTC"))
    local = pa.array([datetime(2026, 7, 1, 7, 31)] * 2, pa.timestamp("ns"))  # noqa: DTZ001 - so it is
    money = pa.array([Decimal("8.90"), Decimal(1)], pa.decimal128(10, 2))
    columns = {
        "id": [1.0, float("nan")],
        "at": at,
        "local": local,
        "price": money,
        "items": [[{"sku": "a", "at": moment}], []],
        "raw": [b"x", None],
    }
    path = tmp_path / "some"
    pq.write_table(pa.table(columns), path)

    first, second = rows_of(path)

    assert first.number == 1
    assert first.sent == {
        "id": 1.0,
        "at": "2026-07-01 07:31:00.000000000Z",
        "local": "2026-07-01 07:31:00.000000000",
        "price": "8.90",
        "items": [{"sku": "a", "at": "2026-07-01 07:31:00+00:00"}],
        "raw": "x",
    }
    assert isinstance(second.sent, dict)
    assert second.sent["at"] is None


def test_a_folder_is_its_files_by_name_but_for_what_is_not_content(
    write: Write, tmp_path: Path
) -> None:
    for name in ("b.jsonl", "a.csv", "sub/c.jsonl", "_SUCCESS", ".b.jsonl.crc"):
        write(name, lines() if "jsonl" in name else table())

    assert [Path(source.name).name for source in sources_of(str(tmp_path))] == [
        "a.csv",
        "b.jsonl",
        "c.jsonl",
    ]
    assert sent_in(tmp_path) == 3 * ROWS


def test_what_lies_at_a_url_is_read_where_it_lies() -> None:
    system = fsspec.filesystem("memory")
    for name in ("one.csv", "two.csv.gz"):
        system.pipe(f"/shop/{name}", gzip.compress(table()) if "gz" in name else table())

    assert sent_in("memory://shop/one.csv") == ROWS
    assert sent_in("memory://shop") == 2 * ROWS


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"1,2,3\n4,5,6\n", "its first line holds values"),
        (b"\0\0\0\0\7\x02ann", "framed by a schema registry"),
        (gzip.compress(lines())[:-20], "end-of-stream"),
        (gzip.compress(lines())[:20] + bytes(40), "CRC check failed"),
        (b"PAR1 and nothing more", "Parquet|magic|size"),
        (b'a,b\n"' + b"x" * 5_000_000, "field larger than"),
    ],
    ids=["no header", "framed", "cut", "damaged", "no Parquet", "endless"],
)
def test_what_cannot_be_read_is_told_with_its_name(write: Write, content: bytes, told: str) -> None:
    path = write("some.file", content)

    with pytest.raises(FileUnreadableError, match=rf"some\.file: .*({told})"):
        [*rows_of(path)]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadableError, match="there is no such file"):
        sources_of(str(tmp_path / "nothing"))
    with pytest.raises(FileUnreadableError, match="there is no such file"):
        sources_of("memory://nowhere/at/all")
    with pytest.raises(FileUnreadableError, match="nosuch"):
        sources_of("nosuch://bucket/file")


def test_a_document_that_is_too_large_is_not_held(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LARGEST_DOCUMENT", 1_000)

    with pytest.raises(FileUnreadableError, match="write it as JSON lines"):
        [*rows_of(write("large", json.dumps(100 * ROWS, indent=1).encode()))]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd])
def test_a_large_file_takes_no_more_memory_than_a_small_one(
    write: Write, pack: Callable[[bytes], bytes]
) -> None:
    path = write("large", pack(300_000 * b'{"item_id": "milk", "type": "click"}\n'))
    [*rows_of(write("small", pack(lines())))]  # whatever is made once

    tracemalloc.start()
    count = sum(1 for _ in rows_of(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert count == 300_000
    assert peak < 4_000_000


def test_the_same_content_has_the_same_digest_whatever_it_is_called(write: Write) -> None:
    (one,) = sources_of(str(write("a", table())))
    (same,) = sources_of(str(write("b", table())))
    (other,) = sources_of(str(write("c", lines())))

    assert one.digest() == same.digest() != other.digest()


def test_it_is_known_how_much_of_a_file_has_been_read(write: Write) -> None:
    (source,) = sources_of(str(write("a", 100_000 * b'{"a": 1}\n')))

    rows = source.rows()
    next(rows)

    assert source.size is not None
    assert 0 < source.position <= source.size


@pytest.mark.parametrize("magic", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"])
def test_a_workbook_is_told_to_be_saved_otherwise(tmp_path: Path, magic: bytes) -> None:
    file = tmp_path / "orders.xlsx"
    file.write_bytes(magic + bytes(100))
    (source,) = sources_of(str(file))

    with pytest.raises(FileUnreadableError, match=r"orders.xlsx: a workbook of Excel.*CSV"):
        [*source.rows()]
