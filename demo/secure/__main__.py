"""The demo of two shops that share an installation, `make demo-secure`: the last line is JSON.

shops and keys ─▶ both work, one service serves both ─▶ an intruder ─▶ an export ─▶ an erasure
               ─▶ its receipt ─▶ what is left behind
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from demo.__main__ import clear_logs, ending_said, interruptible
from demo.secure.installation import (
    OFFICER,
    PAGES,
    Installation,
    make_shops,
    open_installation,
    start_work,
    wait,
)
from demo.secure.intruder import Tried, all_attempts, attempts_on_erasure, intrude, own_reads
from demo.secure.left_behind import REDIS, Search, search, table
from demo.secure.rights import (
    Answer,
    erase,
    export,
    is_verified,
    live,
    stays_forgotten,
    users_in,
)
from demo.secure.shops import DEVICE, DORA, MARKS, PEOPLE, SHOPS, TOUCHED, Shop, visits
from demo.stage import step
from sandbox.processes import started

HERS = {DORA, f"anonymous:{DEVICE}"}


@dataclass(frozen=True, slots=True)
class Told:
    """What came out."""

    figures: Mapping[str, object]  # of the last line
    processes: Sequence[int]  # ids of all that ran
    tried: Tried
    before: Search
    after: Search

    @property
    def is_well(self) -> bool:
        """Whether everything is as a reviewer has to see it."""
        return (
            self.figures["shops"] == len(SHOPS)
            and self.tried.is_well
            and self.figures["erased"] is True
            and self.figures["receipt_verified"] is True
            and bool(self.before.found[REDIS])  # or the search finds nothing at all
            and self.figures["left_behind"] == 0
            and bool(self.figures["exported_bytes"])
        )


def main() -> None:
    """Run the demo."""
    argparse.ArgumentParser(prog="python -m demo.secure", description=__doc__).parse_args()
    interruptible()
    try:
        with ExitStack() as stack, ending_said():
            told = run(stack, clear_logs())
        print(f"\nStopped by their ids: {', '.join(map(str, told.processes))}.")
    except KeyboardInterrupt:
        print("Stopped; nothing is left running.")
        sys.exit(0)
    print(json.dumps(told.figures))
    sys.exit(0 if told.is_well and not started() else 1)  # nothing is left running


def run(stack: ExitStack, folder: Path) -> Told:
    """Take every step in order.

    Args:
        stack: What is started ends with it.
        folder: For logs, archive and models.
    """
    print("Two shops share one Kafka, one Redis and one service. Who can read what?\n")
    it = open_installation(stack, folder)
    print("\n1. An operator makes the shops and their keys. Each key is shown this once.")
    make_shops(it)
    tried = Tried()
    with ExitStack() as working:
        shops = _open_both(working, it)
        _show_intruder(it, tried)
        before, exported, job = _forget(it, folder)
        attempts = attempts_on_erasure(it, str(job["id"]))
        intrude(it, tried, attempts)
        refused = tried.refused[attempts[0].how]
        print(f"    The other shop asks for job and receipt: {refused} of {len(attempts)} refused")
        erased, verified = _prove(it, folder, str(job["id"]))
        ids = [process.pid for process in started()]
        metrics = it.metrics()
    after = search(it.stage.servers.redis, folder, metrics)
    _show_left(before, after, job)
    figures = {
        "shops": shops,
        "foreign_reads_refused": tried.refused.total(),
        "foreign_reads_answered": tried.answered.total(),
        "erased": erased,
        "receipt_verified": verified,
        "left_behind": len(after.all_left),
        "exported_bytes": len(exported),
    }
    return Told(figures, ids, tried, before, after)


def _open_both(working: ExitStack, it: Installation) -> int:
    """Let both shops work. Returns in how many a profile is live."""
    print("\n2. Workers of each shop, and one service with PORTRAIT_ACCESS=keys for both.")
    with step("    Starting them, and sending each shop its catalogue"):
        start_work(working, it)
        for shop in SHOPS:
            wait(partial(it.is_read, shop, "/readyz"), "the service is ready")
            for id, item in shop.items.items():
                it.of_shop(shop, "PUT", f"/items/{id}", item).raise_for_status()
    with step("    Sending each shop its events: of its server, and of its pages by a public key"):
        for shop in SHOPS:
            half = len(visits(shop)) // 2
            for kind, events in ((OFFICER, visits(shop)[:half]), (PAGES, visits(shop)[half:])):
                asked = {"events": events}
                it.of_shop(shop, "POST", "/events", asked, kind).raise_for_status()
    live_in = 0
    for shop in SHOPS:
        wait(partial(_is_live, it, shop), f"profiles of {shop.name} are live")
        profile = it.of_shop(shop, "GET", f"/profile/{PEOPLE[0]}").json()
        newest = profile["recent"][0]["title"]
        print(f"    {shop.name}: {PEOPLE[0]}'s profile is live, {newest!r} is the newest in it")
        live_in += shop.secret in newest
    return live_in


def _is_live(it: Installation, shop: Shop) -> bool:
    """Say whether everybody's profile has all that was sent, painted by a model."""
    answers = [it.of_shop(shop, "GET", f"/profile/{who}") for who in PEOPLE]
    return all(
        answer.status_code == httpx.codes.OK
        and answer.json()["events_folded"] == TOUCHED
        and answer.json()["model_version"]
        for answer in answers
    )


