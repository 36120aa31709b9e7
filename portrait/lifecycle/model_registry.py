"""Port: where models are kept, and which is in service."""

from typing import Protocol

from portrait.model.model import Model


class ModelRegistry(Protocol):
    """Which model is in service."""

    async def champion(self) -> Model | None:
        """Return the model in service, or None before there is one."""
        ...

    async def model(self, version: str) -> Model | None:
        """Return a model that was stored, or None."""
        ...

    async def store(self, model: Model) -> None:
        """Keep a model; nothing in service changes."""
        ...

    async def promote(self, model: Model) -> None:
        """Keep a model, and put it in service."""
        ...
