"""Rights: Dora is given all that is kept of her, and then forgotten, which is proved to her."""

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
from aiokafka import AIOKafkaProducer

from demo.secure.installation import PAGES, Installation, wait
from demo.secure.shops import DEVICE, DORA, NORD, known, unreadable, visited, visits
from portrait.events.event import Action
from portrait.events.topics import event_topic
from portrait.shops.name import prefix_of

MINE = f"/profile/{DORA}"
LATER = [f"later-{number}" for number in range(24)]  # some in each of six partitions
HERS = len(visited()) + len(known())

Answer = Mapping[str, Any]  # parsed JSON of our own service


def live(it: Installation) -> None:
    """Let Dora visit, log in, search, buy and review; and one of her messages be broken."""
    it.of_shop(NORD, "POST", "/events", {"events": visited()}, PAGES).raise_for_status()
    wait(partial(_is_folded, it, f"/profile/anonymous:{DEVICE}", len(visited())), "a visitor")
    it.of_shop(NORD, "POST", "/events", {"events": known()}).raise_for_status()
    login = {"anonymous_id": DEVICE, "user_id": DORA}
    it.of_shop(NORD, "POST", "/identities", login).raise_for_status()
    asyncio.run(_send_unreadable(it.stage.servers.kafka))
    wait(partial(_is_folded, it, MINE, HERS), "Dora's profile is live")
    wait(partial(_is_archived, it), "the archive has what she did, and her letter is dead")


def export(it: Installation) -> bytes:
    """Return all that is kept of her, once it is gathered."""
    answers: list[httpx.Response] = []

    def is_there() -> bool:
        answers.append(it.of_shop(NORD, "GET", f"{MINE}/export"))
        return answers[-1].status_code == httpx.codes.OK

    wait(is_there, "the export is gathered")
    return answers[-1].content


def erase(it: Installation) -> Answer:
    """Ask for her to be forgotten, and follow the job until nobody sees anything of her."""
    job = str(it.of_shop(NORD, "DELETE", MINE).raise_for_status().json()["erasure"])
    path = f"/erasures/{job}"
    wait(lambda: it.of_shop(NORD, "GET", path).json().get("forgotten"), "she is forgotten")
    wait(lambda: it.is_read(NORD, f"{path}/receipt"), "the receipt is signed")
    told: Answer = it.of_shop(NORD, "GET", path).json()
    return told


def stays_forgotten(it: Installation, archive: Path) -> bool:
    """Let her come back, and many others after her, so that some follow hers in every partition.

    Returns:
        Whether nothing is known of her, once all of those are folded and archived.
    """
    acts = known()
    others = [
        act | {"event_id": f"{who}-{number}", "user_id": who}
        for who in LATER
        for number, act in enumerate(visits(NORD)[:1])
    ]
    it.of_shop(NORD, "POST", "/events", {"events": [*acts, *others]}).raise_for_status()
    for who in LATER:
        wait(partial(_is_folded, it, f"/profile/{who}", 1), "who comes later is folded")
    wait(lambda: set(LATER) <= users_in(archive), "who comes later is archived")
    return it.of_shop(NORD, "GET", MINE).status_code == httpx.codes.GONE


def users_in(archive: Path) -> set[str]:
    """Return whose events lie in the archive's files; a file that goes meanwhile is passed over."""
    users: set[str] = set()
    for file in archive.rglob("day=*/*.parquet"):
        with suppress(FileNotFoundError):
            users.update(pq.read_table(file, columns=["user"])["user"].to_pylist())
    return users


def is_verified(it: Installation, job: str, folder: Path) -> bool:
    """Verify the receipt with the public key alone; a receipt that somebody changed must fail."""
    public, receipt, changed = (
        folder / f"{name}" for name in ("key.pem", "receipt.json", "changed.json")
    )
    written = it.of_shop(NORD, "GET", f"/erasures/{job}/receipt").raise_for_status().text
    public.write_text(it.portrait("receipt", "key"))
    receipt.write_text(written)
    changed.write_text(json.dumps(_changed(json.loads(written))))
    good = it.tried("receipt", "verify", str(receipt), "--key", str(public))
    bad = it.tried("receipt", "verify", str(changed), "--key", str(public))
    if good.returncode or not bad.returncode:
        return False
    said = json.loads(good.stdout)
    return (said["job"], said["shop"]) == (job, NORD.name)


def _changed(written: dict[str, str]) -> dict[str, str]:
    """Say of somebody else what is said of her."""
    padded = written["payload"] + "=" * (-len(written["payload"]) % 4)
    said = json.loads(urlsafe_b64decode(padded)) | {"subject": "0" * 16}
    return written | {"payload": urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")}


def _folded(it: Installation, path: str) -> int:
    answer = it.of_shop(NORD, "GET", path)
    return int(answer.json()["events_folded"]) if answer.status_code == httpx.codes.OK else 0


def _is_folded(it: Installation, path: str, events: int) -> bool:
    return _folded(it, path) >= events


def _is_archived(it: Installation) -> bool:
    """Say whether an export would have everything that she has left by now."""
    whole = json.loads(it.tried("export", DORA, shop=NORD).stdout or "{}")
    return len(whole.get("archive", ())) > HERS and bool(whole.get("dead_letters"))


async def _send_unreadable(kafka: str) -> None:
    """Send what the service would have refused, as a producer of the shop's own may."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    topic = prefix_of(NORD.name) + event_topic(Action.CLICK)
    await producer.send_and_wait(topic, json.dumps(unreadable()).encode(), DORA.encode())
    await producer.stop()
