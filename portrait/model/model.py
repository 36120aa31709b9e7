"""A model: a space of texts, and what was learned in it."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

from portrait.model.learned import Learned
from portrait.model.space import Space


@dataclass(frozen=True)  # without slots: it remembers its name
class Model:
    """A model: its version, its space of texts, and what it learned, if it did."""

    version: str
    space: Space
    learned: Learned | None = None

    @cached_property
    def space_id(self) -> str:
        """Name of the space its portraits are in; models that differ in heads alone share one."""
        if self.learned is None:
            return self.space.id
        made_of = f"{self.space.id}{self.learned.digest}".encode()
        return blake2b(made_of, digest_size=8).hexdigest()
