"""docs/event-schema.md: that what it tells engineers of a shop is so."""

import ast
import json
import re

import pytest
from pydantic import AliasChoices, BaseModel

from portrait.events.event import Action, Event
from portrait.events.item import Item
from portrait.events.topics import event_topic
from portrait.model.kinds import DISLIKED, LIKED
from portrait.reading.decode import decode
from portrait.reading.events import read_events
from portrait.reading.names import CHINESE
from portrait.reading.records import Clock
from portrait.segments.segment import Change, Crossing
from portrait.settings import Settings
from service.schemas import MOST_EVENTS
from tests.support.generated import ROOT, with_vocabularies
from tests.support.records import FakeRecord, one_event

PAGE = (ROOT / "docs" / "event-schema.md").read_text()
BLOCKS = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
CHANGE = '"change_id"'  # what is told of segments, and is no event
EIGHT = 1_782_892_800_000  # 2026-07-01T08:00:00Z
GOOD = {
    "event_id": "e-1",
    "type": "click",
    "user_id": "u-1",
    "item_id": "tea-0042",
    "occurred_at": "2026-07-01T07:31:00Z",
}
REFUSED: dict[str, bytes | None] = {
    "payload: empty": None,
    "payload: not UTF-8 JSON": b"\xff",
    "payload: not a JSON object": b"7",
    "payload: framed with schema 12, and no schema registry is set (PORTRAIT_SCHEMA_REGISTRY)": (
        b"\0\0\0\0\x0c\x06e-1"
    ),
    "payload: larger than 65536 bytes": b" " * 65_537,
    "data: not a JSON object": b'{"specversion": "1.0", "id": "e-1", "data": "tea"}',
    "type: unknown action": json.dumps(GOOD | {"type": "liked"}).encode(),
    "type: missing": json.dumps({k: v for k, v in GOOD.items() if k != "type"}).encode(),
    "user_id: missing": json.dumps(GOOD | {"user_id": None}).encode(),
    "item_id: missing": json.dumps(GOOD | {"item_id": None}).encode(),
    "text: missing": json.dumps(GOOD | {"type": "search", "text": " "}).encode(),
    "event_id: missing": json.dumps({k: v for k, v in GOOD.items() if k != "event_id"}).encode(),
    "occurred_at: missing": json.dumps(
        {k: v for k, v in GOOD.items() if k != "occurred_at"}
    ).encode(),
    "occurred_at: datetime_from_date_parsing": json.dumps(
        GOOD | {"occurred_at": "yesterday"}
    ).encode(),
    "occurred_at: in the future": json.dumps(
        GOOD | {"occurred_at": "2026-07-01T08:06:00Z"}
    ).encode(),
    "occurred_at: before 1970": json.dumps(GOOD | {"occurred_at": "1969-12-31T23:00:00Z"}).encode(),
    "event_id: string_too_long": json.dumps(GOOD | {"event_id": "e" * 129}).encode(),
    "payload: no event in it": b"[]",
    "payload: more than 1000 products in one": json.dumps(
        {name: value for name, value in GOOD.items() if name != "item_id"}
        | {"products": [{"id": n} for n in range(1_001)]}
    ).encode(),
}


def test_every_field_of_an_event_is_in_the_table() -> None:
    assert _first_column("| field | required |") == list(Event.model_fields)


def test_every_field_of_an_item_is_in_the_table() -> None:
    assert set(_first_column("| field | in `items` |")) == set(Item.model_fields)


def test_every_action_is_in_the_table_with_its_topic() -> None:
    table = _table("| action | topic |")

    assert {row[0]: row[1] for row in table} == {f"`{a}`": f"`{event_topic(a)}`" for a in Action}


def test_every_other_name_of_a_field_is_told() -> None:
    assert [name for name in _aliases(Event) | {"name"} if f"`{name}`" not in PAGE] == []


def test_the_vocabularies_are_told_as_the_code_reads_them() -> None:
    assert with_vocabularies(PAGE) == PAGE


def test_the_example_of_a_change_is_one() -> None:
    (block,) = (each for each in BLOCKS if CHANGE in each)

    assert Change.model_validate_json(block).change is Crossing.ENTERED


