"""A language model over a real socket: what it is sent, and what is done if it does not answer."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from pydantic import SecretStr

from portrait.adapters.rephraser_client import LARGEST_ANSWER, RephraserClient
from portrait.helpdesk.rephrase import RephrasingError
from tests.support.chat_server import Chat, chatting

TEMPLATE = "Your order {order_id} is on its way."


@pytest.fixture
def chat() -> Iterator[Chat]:
    with chatting(Chat(says=" We have sent {order_id}. ")) as running:
        yield running


async def asked(chat: Chat, template: str = TEMPLATE, *, seconds: float = 5) -> str:
    client = RephraserClient(chat.url, "small", SecretStr("geheim"), timedelta(seconds=seconds))
    try:
        return await client(template, "en", "upset")
    finally:
        await client.close()


async def test_it_is_asked_as_the_api_has_it_and_sees_the_template_alone(chat: Chat) -> None:
    said = await asked(chat)

    assert said == "We have sent {order_id}."
    (sent,) = chat.sent
    assert (sent["path"], sent["model"]) == ("/v1/chat/completions", "small")
    system, user = sent["messages"]
    assert user == {"role": "user", "content": TEMPLATE}
    assert "upset" in system["content"]
    assert chat.keys == ["Bearer geheim"]


async def test_what_names_a_person_in_a_template_does_not_leave(chat: Chat) -> None:
    await asked(chat, "Call 138 0013 8000 about {order_id}.")

    assert "138" not in json.dumps(chat.sent)


async def test_who_takes_too_long_is_not_waited_for(chat: Chat) -> None:
    chat.pause = 0.5

    with pytest.raises(RephrasingError, match="in time"):
        await asked(chat, seconds=0.1)


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (500, b"{}", "500"),
        (200, b"no", "ValidationError"),
        (200, b'{"choices": []}', "ValidationError"),
        (200, b"x" * (LARGEST_ANSWER + 1), "more than"),
        (302, b"", "302"),
    ],
)
async def test_any_other_answer_is_none(chat: Chat, status: int, body: bytes, told: str) -> None:
    chat.status, chat.body = status, body

    with pytest.raises(RephrasingError, match=told):
        await asked(chat)


async def test_one_that_is_away_is_told_without_its_key(chat: Chat) -> None:
    gone = Chat(url="http://127.0.0.1:9/v1")

    with pytest.raises(RephrasingError) as refused:
        await asked(gone)

    assert str(refused.value) == "ConnectError"
    assert chat.sent == []
