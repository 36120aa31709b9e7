"""A language model over HTTP: `POST /chat/completions`, as OpenAI's API has it."""

import asyncio
from datetime import timedelta
from http import HTTPStatus

import httpx
from pydantic import BaseModel, Field, SecretStr, ValidationError

from portrait.adapters.bounded_answer import read_bounded
from portrait.helpdesk.desk import Mood
from portrait.helpdesk.rephrase import RephrasingError
from portrait.privacy.redact import redacted

LARGEST_ANSWER = 65_536  # bytes
MOST_TOKENS = 600
TEMPERATURE = 0.3
ASKED = (
    "You rephrase a shop's reply to a customer. Keep its language, its meaning and every word in "
    "braces, such as {order_id}, exactly. Add no fact, number, name, link, promise or apology that "
    "is not there. Answer with the reply alone. The customer is %s."
)


class _Said(BaseModel):
    content: str


class _Choice(BaseModel):
    message: _Said


class _Answer(BaseModel):
    choices: tuple[_Choice, ...] = Field(min_length=1)


class RephraserClient:
    """A `Rephraser`. Lives as long as the process; close it at the end."""

    def __init__(self, url: str, model: str, key: SecretStr | None, patience: timedelta) -> None:
        """Name it.

        Args:
            url: The API's, up to before `/chat/completions`.
            model: Which model.
            key: What is shown; None: nothing.
            patience: How long an answer may take, all in all.
        """
        shown = {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}
        self._url = url.rstrip("/") + "/chat/completions"
        self._model = model
        self._patience = patience.total_seconds()
        self._client = httpx.AsyncClient(
            timeout=self._patience, headers=shown, follow_redirects=False, trust_env=False
        )

    async def __call__(self, template: str, language: str, mood: Mood) -> str:
        """Ask for a template in other words; one try."""
        body = {
            "model": self._model,
            "messages": [
                {"role": "system", "content": ASKED % mood + f" The language is {language}."},
                {"role": "user", "content": redacted(template)},
            ],
            "temperature": TEMPERATURE,
            "max_tokens": MOST_TOKENS,
        }
        try:
            async with asyncio.timeout(self._patience):
                answer = _Answer.model_validate_json(await self._asked(body))
        except TimeoutError:
            msg = "it does not answer in time"
            raise RephrasingError(msg) from None
        except (httpx.HTTPError, httpx.InvalidURL, ValidationError) as error:
            raise RephrasingError(type(error).__name__) from None
        return answer.choices[0].message.content.strip()

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def _asked(self, body: dict[str, object]) -> bytes:
        async with self._client.stream("POST", self._url, json=body) as answer:
            if answer.status_code != HTTPStatus.OK:
                msg = f"it answers {answer.status_code}"
                raise RephrasingError(msg)
            said = await read_bounded(answer, LARGEST_ANSWER)
            if said is None:
                msg = f"it answers with more than {LARGEST_ANSWER} bytes"
                raise RephrasingError(msg)
            return said
