"""A desk: read as a whole, and what is wrong in it is told with its line."""

import os
from pathlib import Path

import pytest

from portrait.errors import SettingsInvalidError
from portrait.helpdesk.passages import passages_of, write_passages
from portrait.helpdesk.read_desk import read_desk, stamp_of
from sandbox.processes import ROOT
from tests.support.desks import INTENTS, REPLIES, RULES, write_desk


def refusal(folder: Path) -> str:
    with pytest.raises(SettingsInvalidError) as refused:
        read_desk(folder)
    return str(refused.value)


def test_a_desk_is_read_as_it_is_written(tmp_path: Path) -> None:
    desk = read_desk(write_desk(tmp_path))

    assert [intent.id for intent in desk.intents] == ["delivery", "returning", "invoice"]
    assert [reply.id for reply in desk.replies][:2] == ["delivery-full", "delivery-short"]
    assert desk.by_example["my parcel is late"] == "delivery"
    assert len(desk.rules.hand_over) == 3


def test_the_desk_that_comes_with_portrait_is_right() -> None:
    desk = read_desk(ROOT / "deploy" / "help-desk")

    assert {reply.language for reply in desk.replies} == {"en", "zh"}


def test_a_desk_needs_no_rules(tmp_path: Path) -> None:
    write_desk(tmp_path)
    (tmp_path / "rules.yml").unlink()

    assert read_desk(tmp_path).rules.hand_over == ()


def test_another_text_is_another_version(tmp_path: Path) -> None:
    before = read_desk(write_desk(tmp_path)).version

    after = read_desk(write_desk(tmp_path, rules=RULES.replace("upset", "pleased"))).version

    assert before != after


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"intents": INTENTS.replace("id: returning", "id: delivery")},
            "intents.yml, line 6: `del",
        ),
        ({"intents": INTENTS.replace("id: invoice", "id: In voice")}, "intents.yml, line 9:"),
        ({"intents": "intents: []"}, "intents.yml, line 1:"),
        (
            {"intents": INTENTS.replace("name: an", "colour: 1\n    name: an")},
            "line 10: intents.2.co",
        ),
        ({"replies": REPLIES.replace("intent: returning", "intent: retuning")}, "line 15: `retun"),
        ({"replies": REPLIES.replace("{title} back", "it back")}, "the slot {title} is not in"),
        ({"replies": REPLIES.replace("on its way", "{near}")}, "the slot {near} has no source"),
        ({"replies": REPLIES.replace("constant.days", "constant.weeks")}, "no constant `weeks`"),
        ({"replies": REPLIES.replace("item.title", "item.colour")}, "item.colour is no source"),
        ({"replies": REPLIES.replace("item.title", "model.guess")}, "model.guess is no source"),
        ({"replies": REPLIES.replace("on its way", "{")}, "a brace is left open"),
        ({"replies": REPLIES.replace("{order_id} is", "{order_id!r} is")}, "written {like_this}"),
        ({"replies": REPLIES.replace("on its way", "late, you idiot")}, "it would hurt: `idiot`"),
        ({"replies": REPLIES.replace("正在路上", "去死吧")}, "it would hurt: `去死吧`"),
        ({"rules": RULES.replace("[invoice]", "[invoices]")}, "rules.yml, line 7: `invoices`"),
        ({"rules": "hand_over: [{because: x}]"}, "it names none of"),
    ],
)
def test_what_is_wrong_is_told_with_its_file_and_line(
    tmp_path: Path, changed: dict[str, str], told: str
) -> None:
    said = refusal(write_desk(tmp_path, **changed))

    assert said.startswith("PORTRAIT_HELP_DESK: ")
    assert ", line " in said
    assert told in said


def test_a_folder_that_is_no_desk_is_told(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"PORTRAIT_HELP_DESK: {tmp_path} has no intents.yml"


def test_a_line_of_help_that_is_no_passage_is_told(tmp_path: Path) -> None:
    write_desk(tmp_path)
    write_passages(tmp_path / "help" / "a.jsonl", passages_of("a.md", "A", "", "text"))
    with (tmp_path / "help" / "a.jsonl").open("a") as file:
        file.write('{"id": "0"}\n')

    assert "a.jsonl, line 2: " in refusal(tmp_path)


def test_a_change_is_noticed(tmp_path: Path) -> None:
    before = stamp_of(write_desk(tmp_path))
    os.utime(tmp_path / "rules.yml", (1, 1))

    assert stamp_of(tmp_path) != before
