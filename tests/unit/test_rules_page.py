"""docs/rules.md: its example is what PUT /rules takes, and its bounds are those of the code."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from portrait.rules.condition import DEEPEST, MOST_ITEMS
from portrait.rules.rule import MOST_COLUMNS, MOST_RULES, Effect
from portrait.rules.store import MOST_BOOKS
from service.live import MOST_ASKED
from service.rules.schemas import RulesBody
from tests.unit.test_demo import shop as demo_shop

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text()


def test_its_example_can_be_put_and_shows_all_that_a_rule_does() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)

    body = RulesBody.model_validate_json(example)

    assert json.loads(example)["note"] == body.note
    assert {rule.do.kind for rule in body.rules} == set(Effect.model_fields)


def test_its_example_is_about_things_that_the_demo_sells() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    sold = demo_shop().items
    meant = [*_conditions(json.loads(example)["rules"])]

    asked = {name for each in meant for name in _several(each.get("category"))}
    ids = {id for each in meant for id in _several(each.get("items"))}

    assert len(asked) > 3
    assert ids
    assert ids <= {item["id"] for item in sold}
    for category in asked:
        assert any(f"{item['category']} > ".startswith(f"{category} > ") for item in sold), category


def _conditions(node: object) -> Iterator[dict[str, object]]:
    """Yield every object of a document, at any depth."""
    if isinstance(node, dict):
        yield node
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for each in inner:
        yield from _conditions(each)


def _several(said: object) -> list[str]:
    return [*map(str, said)] if isinstance(said, list) else [] if said is None else [str(said)]


def test_its_bounds_are_those_of_the_code() -> None:
    assert f"{MOST_RULES} rules, {MOST_COLUMNS} attributes" in PAGE
    assert f"{MOST_ITEMS:,} ids in a condition, {DEEPEST} conditions in each other" in PAGE
    assert f"The newest {MOST_BOOKS} versions are kept" in PAGE
    assert f"has answered ({MOST_ASKED}\nat most" in PAGE
