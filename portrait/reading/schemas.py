"""Port: the schemas that frames name, as a registry keeps them.

Reading does not wait, and a look into a registry does. So whoever reads a batch has its schemas
fetched before (`workers/schemas.py`), and reading finds them.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from portrait.errors import RecordInvalidError, SchemaInvalidError
from portrait.reading.envelopes import value_of
from portrait.settings import variable

#: Returns what a message says, as JSON would have it. Raises ValueError: it is none of its schema.
Decode = Callable[[bytes], Any]


class Schemas(Protocol):
    """What is known of schemas."""

    def lacks(self, id: int) -> bool:
        """Say whether a schema is to be fetched before it is looked for."""
        ...

    async def fetch(self, ids: Sequence[int]) -> None:
        """Fetch schemas; of very many the first, which should be the commonest.

        Raises:
            SchemasUnavailableError: Not now, so nothing is known of them: try again later.
        """
        ...

    def find(self, id: int) -> Decode:
        """Return what reads the messages of a schema that was fetched.

        Raises:
            SchemaInvalidError: Nothing does; the sentence goes on after `payload: `.
        """
        ...


class NoRegistry:
    """`Schemas` of a shop that has no registry: behind its frames lies JSON."""

    def lacks(self, id: int) -> bool:  # noqa: ARG002 - the port's
        """Say no: there is nowhere to fetch from."""
        return False

    async def fetch(self, ids: Sequence[int]) -> None:
        """Fetch nothing."""

    def find(self, id: int) -> Decode:
        """Return what reads JSON, and says of anything else what is missing."""

        def decode(content: bytes) -> Any:  # noqa: ANN401 - as it was sent
            try:
                return value_of(content)
            except RecordInvalidError:
                name = variable("schema_registry")
                msg = f"framed with schema {id}, and no schema registry is set ({name})"
                raise SchemaInvalidError(msg) from None

        return decode


NO_REGISTRY = NoRegistry()