@pytest.mark.parametrize("block", [each for each in BLOCKS if CHANGE not in each])
def test_every_example_is_an_event(block: str) -> None:
    said = read_events(block.encode())
    assert said.events
    assert not said.refusals


@pytest.mark.parametrize(
    "attribute", ["ce_specversion", "ce_id", "ce_type", "ce_subject", "ce_time"]
)
def test_the_headers_of_a_binary_cloud_event_are_told(attribute: str) -> None:
    assert f"`{attribute}`" in PAGE


def test_the_reasons_are_those_of_the_table() -> None:
    others = {"timestamp: missing", "timestamp: in the future", "internal: ZeroDivisionError"}
    others |= {"payload: schema 12 is unknown to the registry", "payload: does not fit schema 12"}
    others |= {"key: names nobody, or several"}
    others |= {'type: what it says is not among the values of "orders"'}

    assert set(_first_column("| reason | because |")) == set(REFUSED) | others


@pytest.mark.parametrize(("reason", "payload"), REFUSED.items(), ids=REFUSED)
def test_what_is_wrong_is_refused_with_its_reason(reason: str, payload: bytes | None) -> None:
    topic = "another.topic" if reason.startswith("type") else "events.click"

    (batch,) = decode(
        [FakeRecord(topic, payload, timestamp=EIGHT)],
        clock=Clock.of_system(300_000),
        most_tokens=1_000,
    )

    (letter,) = batch.dead
    assert dict(letter.headers)["portrait-reason"] == reason.encode()
    assert letter.value == payload


def test_the_example_of_a_wrong_clock_counts_when_the_page_says() -> None:
    payload = GOOD | {"occurred_at": "2026-07-01T07:35:00Z", "sent_at": "2026-07-01T08:05:00Z"}
    record = FakeRecord("events.click", json.dumps(payload).encode(), timestamp=EIGHT)

    (batch,) = decode([record], clock=Clock.of_system(300_000), most_tokens=1_000)

    assert "An event of 07:35 sent at 08:05 and received at 08:00 has happened at 07:30." in PAGE
    assert batch.columns["event"]["at"].tolist() == [EIGHT - 30 * 60_000]


def test_the_limits_that_the_page_tells_are_those_of_the_code() -> None:
    minutes = Settings.model_fields["future_tolerance"].default.total_seconds() / 60

    assert minutes == 5
    assert "By more than five minutes of Kafka's clock" in PAGE
    assert f"or up to {MOST_EVENTS} as" in PAGE
    assert f"From {LIKED // 10} up it speaks for the item, from {DISLIKED // 10} down" in PAGE


def test_the_commands_send_events() -> None:
    bodies = re.findall(r"-d '(.*?)'", PAGE, re.DOTALL) + re.findall(r"%s\\n' '(.*?)'", PAGE)

    assert [one_event(body.encode()).event_id for body in bodies] == ["first-1", "first-2"]


def test_the_python_example_compiles() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

    assert ast.parse(program)


def test_the_chinese_names_are_all_named() -> None:
    (line,) = [each for each in PAGE.splitlines() if each.startswith("Chinese names are known")]
    known, passed_over = line.split(";")

    assert set(re.findall(r"[\u4e00-\u9fff]+", known)) == set(CHINESE.actions)
    assert set(re.findall(r"[\u4e00-\u9fff]+", passed_over)) == set(CHINESE.passed_over)


def _table(heading: str) -> list[list[str]]:
    """Return the cells of the table whose heading begins so."""
    rows = PAGE.split(heading)[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def _first_column(heading: str) -> list[str]:
    return [row[0].strip("`") for row in _table(heading)]


def _vendor_rows() -> list[tuple[str, str]]:
    tables = PAGE.split("| theirs | ours |\n")[1:]
    rows = [row for table in tables for row in table.split("\n\n")[0].splitlines()[1:]]
    cells = [row.strip("|").split("|") for row in rows]
    return [(theirs.strip(), ours.strip()) for theirs, ours in cells]


def _aliases(model: type[BaseModel]) -> set[str]:
    return {
        str(name)
        for field in model.model_fields.values()
        if isinstance(field.validation_alias, AliasChoices)
        for name in field.validation_alias.choices
    }
