"""Consent, export, erasure and its receipt, as a shop's data-protection officer asks for them.

Every process of a Portrait with an archive, on a real broker and a real Redis; at the end
everything that they left behind is searched for what was planted in it.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
from joserfc.jwk import OKPKey
from jsonschema import Draft202012Validator

from demo.secure.marks import in_redis
from portrait.ref import user_ref
from sandbox.processes import ROOT
from tests.support.patience import ANSWER_SECONDS
from tests.support.processes import (
    Portrait,
    asked,
    catalogue,
    producing,
    publish_items,
    running_portrait,
    until,
    worker,
)

pytestmark = pytest.mark.e2e

MARK = "xq7zmark"  # in every id and every text of hers
ANN, BOB, EVE = f"ann-{MARK}", "bob", "eve"
VISITOR = f"anonymous:c-{MARK}"  # she, before she logged in
WORDS = f"cheese {MARK}"
SCHEMA = json.loads((ROOT / "docs" / "export.schema.json").read_text())


@dataclass
class Shop:
    """A running shop with an archive, and the key of its receipts."""

    portrait: Portrait
    folder: Path
    settings: dict[str, str]

    def command(self, *arguments: str) -> str:
        ended = asked(self.settings, *arguments)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def send(self, method: str, path: str, body: object = None) -> httpx.Response:
        return httpx.request(method, self.portrait.url + path, json=body, timeout=ANSWER_SECONDS)

    def status_of(self, user: str) -> int:
        return self.portrait.get(f"/profile/{user}").status_code

    def wait(self, holds: object, what: str) -> None:
        assert callable(holds)
        asyncio.run(until(holds, what))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("privacy")
    key = folder / "receipts.pem"
    key.write_bytes(OKPKey.generate_key("Ed25519").as_pem(private=True))
    with ExitStack() as stack:
        portrait = stack.enter_context(running_portrait(folder))
        settings = portrait.settings | {
            "PORTRAIT_ARCHIVE_URL": str(folder / "archive"),
            "PORTRAIT_ARCHIVE_WAIT": "PT0.2S",
            "PORTRAIT_ARCHIVE_TIDY": "PT1S",
            "PORTRAIT_RECEIPT_KEY_FILE": str(key),
        }
        for name in ("archive", "experiments"):
            stack.enter_context(worker(name, settings, folder))
        asyncio.run(publish_items(portrait.kafka, catalogue(20)))
        asyncio.run(until(portrait.is_ready, "the service is ready"))
        yield Shop(portrait, folder, settings)


def acts(user: str, count: int = 3) -> list[dict[str, object]]:
    events: list[dict[str, object]] = [
        {"type": "click", "user_id": user, "item_id": f"item-{n}"} for n in range(count)
    ]
    return [*events, {"type": "search", "user_id": user, "text": WORDS if user == ANN else "tea"}]


def export_of(shop: Shop, user: str) -> Any:  # noqa: ANN401 - parsed JSON
    answers: list[httpx.Response] = []

    def is_there() -> bool:
        answers.append(shop.portrait.get(f"/profile/{user}/export"))
        return answers[-1].status_code == 200

    shop.wait(is_there, "the export is gathered")
    assert answers[0].status_code == 202
    whole = answers[-1].json()
    Draft202012Validator(SCHEMA).validate(whole)
    return whole


def test_consent_counts_within_moments_and_can_be_given_again(shop: Shop) -> None:
    shop.portrait.post("/events", {"events": acts(EVE)})
    shop.portrait.profile(EVE, 4)
    no = {"personalisation": False, "analytics": True, "training": True}

    assert shop.send("PUT", f"/profile/{EVE}/consent", no).status_code == 202
    shop.wait(lambda: shop.status_of(EVE) == 403, "nobody reads the profile")
    asked = shop.portrait.post("/recommend", {"user_id": EVE})
    assert asked["strategy"] == "not_personalised"

    yes = dict.fromkeys(no, True)
    shop.send("PUT", f"/profile/{EVE}/consent", yes)
    shop.wait(lambda: shop.status_of(EVE) == 200, "it is read again")
    assert shop.portrait.post("/recommend", {"user_id": EVE})["strategy"] == "profile"
    said = shop.portrait.get(f"/profile/{EVE}/consent").json()
    assert said["purposes"] == yes


def test_somebody_is_given_all_that_is_kept_of_them_forgotten_and_comes_back(shop: Shop) -> None:
    for user in (ANN, BOB):
        shop.portrait.post("/events", {"events": acts(user)})
        shop.portrait.profile(user, 4)
    broken = {"type": "click", "user_id": ANN, "item_id": "item-1", "occurred_at": "2126-01-01"}
    asyncio.run(_publish(shop.portrait.kafka, "events.click", ANN, json.dumps(broken)))
    visited = {"type": "click", "anonymous_id": f"c-{MARK}", "item_id": "item-7"}
    shop.portrait.post("/events", {"events": [visited]})
    shop.portrait.post("/identities", {"anonymous_id": f"c-{MARK}", "user_id": ANN})
    shop.portrait.profile(ANN, 5)
    shop.wait(
        lambda: len(printed(shop, ANN)["archive"]) == 6,
        "the archive has her events, and that she logged in",
    )
    shop.wait(lambda: printed(shop, ANN)["dead_letters"], "the letter is there")
    shop.portrait.post("/recommend", {"user_id": ANN})
    shop.send("POST", f"/profile/{ANN}/unwanted", {"brand": MARK})
    shop.wait(lambda: printed(shop, ANN)["lists"], "what comes of her lists is counted")
    shop.wait(lambda: printed(shop, ANN)["profiles"][0]["unwanted"], "she does not want it")

    whole = export_of(shop, ANN)
    assert whole["profiles"][0]["searched"] == [WORDS]
    assert [each["key"] for each in whole["profiles"]] == [ANN, VISITOR]
    assert {row["user"] for row in whole["archive"]} == {ANN, VISITOR}
    assert len(whole["dead_letters"]) == 1
    asked = [line["what"] for line in whole["audit"]]
    assert {*asked} == {"portrait export", "GET /profile/{user_id}/export"}
    assert asked.count("GET /profile/{user_id}/export") == 1
    assert BOB not in json.dumps(whole["archive"])

    erasure = shop.send("DELETE", f"/profile/{ANN}").json()["erasure"]
    shop.wait(lambda: shop.status_of(ANN) == 410, "the profile is gone")
    shop.portrait.post("/events", {"events": acts(ANN)})

    def told() -> Any:  # noqa: ANN401 - parsed JSON
        return shop.portrait.get(f"/erasures/{erasure}").json()

    shop.wait(lambda: told()["forgotten"], "she is forgotten everywhere")
    job = told()
    assert job["places"]["dead_letters"]["found"] == 1
    assert job["places"]["lists"]["state"] == "gone"
    assert job["places"]["model"]["state"] == "gone"  # the first one has learned of nobody
    receipt, public = shop.folder / "receipt.json", shop.folder / "public.pem"
    receipt.write_text(shop.portrait.get(f"/erasures/{erasure}/receipt").text)
    public.write_text(shop.command("receipt", "key"))
    verified = json.loads(shop.command("receipt", "verify", str(receipt), "--key", str(public)))
    assert (verified["job"], verified["subject"]) == (erasure, f"{user_ref(ANN):016x}")
    assert verified["places"]["archive"]["state"] in {"hidden", "gone"}
    assert shop.status_of(ANN) == 410
    assert shop.portrait.profile(BOB, 4)["events_folded"] == 4
    left = printed(shop, ANN)
    assert (left["archive"], left["lists"], left["profiles"][0]["unwanted"]) == ([], [], [])

    left_behind(shop)

    shop.send("DELETE", f"/suppressions/{ANN}")
    shop.wait(lambda: shop.status_of(ANN) == 404, "it is lifted")
    shop.portrait.post("/events", {"events": acts(ANN, 1)})
    assert shop.portrait.profile(ANN, 2)["events_folded"] == 2


def left_behind(shop: Shop) -> None:
    """Look for what was planted, wherever it has no business to be.

    The broker's own files are left out, and the dead letter with them: it says until when.
    """
    processes = ("index", "update", "service", "archive", "experiments")
    logs = {name: (shop.folder / f"{name}.log").read_text() for name in processes}
    shown = {name: shop.portrait.get(name).text for name in ("/metrics", "/models", "/audit")}
    files = {
        str(path): path.read_bytes().decode(errors="replace")
        for folder in ("models", "cache")
        for path in (shop.folder / folder).rglob("*")
        if path.is_file()
    }
    missed = (
        shop.portrait.get("/items/none").text
        + shop.send("POST", "/events", {"type": MARK, "user_id": ANN}).text
    )
    for where, text in {**logs, **shown, **files, "errors": missed}.items():
        assert MARK not in text, where
    assert files

    found = in_redis(shop.portrait.redis, {"hers": MARK})
    named, holding = (
        {each.where.removeprefix("database 0: ") for each in found if each.is_name is is_name}
        for is_name in (True, False)
    )
    records = {f"profile:{{{ANN}}}", f"profile:{{{ANN}}}:own", f"profile:{{{VISITOR}}}"}
    erased = {f"unwanted:{{{user}}}" for user in (ANN, VISITOR)}  # the moment, and no word
    assert named <= {*records, *erased, f"device:{{c-{MARK}}}", f"devices:{{{ANN}}}"}
    assert f"profile:{{{ANN}}}" in named
    # On which devices she was seen is kept beside, so that a replay forgets those again, too.
    assert holding <= {f"devices:{{{ANN}}}"}
    rows = [path for path in (shop.folder / "archive").rglob("day=*/*.parquet") if user_rows(path)]
    shop.wait(lambda: not any(map(user_rows, existing(rows))), "the files are swept")


def existing(paths: list[Path]) -> list[Path]:
    return [path for path in paths if path.exists()]


def user_rows(path: Path) -> bool:
    """Say whether a file holds a row of hers."""
    try:
        users = pq.read_table(path, columns=["user"])["user"].to_pylist()
        return not {ANN, VISITOR}.isdisjoint(users)
    except FileNotFoundError:
        return False


def printed(shop: Shop, user: str) -> Any:  # noqa: ANN401 - parsed JSON
    """What `portrait export` prints."""
    whole = json.loads(shop.command("export", user))
    Draft202012Validator(SCHEMA).validate(whole)
    return whole


async def _publish(kafka: str, topic: str, key: str, value: str) -> None:
    async with producing(kafka) as producer:
        await producer.send_and_wait(topic, value.encode(), key.encode())
