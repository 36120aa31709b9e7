"""What all schemas promise: the same suite on the fake, and on a registry that is a process."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pydantic import HttpUrl

from portrait.adapters import registry_schemas
from portrait.adapters.registry_client import LARGEST_SCHEMA
from portrait.adapters.registry_schemas import (
    MOST_ASKED,
    MOST_HELD,
    MOST_REFERENCES,
    RegistrySchemas,
    open_schemas,
)
from portrait.errors import SchemaInvalidError, SchemasUnavailableError
from portrait.reading.avro import avro
from portrait.reading.schemas import Schemas
from sandbox.ports import free_port
from tests.support.fakes import MemorySchemas
from tests.support.registries import (
    MESSAGE,
    STRING,
    Registry,
    in_avro,
    message,
    proto,
    serialised,
    start_registry,
)

TEXT = json.dumps("string")
MILK = in_avro("string", "milk")
HOLDS_ITSELF = json.dumps(
    {"type": "record", "name": "N", "fields": [{"name": "n", "type": ["null", "N"]}]}
)


class World:
    """A registry, and how it fares."""

    def __init__(
        self,
        put: Callable[[int, str], None],
        take_away: Callable[[], None],
        give_back: Callable[[], None],
        wait: Callable[[], None],
    ) -> None:
        self.put = put
        self.take_away = take_away
        self.give_back = give_back
        self.wait = wait


class SchemasContract:
    """Nothing is found before it is fetched, and nothing is lost by an outage."""

    async def test_what_was_fetched_is_found_and_not_asked_for_again(
        self, schemas: Schemas, world: World
    ) -> None:
        world.put(1, TEXT)

        assert schemas.lacks(1)
        await schemas.fetch([1])

        assert not schemas.lacks(1)
        assert schemas.find(1)(MILK) == "milk"

    async def test_what_is_not_there_is_said_by_its_number(
        self, schemas: Schemas, world: World
    ) -> None:
        world.put(1, TEXT)
        await schemas.fetch([12, 1])

        assert not schemas.lacks(12)
        with pytest.raises(SchemaInvalidError, match=r"^schema 12 is unknown to the registry$"):
            schemas.find(12)
        assert schemas.find(1)(MILK) == "milk"

    async def test_what_is_not_there_is_asked_for_again_after_a_while(
        self, schemas: Schemas, world: World
    ) -> None:
        await schemas.fetch([12])
        world.put(12, TEXT)

        assert not schemas.lacks(12)
        world.wait()
        assert schemas.lacks(12)
        await schemas.fetch([12])

        assert schemas.find(12)(MILK) == "milk"

    async def test_of_a_registry_that_is_away_nothing_is_taken_for_unknown(
        self, schemas: Schemas, world: World
    ) -> None:
        world.put(1, TEXT)
        world.take_away()
        with pytest.raises(SchemasUnavailableError):
            await schemas.fetch([1, 12])
        assert schemas.lacks(1)

        world.give_back()
        await schemas.fetch([1])

        assert schemas.find(1)(MILK) == "milk"

    async def test_what_is_held_is_found_while_the_registry_is_away(
        self, schemas: Schemas, world: World
    ) -> None:
        world.put(1, TEXT)
        await schemas.fetch([1])

        world.take_away()
        world.wait()

        assert not schemas.lacks(1)
        assert schemas.find(1)(MILK) == "milk"


class TestMemorySchemas(SchemasContract):
    @pytest.fixture
    def schemas(self) -> MemorySchemas:
        return MemorySchemas()

    @pytest.fixture
    def world(self, schemas: MemorySchemas) -> World:
        def put(id: int, schema: str) -> None:
            schemas.registry[id] = avro(schema)

        return World(
            put,
            lambda: setattr(schemas, "is_down", True),
            lambda: setattr(schemas, "is_down", False),
            lambda: setattr(schemas, "is_later", True),
        )


class TestRegistrySchemas(SchemasContract):
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / "registry.json"

    @pytest.fixture
    def registry(self, file: Path) -> Registry:
        return Registry(file)

    @pytest.fixture
    def port(self) -> int:
        return free_port()

    @pytest.fixture
    def process(self, registry: Registry, file: Path, port: int) -> Iterator[ExitStack]:  # noqa: ARG002 - it is there
        with ExitStack() as stack:
            stack.enter_context(start_registry(file, port))
            yield stack

    @pytest.fixture
    def world(
        self,
        registry: Registry,
        process: ExitStack,
        file: Path,
        port: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> World:
        def give_back() -> None:
            process.enter_context(start_registry(file, port))

        return World(
            registry.put,
            process.close,
            give_back,
            lambda: monkeypatch.setattr(registry_schemas, "ASK_AGAIN_SECONDS", 0.0),
        )

    @pytest.fixture
    async def schemas(self, process: ExitStack, port: int) -> AsyncIterator[RegistrySchemas]:  # noqa: ARG002 - it runs
        async with open_schemas(HttpUrl(f"http://127.0.0.1:{port}")) as schemas:
            yield schemas

    async def test_what_avro_refers_to_is_followed(
        self, schemas: RegistrySchemas, registry: Registry
    ) -> None:
        field = {"name": "brand", "type": "shop.Brand"}
        product = {"type": "record", "name": "shop.Product", "fields": [field]}
        brand = {"type": "enum", "name": "shop.Brand", "symbols": ["OOLONG"]}
        registry.put_subject("brand of / tea", json.dumps(brand))
        registry.put_subject("product", json.dumps(product), **{"shop.Brand": "brand of / tea"})
        registry.put(
            7, '["shop.Brand", "shop.Product"]', **{"shop.Product": "product", "shop.Brand": "x"}
        )

        await schemas.fetch([7])

        assert schemas.find(7)(b"\2\0") == {"brand": "OOLONG"}

    async def test_what_protobuf_imports_is_followed_and_asked_for_in_bytes(
        self, schemas: RegistrySchemas, registry: Registry
    ) -> None:
        item = proto("Item", {"title": STRING})
        item.name = "shop/item.proto"
        click = proto("Click", {"user_id": STRING}, dependency=["shop/item.proto"])
        click.message_type[0].field.add(
            name="item", number=2, type=MESSAGE, type_name=".shop.Item", label=1
        )
        registry.put_subject("item", serialised(item), "PROTOBUF")
        registry.put(7, serialised(click), "PROTOBUF", **{"shop/item.proto": "item"})
        sent = message(click, "Click", item)
        sent.item.title = "Milk"

        await schemas.fetch([7])

        assert schemas.find(7)(b"\0" + sent.SerializeToString()) == {"item": {"title": "Milk"}}

    async def test_json_schema_needs_no_schema(
        self, schemas: RegistrySchemas, registry: Registry
    ) -> None:
        registry.put(7, '{"type": "object"}', "JSON", elsewhere="nowhere")

        await schemas.fetch([7])

        assert schemas.find(7)(b'{"id": 1}') == {"id": 1}

    @pytest.mark.parametrize(
        ("schema", "kind", "reason"),
        [
            ("{", None, "is no Avro schema"),
            ('"Nowhere"', None, "is no Avro schema"),
            (HOLDS_ITSELF, None, "holds itself"),
            ("syntax = 'proto3';", "PROTOBUF", "is no Protobuf schema, or lacks what it imports"),
            ("<xml/>", "XML", "is of another kind than Avro, Protobuf and JSON Schema"),
            (f'"{"x" * 10_000_000}"', None, f"is larger than {LARGEST_SCHEMA} bytes"),
        ],
        ids=["no JSON", "no name", "itself", "no bytes", "XML", "10 MB"],
    )
    async def test_what_nothing_can_be_read_by_is_refused_with_its_reason(
        self,
        schemas: RegistrySchemas,
        registry: Registry,
        schema: str,
        kind: str | None,
        reason: str,
    ) -> None:
        registry.put(7, schema, kind)

        await schemas.fetch([7])

        with pytest.raises(SchemaInvalidError, match=f"^schema 7 {reason}$"):
            schemas.find(7)

    async def test_references_end(self, schemas: RegistrySchemas, registry: Registry) -> None:
        registry.put(1, TEXT, a="nowhere")
        registry.put_subject("round", TEXT, round="round")
        registry.put(2, TEXT, round="round")
        for n in range(MOST_REFERENCES + 1):
            registry.put_subject(f"s{n}", TEXT, **{f"s{n + 1}": f"s{n + 1}"})
        registry.put(3, TEXT, s0="s0")
        large = json.dumps({"type": "string", "doc": "x" * (LARGEST_SCHEMA // 2)})
        registry.put_subject("large", large)
        registry.put(4, TEXT, a="large", b="large", c="large")

        await schemas.fetch([1, 2, 3, 4])

        assert schemas.find(2)(MILK) == "milk"
        for id, reason in (
            (1, "refers to what the registry does not have"),
            (3, f"refers to more than {MOST_REFERENCES} others"),
            (4, f"is larger than {LARGEST_SCHEMA} bytes"),
        ):
            with pytest.raises(SchemaInvalidError, match=reason):
                schemas.find(id)

    @pytest.mark.parametrize(
        ("status", "body", "told"),
        [
            (404, "<html>Not Found</html>", "answers, but not as a schema registry does"),
            (404, '{"error_code": 404, "message": "HTTP 404 Not Found"}', "answers 404"),
            (500, '{"error_code": 50001}', "answers 500"),
            (302, "", "answers 302"),
            (200, "<html>Welcome</html>", "answers, but not as a schema registry does"),
        ],
    )
    async def test_what_is_no_clear_answer_is_none(  # noqa: PLR0913, PLR0917 - one answer
        self,
        schemas: RegistrySchemas,
        registry: Registry,
        port: int,
        status: int,
        body: str,
        told: str,
    ) -> None:
        registry.put(7, TEXT)
        registry.answer(status, body)
        name = f"PORTRAIT_SCHEMA_REGISTRY: 127.0.0.1:{port}"
        with pytest.raises(SchemasUnavailableError, match=f"^{name} {told}$"):
            await schemas.fetch([7])

        registry.recover()
        await schemas.fetch([7])

        assert schemas.find(7)(MILK) == "milk"

    async def test_what_the_registry_will_never_say_is_not_waited_for(
        self, schemas: RegistrySchemas, registry: Registry
    ) -> None:
        registry.answer(422, "{}")

        await schemas.fetch([7, 2**31])

        with pytest.raises(SchemaInvalidError, match="is refused by the registry, with 422"):
            schemas.find(7)
        with pytest.raises(SchemaInvalidError, match="is unknown to the registry"):
            schemas.find(2**31)

    async def test_whoever_is_named_in_the_url_is_let_in_and_never_told(
        self, process: ExitStack, registry: Registry, port: int
    ) -> None:
        registry.put(7, TEXT)
        registry.admit("ann:s/c+ret")

        async with open_schemas(HttpUrl(f"http://ann:s%2Fc+ret@127.0.0.1:{port}/")) as schemas:
            await schemas.fetch([7])
            assert schemas.find(7)(MILK) == "milk"
        async with open_schemas(HttpUrl(f"http://ann:other@127.0.0.1:{port}")) as schemas:
            with pytest.raises(SchemasUnavailableError, match="answers 401") as refused:
                await schemas.fetch([7])
            process.close()
            with pytest.raises(SchemasUnavailableError, match="nobody listens there") as away:
                await schemas.fetch([7])

        assert "other" not in f"{refused.value} {away.value}"

    async def test_a_flood_of_numbers_is_asked_for_and_remembered_in_part(
        self, schemas: RegistrySchemas, registry: Registry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(registry_schemas, "MOST_REFUSED", 50)
        registry.put(1, TEXT)

        await schemas.fetch([1, *range(10, 1_000)])

        assert schemas.find(1)(MILK) == "milk"
        with pytest.raises(SchemaInvalidError, match=r"^schema 999 was not asked for: too many"):
            schemas.find(999)
        assert sum(not schemas.lacks(id) for id in range(10, 1_000)) == 50
        assert schemas.lacks(10 + MOST_ASKED)

    async def test_so_many_are_held_and_never_fewer_than_are_looked_for(
        self, schemas: RegistrySchemas, registry: Registry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(registry_schemas, "MOST_HELD", 3)
        for id in range(1, 9):
            registry.put(id, TEXT)
        await schemas.fetch([1, 2])
        await schemas.fetch([3, 4])
        older, *newer = [id for id in range(1, 9) if not schemas.lacks(id)]
        assert newer == [3, 4]

        await schemas.fetch([older, 5, 6, 7])

        assert [id for id in range(1, 9) if not schemas.lacks(id)] == [older, 5, 6, 7]
        assert MOST_HELD > MOST_ASKED
