"""POST /assist and labels: what is asked, answered, learned, and refused."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from assist.schemas import AssistAnswer, NextLabels
from portrait.access.key import new_key
from portrait.access.scope import Scope
from portrait.events.consent import Consent, Purpose
from portrait.events.erasure import SUPPRESSING
from portrait.events.topics import ERASURES
from portrait.helpdesk.desk import Mood
from portrait.helpdesk.labels import Label
from portrait.helpdesk.passages import passages_of, write_passages
from portrait.helpdesk.rephrase import RephrasingError
from portrait.ref import user_ref
from service.access.guard import Guard
from service.access.rules import ASSIST_RULES, OPEN, RULES
from service.routing import ExactRoute
from tests.support.assisting import Assisting, open_assisting
from tests.support.catalogues import catalogue
from tests.support.desks import write_desk
from tests.support.records import FakeRecord
from tests.support.shop import Shop
from tests.support.streams import ListStream, memory_updater
from workers.update.worker import update

LATE = "my parcel is late, where is the order"
PATHS = {"assist_id": "1-0"}


@pytest.fixture
def assisting(tmp_path: Path) -> Assisting:
    return Assisting(tmp_path, Shop(impressions="answers"))


async def ask(client: httpx.AsyncClient, message: str, **more: object) -> dict[str, Any]:
    answer = await client.post("/assist", json={"message": message, **more})
    assert answer.status_code == 200, answer.text
    AssistAnswer.model_validate_json(answer.content)
    found: dict[str, Any] = answer.json()
    return found


async def test_a_message_is_understood_and_a_reply_filled_from_the_order(
    assisting: Assisting,
) -> None:
    async with open_assisting(assisting) as client:
        answer = await ask(client, LATE, order={"order_id": "A-17"})

    assert answer["intent"]["intent"] == "delivery"
    assert answer["read_by"] == "words"
    assert answer["reply"]["text"] == "Order A-17 is on its way."
    assert answer["reply"]["slots"] == [
        {"slot": "order_id", "source": "order.order_id", "value": "A-17"}
    ]
    assert answer["hand_over"] == {"yes": False, "because": []}


async def test_what_nobody_has_said_is_missing_and_not_made_up(assisting: Assisting) -> None:
    async with open_assisting(assisting) as client:
        answer = await ask(client, LATE)

    assert answer["reply"] is None
    assert answer["missing"] == ["order.name", "order.order_id", "order.due"]


async def test_what_is_unlike_everything_is_not_known(assisting: Assisting) -> None:
    async with open_assisting(assisting) as client:
        answer = await ask(client, "zebra bicycle universe")

    assert (answer["intent"], answer["do_not_know"]) == (None, True)
    assert answer["reply"] is None
    assert len(answer["likely"]) == 3


async def test_what_the_encoder_cannot_read_is_not_known_and_found_by_its_words(
    assisting: Assisting,
) -> None:
    desk = write_desk(assisting.folder / "desk")
    write_passages(desk / "help" / "a.jsonl", passages_of("a.md", "A", "a", "parcel post"))
    async with open_assisting(assisting) as client:
        answer = await ask(client, "parcel ??????????????????")

    assert (answer["do_not_know"], answer["likely"]) == (True, [])
    assert [each["text"] for each in answer["passages"]] == ["parcel post"]


async def test_a_chinese_message_gets_a_chinese_reply(assisting: Assisting) -> None:
    async with open_assisting(assisting) as client:
        answer = await ask(client, "我的 parcel late order", order={"order_id": "A-17"})

    assert (answer["language"], answer["reply"]["text"]) == ("zh", "订单 A-17 正在路上。")


async def test_a_message_is_redacted_before_it_is_kept_and_never_logged(
    assisting: Assisting,
) -> None:
    with capture_logs() as logs:
        async with open_assisting(assisting) as client:
            await ask(client, LATE + ", mail ann.private@example.com", user_id="ann.private")

    (message,) = assisting.labels.messages
    assert message.asked.text.endswith("mail [email]")
    assert "private" not in str(logs)
    assert "parcel" not in str(logs)


@pytest.mark.parametrize("word", ["withdrawn", "erased"])
async def test_a_message_is_not_kept_of_whoever_lets_nobody_learn_from_it(
    assisting: Assisting, word: str
) -> None:
    profiles = assisting.shop.profiles
    if word == "withdrawn":
        await profiles.agree({"ann": Consent(5, frozenset({Purpose.TRAINING}))})
    else:
        erasure = FakeRecord(ERASURES, SUPPRESSING, 0, key=b"ann")
        await update(ListStream([erasure]), await memory_updater(profiles=profiles))
    async with open_assisting(assisting) as client:
        hers = await ask(client, LATE, user_id="ann", order={"order_id": "A-17"})
        his = await ask(client, "i want to return it please", user_id="bob")

    assert (hers["assist_id"], hers["intent"]["intent"]) == (None, "delivery")
    (message,) = assisting.labels.messages
    assert (message.id, message.who) == (his["assist_id"], user_ref("bob"))


async def test_a_title_comes_from_the_catalogue(assisting: Assisting) -> None:
    await assisting.shop.stock()
    async with open_assisting(assisting) as client:
        known = await ask(client, "i want to return it please", item_id="milk")
        unknown = await ask(client, "i want to return it please", item_id="gold")

    assert known["reply"]["text"] == "You can send whole milk back within 30 days."
    assert (unknown["reply"], unknown["missing"]) == (None, ["item.title"])


async def test_who_answers_sees_who_writes(assisting: Assisting) -> None:
    await assisting.shop.stock()
    assisting.shop.remember(
        "ann",
        {"type": "purchase", "item_id": "tuna", "price": 2.5},
        {"type": "purchase", "item_id": "towels", "price": 3},
        {"type": "return", "item_id": "towels"},
        {"type": "review", "item_id": "tuna", "rating": 1},
        {"type": "click", "item_id": "milk"},
        painted=catalogue(),
    )
    async with open_assisting(assisting) as client:
        customer = (await ask(client, LATE, user_id="ann"))["customer"]
        nobody = await ask(client, LATE, user_id="bob")
        stranger = await ask(client, LATE)

    assert customer["cares_about"]
    assert {each["item_id"]: each["because"] for each in customer["avoid"]} == {
        "tuna": "bad review",
        "towels": "returned",
    }
    assert customer["bad_reviews_lately"] == 1
    assert {each["item_id"] for each in customer["offer"]} <= {"milk", "cheese", "beef"}
    assert customer["offer"]
    assert assisting.shop.publisher.messages == []  # it is no list that the customer has seen
    assert (nobody["customer"], stranger["customer"]) == (None, None)


async def test_who_is_upset_is_offered_nothing_and_a_person(assisting: Assisting) -> None:
    await assisting.shop.stock()
    assisting.shop.remember("ann", {"type": "click", "item_id": "milk"}, painted=catalogue())
    angry = LATE + ", this is terrible, the worst shop ever"
    async with open_assisting(assisting) as client:
        now = await ask(client, angry, user_id="ann")
        before = await ask(client, LATE, user_id="ann", earlier=[angry])

    assert [each["mood"] for each in (now, before)] == ["upset", "upset"]
    assert now["customer"]["offer"] == []
    assert now["hand_over"] == {"yes": True, "because": ["is upset"]}


async def test_an_anonymous_visitor_has_a_profile_as_well(assisting: Assisting) -> None:
    await assisting.shop.stock()
    assisting.shop.remember("v1", {"type": "click", "item_id": "milk"}, painted=catalogue())
    records = assisting.shop.profiles.records
    records["anonymous:v1"] = records.pop("v1")
    async with open_assisting(assisting) as client:
        answer = await ask(client, LATE, anonymous_id="v1")

    assert answer["customer"]["cares_about"]


async def test_a_persons_correction_sticks_to_these_very_words(assisting: Assisting) -> None:
    async with open_assisting(assisting) as client:
        first = await ask(client, LATE)
        sent = {"outcome": "refused", "intent": "invoice"}
        told = await client.post(f"/assist/{first['assist_id']}/outcome", json=sent)
        again = await ask(client, LATE.upper() + "!!")

    assert (told.status_code, told.json()) == (202, {"labelled": True})
    assert (again["intent"]["intent"], again["read_by"]) == ("invoice", "person")


async def test_none_of_these_sticks_as_well(assisting: Assisting) -> None:
    async with open_assisting(assisting) as client:
        await client.post("/labels", json={"labels": [{"text": LATE, "none_of_these": True}]})
        again = await ask(client, LATE)

    assert (again["do_not_know"], again["read_by"]) == (True, "person")


async def test_a_correction_counts_in_every_process(assisting: Assisting) -> None:
    label = Label(text=LATE, intent="invoice", at=datetime.now(UTC), by="other process")
    await assisting.labels.add([label])
    async with open_assisting(assisting) as client:
        again = await ask(client, LATE)

    assert again["intent"]["intent"] == "invoice"


@pytest.mark.parametrize(
    ("sent", "labelled"),
    [
        ({"outcome": "accepted"}, "delivery"),
        ({"outcome": "edited", "text": "call me: 138 0013 8000"}, "delivery"),
        ({"outcome": "edited", "intent": "invoice", "text": "x"}, "invoice"),
        ({"outcome": "refused", "intent": "invoice"}, "invoice"),
        ({"outcome": "refused"}, None),
    ],
)
async def test_an_outcome_is_a_label_where_it_says_what_was_meant(
    assisting: Assisting, sent: dict[str, str], labelled: str | None
) -> None:
    async with open_assisting(assisting) as client:
        first = await ask(client, LATE)
        await client.post(f"/assist/{first['assist_id']}/outcome", json=sent)

    assert [label.intent for _, label in assisting.labels.labels] == (
        [] if labelled is None else [labelled]
    )
    assert all("138" not in (label.reply or "") for _, label in assisting.labels.labels)


async def test_what_to_label_next_is_unlabelled_unsure_and_each_text_once(
    assisting: Assisting,
) -> None:
    async with open_assisting(assisting) as client:
        for message in (LATE, "parcel invoice return", "Parcel, invoice: return!", "send a bill"):
            await ask(client, message)
        await client.post("/labels", json={"labels": [{"text": LATE, "intent": "delivery"}]})
        answer = await client.get("/labels/next?task=intent&n=1")

    found = NextLabels.model_validate_json(answer.content)
    assert (found.pool, found.labelled) == (2, 1)
    assert [each.text for each in found.messages] == ["Parcel, invoice: return!"]


async def test_a_message_is_labelled_by_its_id(assisting: Assisting) -> None:
    async with open_assisting(assisting) as client:
        first = await ask(client, LATE)
        sent = {"labels": [{"message_id": first["assist_id"], "intent": "invoice"}]}
        told = await client.post("/labels", json=sent)

    assert told.json() == {"added": 1}
    assert [label.text for _, label in assisting.labels.labels] == [LATE]


@pytest.mark.parametrize(
    ("path", "sent", "pointer"),
    [
        ("/labels", {"labels": [{"text": "x", "intent": "nope"}]}, "#/labels/0/intent"),
        ("/labels", {"labels": [{"text": "x"}]}, "#/labels/0"),
        ("/labels", {"labels": [{"intent": "invoice"}]}, "#/labels/0"),
        ("/labels", {"labels": []}, "#/labels"),
        ("/assist", {"message": ""}, "#/message"),
        ("/assist", {"message": "x" * 2_001}, "#/message"),
        ("/assist", {"message": "x", "user_id": "a", "anonymous_id": "b"}, "#"),
        ("/assist", {"message": "x", "language": "English"}, "#/language"),
        ("/assist", {"message": "x", "order": {"a b": 1}}, "#/order/a b/[key]"),
        ("/assist", {"message": "x", "order": {"a": [1]}}, "#/order/a/constrained-str"),
        ("/assist/1-0/outcome", {"outcome": "accepted", "intent": "nope"}, "#/intent"),
        ("/assist/1-0/outcome", {"outcome": "liked"}, "#/outcome"),
    ],
)
async def test_a_wrong_request_is_told_where(
    assisting: Assisting, path: str, sent: dict[str, object], pointer: str
) -> None:
    async with open_assisting(assisting) as client:
        answer = await client.post(path, json=sent)

    assert answer.status_code == 422, answer.text
    assert pointer in [each.get("pointer") for each in answer.json()["errors"]]


async def test_an_answer_that_nobody_gave_has_no_outcome(assisting: Assisting) -> None:
    async with open_assisting(assisting) as client:
        answer = await client.post("/assist/1-0/outcome", json={"outcome": "accepted"})

    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:portrait:problem:message-not-found"


async def test_without_its_store_it_says_so(assisting: Assisting) -> None:
    async with open_assisting(assisting) as client:
        assisting.labels.is_down = True
        answer = await client.post("/assist", json={"message": LATE})
        assisting.shop.redis_is_down = True
        ready = await client.get("/readyz")

    assert (answer.status_code, ready.status_code) == (503, 503)
    assert ready.json()["down"] == ["redis"]


async def test_a_desk_that_becomes_wrong_is_told_and_the_one_before_serves_on(
    assisting: Assisting,
) -> None:
    async with open_assisting(assisting) as client:
        live = assisting.desk()
        await live.open()
        (assisting.folder / "desk" / "replies.yml").write_text("replies: 1\n")
        await live.follow_desk()
        answer = await ask(client, LATE, order={"order_id": "A-17"})

    assert answer["reply"]["text"] == "Order A-17 is on its way."
    (note,) = live.notes
    assert "replies.yml, line 1" in note


class Says:
    """A `Rephraser` that says one thing."""

    def __init__(self, words: str | None) -> None:
        self.words = words
        self.asked: list[tuple[str, str, Mood]] = []

    async def __call__(self, template: str, language: str, mood: Mood) -> str:
        self.asked.append((template, language, mood))
        if self.words is None:
            raise RephrasingError
        return self.words


@pytest.mark.parametrize(
    ("words", "text", "rephrased"),
    [
        ("We have sent {order_id}.", "We have sent A-17.", True),
        ("We have sent {order_id} for free.", "Order A-17 is on its way.", False),
        (None, "Order A-17 is on its way.", False),
    ],
)
async def test_other_words_are_taken_if_they_add_nothing(
    assisting: Assisting,
    words: str | None,
    text: str,
    rephrased: bool,  # noqa: FBT001
) -> None:
    says = Says(words)
    assisting.rephrase = says
    async with open_assisting(assisting) as client:
        answer = await ask(client, LATE, order={"order_id": "A-17"})

    assert (answer["reply"]["text"], answer["reply"]["rephrased"]) == (text, rephrased)
    assert says.asked == [("Order {order_id} is on its way.", "en", "neutral")]


async def test_what_a_person_takes_over_is_not_said_in_other_words(assisting: Assisting) -> None:
    says = Says("We have sent {order_id}.")
    assisting.rephrase = says
    async with open_assisting(assisting) as client:
        await ask(client, LATE + " human", order={"order_id": "A-17"})

    assert says.asked == []


async def test_every_route_has_a_rule_and_every_rule_a_route(assisting: Assisting) -> None:
    async with open_assisting(assisting) as client:
        document = (await client.get("/openapi.json")).json()
    named = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
    }

    shared = {("GET", "/livez"), ("GET", "/readyz"), ("GET", "/metrics")}
    assert named == {*ASSIST_RULES} | shared
    assert not {*ASSIST_RULES} & {*RULES}


@pytest.mark.parametrize(("method", "path", "rule"), [(*k, r) for k, r in ASSIST_RULES.items()])
async def test_a_route_asks_for_its_scope(
    assisting: Assisting, method: str, path: str, rule: str
) -> None:
    guard = Guard(assisting.shop.keys)
    now = datetime.now(UTC)
    others = [scope for scope in Scope if scope != rule]
    wrong, right = (new_key("test", scopes, now) for scopes in (others, [Scope(rule)]))
    for key, _ in (wrong, right):
        assisting.shop.keys.keys[key.id] = key
    await guard.read_keys()
    async with open_assisting(assisting, guard=guard) as client:
        answers = [
            await client.request(
                method,
                path.format(**PATHS),
                headers={} if token is None else {"authorization": f"Bearer {token}"},
            )
            for token in (None, wrong[1], right[1])
        ]

    assert rule != OPEN
    assert [answer.status_code for answer in answers][:2] == [401, 403]
    assert answers[2].status_code not in {401, 403}


def test_who_reads_profiles_does_not_read_what_others_wrote() -> None:
    labels = {path: rule for (_, path), rule in ASSIST_RULES.items() if path.startswith("/labels")}

    assert labels == {"/labels/next": Scope.MODELS_ADMIN, "/labels": Scope.MODELS_ADMIN}


def test_its_routes_are_the_exact_ones(assisting: Assisting) -> None:
    from assist.app import create_assist_app  # noqa: PLC0415

    app = create_assist_app(assisting.shop.parts, assisting.desk())

    assert {type(r) for r in app.routes if getattr(r, "path", "") == "/assist"} == {ExactRoute}
