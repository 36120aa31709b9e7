"""A schema registry over HTTP: the API of Confluent, which Apicurio, Karapace and others have, too.

Anything but a clear answer is none: no schema is taken for unknown because a proxy says 404.

Source: https://docs.confluent.io/platform/current/schema-registry/develop/api.html.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated, TypeVar
from urllib.parse import quote, unquote

import httpx
from pydantic import BaseModel, BeforeValidator, Field, HttpUrl, ValidationError

from portrait.adapters.bounded_answer import read_bounded
from portrait.adapters.reach import why_unreachable
from portrait.errors import SchemaInvalidError, SchemasUnavailableError
from portrait.settings import variable

LARGEST_SCHEMA = 524_288  # bytes of an answer
TOO_LARGE = f"is larger than {LARGEST_SCHEMA} bytes"
ANSWER_SECONDS = 10.0
CONNECTIONS = 8

_TYPES = "application/vnd.schemaregistry.v1+json, application/json"
_NOT_FOUND = {40401, 40402, 40403}  # codes of errors: no such subject, version, schema
_REFUSED = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
_Answer = TypeVar("_Answer", bound=BaseModel)


class Reference(BaseModel):
    """Another schema that one uses."""

    name: str  # how it is called there
    subject: str
    version: int


class StoredSchema(BaseModel):
    """A schema as the registry keeps it."""

    kind: str = Field("AVRO", alias="schemaType")
    text: str = Field(alias="schema")
    references: Annotated[list[Reference], BeforeValidator(lambda sent: sent or [])] = []


class _Error(BaseModel):
    error_code: int


@asynccontextmanager
async def open_registry(url: HttpUrl) -> AsyncIterator["RegistryClient"]:
    """Connect to a registry; user and password may stand in the URL."""
    user = (unquote(url.username), unquote(url.password or "")) if url.username else None
    address = f"{url.host}:{url.port}"
    async with httpx.AsyncClient(
        base_url=f"{url.scheme}://{address}{url.path or ''}",
        auth=user,
        headers={"Accept": _TYPES, "Accept-Encoding": "identity"},
        timeout=httpx.Timeout(ANSWER_SECONDS, pool=None),
        limits=httpx.Limits(max_connections=CONNECTIONS),
    ) as client:
        yield RegistryClient(client, address)


class RegistryClient:
    """Asks a registry. Lives as long as its worker."""

    def __init__(self, client: httpx.AsyncClient, address: str) -> None:
        self._client = client
        self._address = address

    async def schema(self, id: int, form: Mapping[str, str]) -> StoredSchema | None:
        """Return a schema by its number; None if there is none.

        Raises:
            SchemaInvalidError: It is too large, or the registry will never say.
            SchemasUnavailableError: There is no clear answer.
        """
        return await self._get(f"schemas/ids/{id}", form)

    async def referred(self, to: Reference, form: Mapping[str, str]) -> StoredSchema | None:
        """Return a schema that another one uses; likewise."""
        return await self._get(f"subjects/{quote(to.subject, safe='')}/versions/{to.version}", form)

    async def _get(self, path: str, form: Mapping[str, str]) -> StoredSchema | None:
        status, body = await self._ask(path, form)
        if status == HTTPStatus.OK:
            return self._understood(StoredSchema, body)
        if status == HTTPStatus.NOT_FOUND:
            if self._understood(_Error, body).error_code in _NOT_FOUND:
                return None
        elif status in _REFUSED:
            msg = f"is refused by the registry, with {status}"
            raise SchemaInvalidError(msg)
        raise SchemasUnavailableError(self._told(f"answers {status}"))

    async def _ask(self, path: str, form: Mapping[str, str]) -> tuple[int, bytes]:
        """Return what is answered: status and body."""
        try:
            async with (
                asyncio.timeout(ANSWER_SECONDS),
                self._client.stream("GET", path, params=form) as answer,
            ):
                body = await read_bounded(answer, LARGEST_SCHEMA)
                if body is None:
                    raise SchemaInvalidError(TOO_LARGE)
                return answer.status_code, body
        except (httpx.HTTPError, OSError) as error:
            name = variable("schema_registry")
            why = await why_unreachable(name, "The schema registry", [self._address])
            reason = why or self._told(f"does not answer ({type(error).__name__})")
            raise SchemasUnavailableError(reason) from error

    def _understood(self, model: type[_Answer], body: bytes) -> _Answer:
        try:
            return model.model_validate_json(body)
        except ValidationError:
            reason = self._told("answers, but not as a schema registry does")
            raise SchemasUnavailableError(reason) from None

    def _told(self, what: str) -> str:
        return f"{variable('schema_registry')}: {self._address} {what}"
