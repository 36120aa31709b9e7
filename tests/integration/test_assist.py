"""The help desk as a process: BERT, Redis and HTTP; what its page says, it does."""

import asyncio
import json
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.ports import free_port
from sandbox.processes import ROOT, python, running
from sandbox.servers import start_redis
from tests.support.chat_server import Chat, chatting
from tests.support.processes import asked, until

PAGE = (ROOT / "docs" / "assist.md").read_text()
EXAMPLES = re.findall(r"-d '(\{.*?\})'\n```\n\n```json\n(.*?)\n```", PAGE, re.DOTALL)
HELP = "# Delivery\n\nThree working days.\n\n# 配送\n\n三个工作日。\n"
SECRET = "ann.private@example.com"  # noqa: S105 - nobody's


@dataclass
class Desk:
    """A help desk that runs."""

    url: str
    folder: Path
    settings: dict[str, str]
    log: Path
    chat: Chat

    def post(self, path: str, sent: object) -> Any:  # noqa: ANN401 - parsed JSON
        return httpx.post(self.url + path, json=sent, timeout=30).raise_for_status().json()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return asked(self.settings, *arguments)

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder, port = tmp_path_factory.mktemp("desk"), free_port()
    shutil.copytree(ROOT / "deploy" / "help-desk", folder / "desk")
    (folder / "delivery.md").write_text(HELP)
    with start_redis(folder) as redis, chatting(Chat(says="no")) as chat:
        settings = {
            "PORTRAIT_REDIS_URL": redis,
            "PORTRAIT_ASSIST_PORT": str(port),
            "PORTRAIT_HELP_DESK": str(folder / "desk"),
            "PORTRAIT_ASSIST_MODELS": str(folder / "models"),
            "PORTRAIT_REPHRASE_URL": chat.url,
        }
        it = Desk(f"http://127.0.0.1:{port}", folder, settings, folder / "assist.log", chat)
        imported = it.run("help-desk", "import", str(folder / "delivery.md"))
        assert json.loads(imported.stdout) == {"passages": {"delivery.md": 2}}, imported.stderr
        with running(python("portrait", "assist"), it.log, settings) as process:
            asyncio.run(until(it.is_ready, "the help desk is ready"))
            yield it
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0


def is_part_of(shown: object, answered: object) -> bool:
    if isinstance(shown, Mapping) and isinstance(answered, Mapping):
        return all(is_part_of(each, answered.get(name)) for name, each in shown.items())
    return shown == answered


@pytest.mark.parametrize(("sent", "shown"), EXAMPLES)
def test_the_examples_of_its_page_are_answered_as_they_are_shown(
    desk: Desk, sent: str, shown: str
) -> None:
    answer = desk.post("/assist", json.loads(sent))

    assert is_part_of(json.loads(shown), answer), answer


def test_the_page_has_an_example_in_english_and_two_in_chinese() -> None:
    assert [json.loads(shown).get("language") for _, shown in EXAMPLES] == ["en", "zh", None]


def test_help_texts_are_found_in_both_languages(desk: Desk) -> None:
    english, chinese = (
        desk.post("/assist", {"message": text})["passages"][0]["text"]
        for text in ("How many working days does delivery take?", "配送要几个工作日")
    )

    assert (english, chinese) == ("Three working days.", "三个工作日。")


def test_other_words_that_add_something_are_not_sent(desk: Desk) -> None:
    sent = {"message": "I want to return these shoes."}
    desk.chat.says = "Sure, we pay you $50."
    refused = desk.post("/assist", sent)["reply"]
    desk.chat.says = "Of course: you have {days} days; print a label at {page}."
    taken = desk.post("/assist", sent)["reply"]

    assert refused["text"].startswith("You can send it back within 30 days.")
    assert taken["text"].startswith("Of course: you have 30 days")
    assert (refused["rephrased"], taken["rephrased"]) == (False, True)


def test_what_was_labelled_is_learned_and_serves_within_seconds(desk: Desk) -> None:
    said = {
        "invoice": "bill invoice receipt tax paper",
        "cancel_order": "cancel stop do not send forget",
        "payment_failed": "card declined charged payment failed",
    }
    labels = [
        {"text": f"{words.split()[at % 5]} {words.split()[(at + 1) % 5]} please {at}", "intent": id}
        for id, words in said.items()
        for at in range(12)
    ]
    assert desk.post("/labels", {"labels": labels}) == {"added": 36}

    ended = desk.run("assist", "train")

    told = json.loads(ended.stdout.splitlines()[-1])
    assert told["promoted"] is True, ended.stdout
    assert told["accuracy"] >= told["before"]

    def is_taken_up() -> bool:
        sent = {"message": "my card was refused at checkout"}
        answer = httpx.post(f"{desk.url}/assist", json=sent, timeout=30)  # on a busy machine: 503
        return answer.status_code == 200 and answer.json()["model_version"] == told["version"]

    asyncio.run(until(is_taken_up, "the model serves"))
    again = desk.run("assist", "train")
    assert json.loads(again.stdout.splitlines()[-1])["reason"] == "too few new labels"


def test_nothing_of_a_message_is_in_the_log_or_with_who_wrote_it_in_redis(desk: Desk) -> None:
    sent = {"message": f"Where is my parcel? {SECRET}", "user_id": SECRET}
    answer = desk.post("/assist", {**sent, "order": {"name": SECRET}})
    desk.post(f"/assist/{answer['assist_id']}/outcome", {"outcome": "edited", "text": SECRET})

    written = [path for path in desk.folder.rglob("*") if path.is_file()]
    assert [path for path in written if SECRET.encode() in path.read_bytes()] == []
    assert "parcel?" not in desk.log.read_text()


def test_a_desk_that_is_wrong_does_not_start_and_says_where(desk: Desk, tmp_path: Path) -> None:
    shutil.copytree(desk.folder / "desk", tmp_path / "desk")
    path = tmp_path / "desk" / "replies.yml"
    path.write_text(path.read_text().replace("order.due", "orders.due", 1))
    wrong = {**desk.settings, "PORTRAIT_HELP_DESK": str(tmp_path / "desk")}

    ended = [
        Desk(desk.url, desk.folder, wrong, desk.log, desk.chat).run(*asked)
        for asked in (("help-desk", "check"), ("assist",))
    ]

    assert [each.returncode for each in ended] == [2, 2]
    assert all("replies.yml, line 20: " in each.stdout + each.stderr for each in ended)
