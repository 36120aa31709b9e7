"""Schemas of a registry, kept at hand.

schema ─▶ what it refers to ─▶ what reads its messages

A number means the same schema for ever, so what was fetched is kept. What the registry does not
have, or nothing can be read by, is asked for again after a while.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from pydantic import HttpUrl

from portrait.adapters.registry_client import (
    LARGEST_SCHEMA,
    TOO_LARGE,
    Reference,
    RegistryClient,
    StoredSchema,
    open_registry,
)
from portrait.errors import SchemaInvalidError, SchemasUnavailableError
from portrait.reading.avro import avro
from portrait.reading.envelopes import value_of
from portrait.reading.protobuf import protobuf
from portrait.reading.schemas import Decode

MOST_HELD = 256  # schemas in memory
MOST_REFERENCES = 64  # of one; all together not larger than one may be
MOST_ASKED = 100  # at once: who can publish can name any number of schemas that are not there
MOST_REFUSED = 10_000  # schemas that are remembered as of no use
ASK_AGAIN_SECONDS = 30.0  # for those
LARGEST_ID = 2**31 - 1

_AS_STORED: Mapping[str, str] = {}
_SERIALISED = {"format": "serialized"}


@asynccontextmanager
async def open_schemas(url: HttpUrl) -> AsyncIterator["RegistrySchemas"]:
    """Connect to a registry."""
    async with open_registry(url) as registry:
        yield RegistrySchemas(registry)


class RegistrySchemas:
    """`Schemas` of a registry. Lives as long as its worker."""

    def __init__(self, registry: RegistryClient) -> None:
        self._registry = registry
        self._held: dict[int, Decode] = {}  # the one fetched longest ago first
        self._refused: dict[int, tuple[str, float]] = {}  # why, and when that was told

    def lacks(self, id: int) -> bool:
        """Say whether it was never fetched, or refused a while ago."""
        _, told = self._refused.get(id, ("", -math.inf))
        return id not in self._held and time.monotonic() - told >= ASK_AGAIN_SECONDS

    async def fetch(self, ids: Sequence[int]) -> None:
        """Fetch the first `MOST_ASKED` of those that are lacking."""
        lacking = [id for id in dict.fromkeys(ids) if self.lacks(id)][:MOST_ASKED]
        try:
            async with asyncio.TaskGroup() as tasks:
                for id in lacking:
                    tasks.create_task(self._hold(id))
        except* SchemasUnavailableError as group:
            raise SchemasUnavailableError(str(group.exceptions[0])) from group
        self._drop({*ids})

    def find(self, id: int) -> Decode:
        """Return what reads its messages."""
        decode = self._held.get(id)
        if decode is None:
            why, _ = self._refused.get(id, ("was not asked for: too many at once", 0))
            msg = f"schema {id} {why}"
            raise SchemaInvalidError(msg)
        return decode

    async def _hold(self, id: int) -> None:
        """Take in what the registry says of a schema."""
        self._refused.pop(id, None)
        try:
            self._held[id] = await self._decoder(id)
        except SchemaInvalidError as error:
            self._refused[id] = str(error), time.monotonic()

    def _drop(self, named: set[int]) -> None:
        """Drop what is too much, the oldest first, but nothing that is about to be looked for."""
        spare = [id for id in self._held if id not in named]
        for id in spare[: max(0, len(self._held) - MOST_HELD)]:
            del self._held[id]
        for id in [*self._refused][: max(0, len(self._refused) - MOST_REFUSED)]:
            del self._refused[id]

    async def _decoder(self, id: int) -> Decode:
        """Return what reads the messages of a schema.

        Raises:
            SchemaInvalidError: There is none.
        """
        found = await self._registry.schema(id, _AS_STORED) if id <= LARGEST_ID else None
        if found is not None and found.kind == "PROTOBUF":
            found = await self._registry.schema(id, _SERIALISED)
        if found is None:
            msg = "is unknown to the registry"
            raise SchemaInvalidError(msg)
        if found.kind == "AVRO":
            return avro(found.text, [*(await self._referred(found, _AS_STORED)).values()])
        if found.kind == "PROTOBUF":
            return protobuf(found.text, await self._referred(found, _SERIALISED))
        if found.kind == "JSON":
            return value_of
        msg = "is of another kind than Avro, Protobuf and JSON Schema"
        raise SchemaInvalidError(msg)

    async def _referred(self, schema: StoredSchema, form: Mapping[str, str]) -> dict[str, str]:
        """Return what a schema refers to, by name, each after what it refers to itself.

        Raises:
            SchemaInvalidError: It is not there, or too much.
        """
        begun: set[str] = set()
        found: dict[str, str] = {}

        async def follow(references: Sequence[Reference]) -> None:
            for each in references:
                if each.name not in begun:
                    begun.add(each.name)
                    referred = await self._one_of(len(begun), each, form)
                    await follow(referred.references)
                    found[each.name] = referred.text
                    if sum(map(len, found.values())) > LARGEST_SCHEMA:
                        raise SchemaInvalidError(TOO_LARGE)

        await follow(schema.references)
        return found

    async def _one_of(self, many: int, each: Reference, form: Mapping[str, str]) -> StoredSchema:
        """Return what is referred to, one of so many until now."""
        if many > MOST_REFERENCES:
            msg = f"refers to more than {MOST_REFERENCES} others"
            raise SchemaInvalidError(msg)
        referred = await self._registry.referred(each, form)
        if referred is None:
            msg = "refers to what the registry does not have"
            raise SchemaInvalidError(msg)
        return referred
