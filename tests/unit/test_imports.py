"""Import: a look at all of it first, and what keeps it from being published."""

import json
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from portrait.reading.dialect import AS_SENT
from portrait.reading.files import sources_of
from portrait.reading.mapping import Mapped, Rule
from portrait.reading.records import Clock
from portrait.reading.report import Report
from tests.support.records import payload
from workers.imports import (
    ImportRefusedError,
    add_options,
    dead_rows_of,
    is_wanted,
    look,
    name_of,
)
from workers.summary import Summary
from workers.try_out import reader_of


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


async def looked(*files: Path) -> tuple[Summary, list[Report], Path]:
    options = asked(*map(str, files))
    sources = [source for file in files for source in sources_of(str(file))]
    taken: list[Report] = []
    dead = dead_rows_of(str(files[0]))
    read = reader_of(options, Clock.of_system(60_000), AS_SENT)
    return await look(sources, options, read, taken.append, dead), taken, dead.path


async def test_everything_is_read_and_what_is_dead_lies_beside_with_the_reason(
    tmp_path: Path,
) -> None:
    one = written(tmp_path, "one.jsonl", payload(), payload(item_id=None))
    two = written(tmp_path, "two.jsonl", {"type": "page", "messageId": "m"}, 7)

    summary, taken, dead = await looked(one, two)

    assert (summary.messages, summary.events, len(taken)) == (4, 1, 4)
    assert dead == tmp_path / "one.jsonl.dead.jsonl"
    assert [*map(json.loads, dead.read_text().splitlines())] == [
        {
            "file": str(one),
            "line": 2,
            "reason": "item_id: missing",
            "sent": json.dumps(payload(item_id=None)),
        },
        {"file": str(two), "line": 2, "reason": "payload: not a JSON object", "sent": "7"},
    ]


async def test_where_nothing_is_dead_there_is_no_file_of_it(tmp_path: Path) -> None:
    _, _, dead = await looked(written(tmp_path, "one.jsonl", payload()))

    assert not dead.exists()


async def test_where_nobody_may_write_the_dead_lie_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    file = written(tmp_path, "one.jsonl", {})
    (tmp_path / "one.jsonl.dead.jsonl").mkdir()  # nobody may write a file there, root neither
    monkeypatch.chdir(tmp_path / "here")

    _, _, dead = await looked(file)

    assert dead == Path("one.jsonl.dead.jsonl")
    assert (tmp_path / "here" / dead).exists()


async def test_what_lies_at_a_url_has_its_dead_here() -> None:
    assert dead_rows_of("s3://shop/log/2026.csv.gz").path == Path("2026.csv.gz.dead.jsonl")


async def test_too_many_dead_rows_are_a_reason_to_publish_nothing(tmp_path: Path) -> None:
    file = written(tmp_path, "one.jsonl", *[payload()] * 9, 7)
    summary, _, _ = await looked(file)
    dead = dead_rows_of(str(file))

    with pytest.raises(ImportRefusedError, match=r"10\.0% of the rows are dead, more than 5\.0%"):
        is_wanted(asked(str(file), "--yes"), summary, dead)

    assert is_wanted(asked(str(file), "--yes", "--dead-share", "0.1"), summary, dead)


async def test_it_is_published_only_where_somebody_says_so(tmp_path: Path) -> None:
    file = written(tmp_path, "one.jsonl", payload())
    summary, _, _ = await looked(file)
    dead = dead_rows_of(str(file))

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

    def name(*files: Path, dialect: object = AS_SENT, **options: object) -> str:
        wanted = asked(*map(str, files))
        for option, value in options.items():
            setattr(wanted, option, value)
        sources = [source for file in files for source in sources_of(str(file))]
        return name_of(sources, wanted, dialect)  # type: ignore[arg-type] # it is one

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
    assert len({*names}) == len(names)
