"""An identity provider over HTTP: what its keys are (OpenID Connect Discovery, JWKS)."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus

import httpx
from pydantic import BaseModel, HttpUrl, TypeAdapter, ValidationError

from portrait.adapters.bounded_answer import read_bounded
from portrait.addresses import is_private_way
from portrait.errors import IssuerUnavailableError

LARGEST_ANSWER = 262_144  # bytes
ANSWER_SECONDS = 5.0
WELL_KNOWN = "/.well-known/openid-configuration"

_JSON = TypeAdapter(dict[str, object])


class _Configuration(BaseModel):
    issuer: str
    jwks_uri: HttpUrl


class IssuerClient:
    """Asks an issuer for its keys. Lives as long as the process."""

    def __init__(self, issuer: str, keys_url: str | None) -> None:
        """Name it.

        Args:
            issuer: Its URL, as tokens have it.
            keys_url: Where its keys are; None: where the issuer says.
        """
        self._issuer = issuer
        self._keys_url = keys_url

    async def keys(self) -> Mapping[str, object]:
        """Return its key set.

        Raises:
            IssuerUnavailableError: It does not answer, or not as an issuer does.
        """
        try:
            async with (
                asyncio.timeout(2 * ANSWER_SECONDS),
                httpx.AsyncClient(timeout=ANSWER_SECONDS) as client,
            ):
                url = self._keys_url or await self._discovered(client)
                return _JSON.validate_json(await _get(client, url))
        except (httpx.HTTPError, httpx.InvalidURL, ValidationError, TimeoutError) as error:
            raise IssuerUnavailableError(type(error).__name__) from None

    async def _discovered(self, client: httpx.AsyncClient) -> str:
        answer = await _get(client, self._issuer.rstrip("/") + WELL_KNOWN)
        told = _Configuration.model_validate_json(answer)
        if told.issuer != self._issuer:
            msg = "It calls itself by another name than PORTRAIT_OIDC_ISSUER."
            raise IssuerUnavailableError(msg)
        url = str(told.jwks_uri)
        if not is_private_way(url):
            msg = "Its keys are to be read without TLS."
            raise IssuerUnavailableError(msg)
        return url


async def _get(client: httpx.AsyncClient, url: str) -> bytes:
    async with client.stream("GET", url, headers={"Accept": "application/json"}) as answer:
        if answer.status_code != HTTPStatus.OK:
            msg = f"It answers {answer.status_code}."
            raise IssuerUnavailableError(msg)
        body = await read_bounded(answer, LARGEST_ANSWER)
        if body is None:
            msg = f"It answers with more than {LARGEST_ANSWER} bytes."
            raise IssuerUnavailableError(msg)
        return body
