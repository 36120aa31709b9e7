"""The contract in docs/asyncapi.yaml: that it is well formed, true, and complete."""

import json
import warnings
from importlib import import_module
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7

from portrait.errors import RecordInvalidError
from portrait.events.event import Action
from portrait.events.letter import dead_letter
from portrait.events.topics import (
    DEAD,
    FOLDED,
    IDENTITIES,
    IMPRESSIONS,
    ITEMS,
    NOTICES,
    OPINION_ALERTS,
    OPINIONS,
    SEGMENTS,
    action_of,
    event_topic,
    read_topics,
)
from portrait.profiles.facts import Facts
from portrait.profiles.notice import notices
from portrait.reading.records import Clock, read_record
from tests.support.generated import ASYNCAPI, ROOT, with_schemas
from tests.support.records import RECEIVED, FakeRecord, one_event, one_item

HERE = "urn:portrait:contract"
CLOCK = Clock(RECEIVED, 300_000)
CONTRACT: dict[str, Any] = yaml.safe_load(ASYNCAPI.read_text())
TOPICS = read_topics(ROOT / "deploy" / "topics.yml")
CHANNELS: dict[str, Any] = {each["address"]: each for each in CONTRACT["channels"].values()}
MESSAGES: dict[str, Any] = CONTRACT["components"]["messages"]
EXAMPLES = [
    pytest.param(message, example, id=f"{message}-{example['name']}")
    for message, described in MESSAGES.items()
    for example in described.get("examples", [])
]
REGISTRY: Registry[Any] = Registry().with_resource(HERE, DRAFT7.create_resource(CONTRACT))


def test_the_contract_is_a_valid_asyncapi_document() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # asyncapi3 has a field named `schema`, and pydantic minds
        document = import_module("asyncapi3").AsyncAPI3

    assert document.model_validate(CONTRACT).asyncapi == "3.0.0"


def test_the_schemas_are_those_of_the_models() -> None:
    document = ASYNCAPI.read_text()

    assert document == with_schemas(document), "run: python -m tests.support.generated"


def test_every_topic_is_a_channel_with_its_partitions_and_its_configuration() -> None:
    declared = {
        topic.name: (topic.partitions, TOPICS.replication, _as_bound(topic.config))
        for topic in TOPICS.topics
    }

    assert {address: _bound(channel) for address, channel in CHANNELS.items()} == declared


def test_every_topic_of_the_code_is_declared() -> None:
    known = {*FOLDED, ITEMS, DEAD, NOTICES, OPINIONS, OPINION_ALERTS, IMPRESSIONS, SEGMENTS}
    assert set(CHANNELS) == known


def test_all_topics_keyed_by_user_have_the_same_number_of_partitions() -> None:
    by_user = {*FOLDED}

    assert len({topic.partitions for topic in TOPICS.topics if topic.name in by_user}) == 1


@pytest.mark.parametrize("action", Action)
def test_every_action_has_an_example(action: Action) -> None:
    assert MESSAGES[action]["examples"]
    assert CHANNELS[event_topic(action)]["messages"]["plain"] == _ref("messages", action)


def test_every_reference_leads_somewhere() -> None:
    resolver = REGISTRY.resolver(HERE)

    assert all(resolver.lookup(reference) for reference in _references(CONTRACT))


@pytest.mark.parametrize(("message", "example"), EXAMPLES)
def test_every_example_keeps_its_schema(message: str, example: dict[str, Any]) -> None:
    for part in {"payload", "headers"} & set(MESSAGES[message]):
        _validator(message, part).validate(example.get(part, {}))  # headers may be left out


@pytest.mark.parametrize("action", Action)
def test_every_example_of_an_action_is_read_as_that_action(action: Action) -> None:
    for example in MESSAGES[action]["examples"]:
        assert one_event(json.dumps(example["payload"]).encode()).type is action


@pytest.mark.parametrize("name", ["identify", "unlink"])
def test_every_example_of_who_is_who_is_read_as_that(name: str) -> None:
    for example in MESSAGES[name]["examples"]:
        said = read_record(FakeRecord(IDENTITIES, json.dumps(example["payload"]).encode()), CLOCK)

        (login,) = said.logins
        assert login.anonymous_id == example["payload"]["anonymous_id"]
        assert login.user_id == example["payload"].get("user_id")


@pytest.mark.parametrize("form", ["structured", "binary"])
def test_cloud_events_are_read_with_all_that_their_attributes_say(form: str) -> None:
    for example in MESSAGES[form]["examples"]:
        headers = [(name, value.encode()) for name, value in example.get("headers", {}).items()]

        event = one_event(json.dumps(example["payload"]).encode(), headers)

        assert (event.type, event.user_id, event.item_id) == (Action.CLICK, "u-1", "tea-0042")


def test_every_example_of_an_item_is_read() -> None:
    for example in MESSAGES["item"]["examples"]:
        assert one_item(json.dumps(example["payload"]).encode()).id == example["payload"]["id"]


def test_a_dead_letter_has_the_headers_and_the_reason_that_its_example_shows() -> None:
    (example,) = MESSAGES["letter"]["examples"]
    headers, payload = example["headers"], example["payload"].encode()
    with pytest.raises(RecordInvalidError) as error:
        one_event(payload, action=action_of(headers["portrait-topic"]))
    record = FakeRecord(
        headers["portrait-topic"],
        payload,
        int(headers["portrait-offset"]),
        int(headers["portrait-partition"]),
        int(headers["portrait-timestamp"]),
    )

    letter = dead_letter(record, str(error.value))

    assert dict(letter.headers) == {name: value.encode() for name, value in headers.items()}
    assert letter.value == payload


def test_a_notice_is_what_the_contract_says() -> None:
    facts = Facts.empty(2)
    facts.head["totals"][0, 0] = 1  # the other has been erased

    for message in notices(["u-1", "u-2"], facts.head, "5a1f4d0c9e8b7a63"):
        _validator("notice", "payload").validate(json.loads(message.value or b""))


def _validator(message: str, part: str) -> Draft7Validator:
    schema = {"$ref": f"{HERE}#/components/messages/{message}/{part}"}
    return Draft7Validator(schema, registry=REGISTRY)


def _bound(channel: dict[str, Any]) -> tuple[int, int, dict[str, Any]]:
    bindings = channel["bindings"]
    if "$ref" in bindings:
        bindings = REGISTRY.resolver(HERE).lookup(bindings["$ref"]).contents
    kafka = bindings["kafka"]
    return kafka["partitions"], kafka["replicas"], kafka["topicConfiguration"]


def _as_bound(config: dict[str, str | int]) -> dict[str, Any]:
    """Write a topic's configuration as AsyncAPI does: the clean-up policies are a list."""
    return {name: [value] if name == "cleanup.policy" else value for name, value in config.items()}


def _ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def _references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [found for value in node.values() for found in _references(value)]
    if isinstance(node, list):
        return [found for value in node for found in _references(value)]
    return []
