"""Edges between items: imported from files, and used by rules as facts and as a source."""

import json
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.catalogue.edges import Edge, Edges, Relation, tabled
from portrait.events.item import Item
from portrait.reading.files import sources_of
from portrait.ref import item_ref
from tests.support.asking import ids
from tests.support.catalogues import catalogue
from tests.support.processes import until
from tests.support.shop import Shop, open_shop
from tests.unit.test_service_rules import listed, named, put, rule
from workers.imports.edges import read_edges
from workers.imports.look import ImportRefusedError, is_agreed

PHONES = [Item(id=f"phone-{n}", title=f"phone {n}", category="Phones > All") for n in (1, 2)]
CASES = [Item(id=f"case-{n}", title=f"case {n}", category="Phones > Cases") for n in range(4)]
OTHER = [Item(id="toaster", title="toaster", category="Kitchen"), Item(id="plug", title="plug")]
ITEMS = [*PHONES, *CASES, *OTHER]
EDGES = [
    Edge("case-0", Relation.FITS, "phone-1"),
    Edge("case-1", Relation.FITS, "phone-1"),
    Edge("case-1", Relation.FITS, "phone-2"),
    Edge("case-2", Relation.FITS, "phone-2"),
    Edge("toaster", Relation.NEEDS, "plug"),
    Edge("case-9", Relation.FITS, "phone-1"),  # not in the catalogue
]
ONLY_THOSE_THAT_FIT = rule(
    "fits",
    {"exclude": True},
    where={
        "all": [
            {"category": "Phones > Cases"},
            {"not": {"linked": {"relation": "fits", "to": "had"}}},
        ]
    },
)
IDS = st.sampled_from("abcdef")


async def shop_of(*bought: str) -> Shop:
    shop = Shop()
    await shop.stock(*ITEMS)
    events = [{"type": "purchase", "item_id": id, "price": 1.0} for id in (*bought, "plug")]
    shop.remember("ann", *events, painted=catalogue(*ITEMS))
    await shop.edges.replace(tabled(EDGES))
    return shop


@pytest.mark.parametrize(
    ("bought", "cases"),
    [
        (["phone-1"], {"case-0", "case-1"}),
        (["phone-1", "phone-2"], {"case-0", "case-1", "case-2"}),
        (["toaster"], {"case-0", "case-1", "case-2", "case-3"}),  # no edge knows of it
    ],
)
async def test_a_case_is_offered_for_the_phone_that_one_has(
    bought: list[str], cases: set[str]
) -> None:
    async with open_shop(await shop_of(*bought)) as client:
        await put(client, ONLY_THOSE_THAT_FIT)
        answer = await listed(client, {"user_id": "ann", "limit": 20})

    assert {id for id in ids(answer) if id.startswith("case")} == cases


async def test_what_goes_with_the_viewed_item_comes_into_the_list_and_says_by_which_rule() -> None:
    least = rule(
        "with-it", {"pin": {"items": 2}}, where={"linked": {"relation": "fits", "to": "viewed"}}
    )
    needed = rule("needed", {"pin": {}}, where={"linked": {"relation": "needs", "of": "viewed"}})
    async with open_shop(await shop_of()) as client:
        await put(client, least, needed)
        phone = await listed(client, {"session": {"items": ["phone-2"]}, "limit": 3})
        toaster = await listed(client, {"session": {"items": ["toaster"]}, "limit": 3})
        nothing = await listed(client, {"limit": 3})

    assert {*ids(phone)[:2]} == {"case-1", "case-2"}
    assert named(phone) == {"case-1": ["with-it"], "case-2": ["with-it"]}
    assert (ids(toaster)[0], named(toaster)) == ("plug", {"plug": ["needed"]})
    assert nothing["rules"] == []


async def test_new_edges_are_taken_up_beside_the_rules() -> None:
    shop = await shop_of("phone-1")
    async with open_shop(shop) as client:
        await put(client, ONLY_THOSE_THAT_FIT)
        await shop.edges.replace(tabled([Edge("case-3", Relation.FITS, "phone-1")]))

        async def is_new() -> bool:
            return "case-3" in ids(await listed(client, {"user_id": "ann", "limit": 20}))

        await until(is_new, "the service follows edges")


@given(st.lists(st.tuples(IDS, st.sampled_from(Relation), IDS)), st.lists(IDS, max_size=3))
def test_edges_are_followed_from_either_end(
    drawn: list[tuple[str, Relation, str]], ends: list[str]
) -> None:
    edges = Edges.of(tabled([Edge(*each) for each in drawn]), 1)

    for relation in Relation:
        to = {one for one, kind, other in drawn if kind is relation and other in ends}
        of = {other for one, kind, other in drawn if kind is relation and one in ends}
        for found, expected in (
            (edges.to(relation, map(item_ref, ends)), to),
            (edges.from_(relation, map(item_ref, ends)), of),
        ):
            refs = [] if found is None else found.tolist()
            assert sorted(refs) == sorted(map(item_ref, expected))


def test_rows_are_read_and_those_that_are_none_are_counted_with_the_reason(tmp_path: Path) -> None:
    table, lines = tmp_path / "pairs.csv", tmp_path / "pairs.jsonl"
    table.write_text("from,relation,to\ncase-0,fits,phone-1\ncase-1,suits,phone-1\n,fits,x\n")
    lines.write_text(json.dumps({"item_id": 12, "type": "needs", "to": "plug"}) + "\n")

    found = read_edges([*sources_of(str(table)), *sources_of(str(lines))], "utf-8")

    assert found.edges == [
        Edge("case-0", Relation.FITS, "phone-1"),
        Edge("12", Relation.NEEDS, "plug"),
    ]
    told = [*found.lines()]
    assert told[0] == "4 rows: 2 edges, 2 dead"
    assert any("relation: enum" in line for line in told[1:])
    with pytest.raises(ImportRefusedError, match="are dead"):
        found.check(0.05)
    assert not is_agreed(Namespace(dry_run=True, yes=True), "")


def test_an_edge_twice_is_one() -> None:
    assert len(tabled([EDGES[0], EDGES[0]])) == 1
    assert np.unique(tabled(EDGES)).size == len(EDGES)