def _show_intruder(it: Installation, tried: Tried) -> None:
    """Let Dora come, so that there is something to read, then let the intruder try."""
    with step(f"    {DORA} visits, logs in, searches, buys and reviews; all of it is marked"):
        live(it)
    print("\n3. An intruder tries to read what is another's.")
    own = own_reads(it)
    print(f"    With the right keys all of it is read: {own} of {own}.")
    intrude(it, tried, all_attempts(it))
    print(f"    {'':<50} refused  answered")
    for how in {**tried.refused, **tried.answered}:
        print(f"    {how:<50} {tried.refused[how]:7} {tried.answered[how]:9}")
    for each in tried.unclear:
        print(f"      neither: {each}")


def _forget(it: Installation, folder: Path) -> tuple[Search, bytes, Answer]:
    """Give Dora all that is kept of her, and forget her."""
    print(f"\n4. {DORA} asks for all that is kept of her, and then to be forgotten.")
    before = search(it.stage.servers.redis, folder, it.metrics())
    exported = export(it)
    whole = json.loads(exported)
    print(
        f"    GET /profile/{DORA}/export: {len(exported):,} bytes;"
        f"\n      {len(whole['profiles'])} profiles, {len(whole['archive'])} rows of the archive,"
        f" {len(whole['dead_letters'])} dead letter, {len(whole['audit'])} line of the audit log"
    )
    job = erase(it)
    print(f"    DELETE /profile/{DORA}: job {job['id']} says of each place")
    for place, told in job["places"].items():
        until = f" until {told['at'][:10]}" if told["state"] == "expires" else ""
        print(f"      {place:<15} {told['state']}{until}")
    return before, exported, job


def _prove(it: Installation, folder: Path, job: str) -> tuple[bool, bool]:
    """Prove it to her. Returns whether she is erased, and whether the receipt is verified."""
    print("\n5. She verifies the signed receipt with the public key alone, and comes back.")
    verified = is_verified(it, job, folder)
    print(f"    verified, and refused when one word of it is changed: {_said(verified)}")
    erased = stays_forgotten(it, folder / "archive")
    print(f"    GET /profile/{DORA} is 410, also after she clicked again: {_said(erased)}")
    with step("    Waiting until the archive's files are swept"):
        wait(lambda: not HERS & users_in(folder / "archive"), "the archive is swept")
    return erased, verified


def _show_left(before: Search, after: Search, job: Answer) -> None:
    """Print what was found of her."""
    print(f"\n6. Everything that was left behind is searched for {len(MARKS)} marks of hers.")
    print(table(before, after))
    ends = {
        place: told["at"][:10]
        for place, told in job["places"].items()
        if "expires" in told["state"]
    }
    print(
        "    Kafka's own log is not searched: nobody can remove single messages from it. Events are"
        f" gone by {ends['event_log']},\n    dead letters by {ends['dead_letters']}, notices by"
        f" {ends['notices']}, as deploy/topics.yml says and the receipt promises."
    )


def _said(is_so: bool) -> str:  # noqa: FBT001 - it is what is said
    return "yes" if is_so else "NO"


if __name__ == "__main__":
    main()
