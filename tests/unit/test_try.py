"""`portrait try`: an engineer who knows the shop alone sees what becomes of its messages."""

import json
import subprocess
from argparse import ArgumentParser, Namespace
from pathlib import Path

import pytest

from portrait.reading.dialect import AS_SENT
from portrait.reading.files import Row
from portrait.reading.records import Clock
from sandbox.processes import ROOT, python
from tests.support.vocabularies import SEGMENT
from workers.imports.summary import LEFT_OUT, MOST_KINDS, UNKNOWN, Summary
from workers.imports.try_out import SHORT, add_options, look, trier_of

AT = "2026-07-01 07:31:00+00:00"
CLOCK = Clock(1_790_000_000_000, 60_000)  # a try of a large file goes on for longer than that
CALL = {"messageId": "m", "userId": "ann", "timestamp": "2026-07-01T07:31:00Z"}
TEA = {"product_id": "tea", "name": "Sencha", "price": 8.9, "quantity": 2}
SESSION = [
    CALL | {"type": "page"},
    CALL | {"type": "track", "event": "Product Viewed", "properties": TEA | {"quantity": -1}},
    CALL | {"type": "track", "event": "Loyalty Joined", "properties": {}},
    CALL | {"type": "track", "event": "Products Searched", "properties": {"query": "green tea"}},
    CALL | {"type": "track", "event": "Order Completed", "properties": {"products": [TEA, TEA]}},
    CALL | {"type": "track", "event": "Product Added", "properties": {}},
]


def tried(path: Path, *arguments: str) -> tuple[bool, list[str]]:
    """Return whether nothing is dead, and the lines that are told."""
    parser, lines = ArgumentParser(), list[str]()
    add_options(parser)
    asked = parser.parse_args([str(path), *arguments])
    return look(asked, trier_of(asked, CLOCK, AS_SENT), lines.append), lines


@pytest.fixture
def session(tmp_path: Path) -> Path:
    path = tmp_path / "session.jsonl"
    path.write_text("".join(json.dumps(message) + "\n" for message in SESSION))
    return path


def test_a_table_tells_message_by_message_what_it_is_read_as(session: Path) -> None:
    is_sound, lines = tried(session)

    table, summary = lines[: lines.index("")], lines[lines.index("") + 1 :]
    assert not is_sound
    told = [" ".join(line.split()) for line in table]
    assert told[1:3] == [
        "1 page passed over",
        f'2 Product Viewed read browse of tea by ann, {AT}, price 8.9, "Sencha"',
    ]
    assert told[3] == "left out: quantity (greater_than_equal)"
    assert told[4] == f"3 Loyalty Joined passed over {UNKNOWN}"
    assert told[5].startswith('4 Products Searched read search of "green tea" by ann')
    assert told[6].startswith("5 Order Completed read purchase of tea by ann")
    assert told[7].startswith("purchase of tea by ann")
    assert told[8] == "6 Product Added dead item_id: missing"
    assert summary[0] == "6 messages: 3 read, 2 passed over, 1 dead"
    rows = [" ".join(line.split()) for line in summary]
    assert "1 Order Completed read purchase" in rows
    assert "1 Product Added dead item_id: missing" in rows
    assert "1 left out: quantity (greater_than_equal)" in rows
    assert summary[-1] == LEFT_OUT


def test_what_is_read_whole_is_told_so_and_nothing_is_explained_that_is_not_there(
    tmp_path: Path,
) -> None:
    path = tmp_path / "one.json"
    path.write_text(json.dumps(SESSION[3]))

    is_sound, lines = tried(path)

    assert is_sound
    assert not any("dead:" in line or "passed over:" in line for line in lines)


def test_as_json_there_is_an_object_a_message(session: Path) -> None:
    _, lines = tried(session, "--json")

    page, viewed, _, _, order, added = map(json.loads, lines)
    assert page == {"end": "passed_over", "events": [], "left_out": {}, "reason": "page"}
    assert viewed["left_out"] == {"quantity": "greater_than_equal"}
    assert [event["event_id"] for event in order["events"]] == ["m:0", "m:1"]
    assert (added["end"], added["reason"]) == ("dead", "item_id: missing")


def test_the_short_form_of_http_is_told_to_be_that_and_how_kafka_wants_it(tmp_path: Path) -> None:
    short = {"type": "purchase", "user_id": "ann", "item_id": "tea"}
    timed, wrong = {**short, "occurred_at": "2026-07-01T07:31:00Z"}, {**short, "item_id": ""}
    path = tmp_path / "short.json"
    path.write_text(
        json.dumps({"events": [short]})
        + "\n"
        + "".join(json.dumps(each) + "\n" for each in (timed, {"type": "purchase"}, wrong))
    )

    is_sound, lines = tried(path, "--json")
    _, table = tried(path)

    whole, timed_alone, nobodys, none = [json.loads(line)["reason"] for line in lines]
    assert not is_sound  # on Kafka it is dead
    assert whole == f"event_id: missing; occurred_at: missing ({SHORT})"
    assert timed_alone == f"event_id: missing ({SHORT})"
    assert SHORT not in nobodys + none  # over HTTP that is refused, too
    assert whole in "\n".join(table)


