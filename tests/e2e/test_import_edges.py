"""`portrait import edges` as a shop runs it: a file goes in, and what fits comes out of a list."""

import asyncio
import json
import subprocess
from pathlib import Path

import httpx
import pytest

from portrait.events.item import Item
from sandbox.processes import ROOT, python
from tests.support.patience import ANSWER_SECONDS
from tests.support.processes import (
    publish_items,
    running_portrait,
    until,
    with_path,
)

pytestmark = pytest.mark.e2e

RULE = {
    "id": "with-it",
    "where": {"linked": {"relation": "accessory_of", "to": "viewed"}},
    "do": {"pin": {}},
}


def test_a_file_of_pairs_brings_what_goes_with_an_item_into_its_list(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("from,relation,to\nlens,accessory_of,camera\n")
    items = [
        Item(id=id, title=f"{id} of glass", category=f"Shop > {id}")
        for id in ("lens", "camera", "tripod", "vase", "lamp", "cup")
    ]
    with running_portrait(tmp_path) as portrait:
        asyncio.run(publish_items(portrait.kafka, items))
        asyncio.run(until(portrait.is_ready, "the service is ready"))

        ran = subprocess.run(  # noqa: S603 - our own command line
            python("portrait", "import", "edges", str(pairs), "--yes"),
            env=with_path(portrait.settings),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        told = json.loads(ran.stdout.splitlines()[-1])
        assert told == {"read": 1, "edges": 1, "dead": 0, "version": 1}
        httpx.put(
            portrait.url + "/rules",
            json={"rules": [RULE]},
            headers={"If-Match": "*"},
            timeout=ANSWER_SECONDS,
        ).raise_for_status()

        def goes_with_it() -> bool:
            answer = portrait.post("/recommend", {"session": {"items": ["camera"]}, "limit": 2})
            first = answer["items"][0]
            return (first["item_id"], first["rules"]) == ("lens", ["with-it"])

        asyncio.run(until(goes_with_it, "the list has what goes with the item, and says why"))
