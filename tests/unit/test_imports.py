"""Import: a look at all of it first, and what keeps it from being published."""

import json
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from portrait.reading.dialect import AS_SENT, Dialect, dialect_of
from portrait.reading.files import sources_of
from portrait.reading.mapping import Mapped, Rule
from portrait.reading.records import Clock
from portrait.settings import Settings
from tests.support.records import payload
from workers.imports.look import (
    DeadRows,
    ImportRefusedError,
    Rows,
    add_options,
    is_wanted,
    look,
    name_of,
    write_dead,
)
from workers.imports.summary import Summary

NAME = "2cf1402932a2b3ab0f49e75cfff58c4f"  # in every process; if not, FORMAT has to be another


def asked(*arguments: str, kind: str = "events") -> Namespace:
    parser = ArgumentParser()
    add_options(parser)
    options = parser.parse_args([kind, *arguments])
    options.items = kind == "items"
    return options


def written(folder: Path, name: str, *rows: object) -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def rows_of(*files: Path, dialect: Dialect = AS_SENT, **options: object) -> Rows:
    wanted = asked(*map(str, files))
    for option, value in options.items():
        setattr(wanted, option, value)
    sources = [source for file in files for source in sources_of(str(file))]
    return Rows(sources, wanted, Clock.of_system(60_000), dialect)


def looked(folder: Path, *files: Path) -> tuple[Summary, list[int], Path | None]:
    """Return what was read, the numbers of the rows, and where the dead lie."""
    numbers, advanced, dead = list[int](), list[int](), DeadRows(folder / "dead rows")
    rows = rows_of(*files)
    summary = look(rows, lambda number, _: numbers.append(number), dead, advanced.append)
    assert sum(advanced) == rows.bytes
    return summary, numbers, write_dead([dead.path], str(files[0]))


def test_everything_is_read_and_what_is_dead_lies_beside_with_the_reason(tmp_path: Path) -> None:
    one = written(tmp_path, "one.jsonl", payload(), payload(item_id=None))
    two = written(tmp_path, "two.jsonl", {"type": "page", "messageId": "m"}, [])

    summary, numbers, dead = looked(tmp_path, one, two)

    assert (summary.messages, summary.events, numbers) == (4, 1, [0, 1, 2, 3])
    assert dead == tmp_path / "one.jsonl.dead.jsonl"
    assert [*map(json.loads, dead.read_text().splitlines())] == [
        {
            "file": str(one),
            "line": 2,
            "reason": "item_id: missing",
            "sent": json.dumps(payload(item_id=None)),
        },
        {"file": str(two), "line": 2, "reason": "payload: no event in it", "sent": "[]"},
    ]


def test_where_nothing_is_dead_there_is_no_file_of_it(tmp_path: Path) -> None:
    assert looked(tmp_path, written(tmp_path, "one.jsonl", payload()))[2] is None


def test_where_nobody_may_write_the_dead_lie_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "one.jsonl.dead.jsonl").mkdir()  # nobody may write a file there, root neither
    monkeypatch.chdir(tmp_path / "here")

    _, _, dead = looked(tmp_path, written(tmp_path, "one.jsonl", {}))

    assert dead == Path("one.jsonl.dead.jsonl")
    assert dead.exists()


def test_what_lies_at_a_url_has_its_dead_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dead").write_text("0000000000000000 {}\n")

    assert write_dead([tmp_path / "dead"], "s3://shop/2026.gz") == Path("2026.gz.dead.jsonl")


def test_too_many_dead_rows_are_a_reason_to_publish_nothing(tmp_path: Path) -> None:
    file = written(tmp_path, "one.jsonl", *[payload()] * 9, {})
    summary, _, dead = looked(tmp_path, file)

    with pytest.raises(ImportRefusedError, match=r"10\.0% of the rows are dead, more than 5\.0%"):
        is_wanted(asked(str(file), "--yes"), summary, dead)

    assert is_wanted(asked(str(file), "--yes", "--dead-share", "0.1"), summary, dead)


def test_it_is_published_only_where_somebody_says_so(tmp_path: Path) -> None:
    file = written(tmp_path, "one.jsonl", payload())
    summary, _, dead = looked(tmp_path, file)

    assert is_wanted(asked(str(file), "--yes"), summary, dead)
    assert not is_wanted(asked(str(file), "--dry-run", "--yes"), summary, dead)
    with pytest.raises(ImportRefusedError, match="--yes"):
        is_wanted(asked(str(file)), summary, dead)


def test_an_import_is_named_by_its_content_and_how_that_is_read(tmp_path: Path) -> None:
    one, same = written(tmp_path, "a", 1), written(tmp_path, "b", 1)
    other = written(tmp_path, "c", 2)
    rule = Rule(name="x", when={"a": "said"}, fields={"type": "b"})
    mapped = replace(AS_SENT, mapped=Mapped((rule,)))
    zoned = replace(AS_SENT, zone=ZoneInfo("Asia/Shanghai"))

    def name(*files: Path, dialect: Dialect = AS_SENT, **options: object) -> str:
        return name_of(rows_of(*files, dialect=dialect, **options))

    names = [
        name(one),
        name(other),
        name(one, other),
        name(other, one),
        name(one, dialect=mapped),
        name(one, dialect=zoned),
        name(one, topic="cart"),
        name(one, kind="items"),
    ]
    assert name(same) == names[0]
    assert name(one, dialect=dialect_of(Settings())) == names[0]
    assert names[0] == NAME
    assert len({*names}) == len(names)