def test_items_are_tried_as_items(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("id,title,category,price,stock,deleted\ntea,Sencha,Tea,8.9,0,\npot,,,,,true\n")

    _, lines = tried(path, "--items", "--json")
    _, table = tried(path, "--items")

    read, gone = map(json.loads, lines)
    assert read == {
        "end": "read",
        "events": [],
        "items": [
            {"id": "tea", "title": "Sencha", "category": "Tea", "price": 8.9, "available": False}
        ],
        "withdrawn": [],
        "left_out": {},
        "reason": None,
    }
    assert gone["withdrawn"] == ["pot"]
    assert any('tea, "Sencha", Tea, price 8.9, not available' in line for line in table)
    assert any("pot is withdrawn" in line for line in table)


def test_only_the_first_are_shown_and_all_are_counted(session: Path) -> None:
    _, table = tried(session, "--most", "2")
    _, objects = tried(session, "--most", "2", "--json")

    assert "… and 4 more: --most" in table
    assert "6 messages: 3 read, 2 passed over, 1 dead" in table
    assert len(objects) == 2


def test_the_topic_says_what_was_done(tmp_path: Path) -> None:
    path = tmp_path / "carts.csv"
    path.write_text("event_id,user_id,item_id,time\n1,ann,tea,2026-07-01 07:31\n")

    assert tried(path)[0] is False
    for name in ("events.cart", "cart"):
        is_sound, (line,) = tried(path, "--topic", name, "--json")
        assert is_sound
        assert json.loads(line)["events"][0]["type"] == "cart"
    with pytest.raises(SystemExit):
        tried(path, "--topic", "carts")


def test_of_a_folder_each_file_is_named(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(json.dumps(SESSION[0]))

    _, lines = tried(tmp_path)

    assert [Path(line[:-1]).name for line in lines if line.endswith(".json:")] == [
        "a.json",
        "b.json",
    ]


def test_what_producers_wrote_commands_no_terminal(tmp_path: Path) -> None:
    path = tmp_path / "evil.jsonl"
    evil = "\x1b[2J\u202e\n"
    product = {"product_id": "tea", "name": evil, "quantity": "x"}
    path.write_text(
        json.dumps(CALL | {"type": "track", "event": evil, "properties": {}})
        + "\n"
        + json.dumps(CALL | {"type": "track", "event": "Product Viewed", "properties": product})
    )

    _, lines = tried(path)

    assert all(line.isprintable() for line in lines)


def test_producers_who_invent_names_do_not_fill_the_memory() -> None:
    summary = Summary()
    read = trier_of(_asked(), CLOCK, AS_SENT)
    for number in range(2 * MOST_KINDS):
        summary.add(read(_row(number)))

    assert len(summary.kinds) <= MOST_KINDS + 1
    assert sum(summary.kinds.values()) == 2 * MOST_KINDS


def _asked() -> Namespace:
    parser = ArgumentParser()
    add_options(parser)
    return parser.parse_args(["-"])


def _row(number: int) -> Row:
    return Row(number, CALL | {"type": "track", "event": f"Made up {number}", "properties": {}})


def run(*arguments: str, sent: bytes = b"", **settings: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603 - our own
        python("portrait", "try", *arguments),
        env={"PATH": "/usr/bin:/bin", **settings},
        cwd=ROOT,
        input=sent,
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_the_command_reads_standard_input_and_says_by_its_code_whether_anything_is_dead() -> None:
    order = json.dumps(SEGMENT.examples[0].sent).encode()

    sound = run("-", "--json", sent=order)
    dead = run("-", sent=order + b"\n{}\n")

    assert (sound.returncode, sound.stderr) == (0, b"")
    assert json.loads(sound.stdout)["end"] == "read"
    assert dead.returncode == 1
    assert b"2 messages: 1 read, 0 passed over, 1 dead" in dead.stdout


def test_the_command_reads_as_the_settings_and_the_mapping_say(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(
        "datum;kunde;artikel;bezeichnung;warengruppe;aktion;menge;preis\n"
        '01.07.2026 09:31;K-1;4711;Sencha;12;KAUF;2;"8,90"\n'
    )
    mapping = str(ROOT / "deploy" / "mappings" / "csv-log.yml")

    ended = run(str(log), "--mapping", mapping, "--json", PORTRAIT_TIME_ZONE="Europe/Berlin")

    (event,) = json.loads(ended.stdout)["events"]
    assert (event["type"], event["price"], event["quantity"]) == ("purchase", 8.9, 2)
    assert event["occurred_at"] == "2026-07-01T09:31:00+02:00"
    assert event["item"]["category"] == "Lebensmittel > Tee"


def test_a_file_that_cannot_be_read_is_told_in_a_sentence(tmp_path: Path) -> None:
    ended = run(str(tmp_path / "nothing.csv"), PORTRAIT_LOG_FORMAT="json")

    assert ended.returncode == 1
    assert b"nothing.csv: there is no such file" in ended.stderr
    assert b"Traceback" not in ended.stderr


def test_who_has_seen_enough_of_it_may_close_the_pipe(tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    path.write_text(20_000 * (json.dumps(SESSION[0]) + "\n"))
    command = f"{' '.join(python('portrait', 'try', str(path), '--json'))} | head -1"

    ended = subprocess.run(  # noqa: S602 - our own
        command, shell=True, cwd=ROOT, capture_output=True, timeout=60, check=True
    )

    assert json.loads(ended.stdout)["end"] == "passed_over"
    assert ended.stderr == b""


def test_a_table_without_rows_is_told_as_one(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text("event_id,user_id\n")

    _, lines = tried(path)

    assert "the first line is taken for the names of columns" in "\n".join(lines)
