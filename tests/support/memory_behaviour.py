"""How many people there were, in memory."""

from collections.abc import Sequence

from portrait.audiences.behaviour import Met, Span, Stage
from portrait.errors import StoreUnavailableError


class MemoryBehaviour:
    """A `BehaviourStore` in sets: it does not err."""

    def __init__(self) -> None:
        self.met: dict[tuple[int, Stage], set[str]] = {}
        self.is_down = False

    async def meet(self, met: Met) -> None:
        """Note who was there."""
        if self.is_down:
            raise StoreUnavailableError
        for key, users in met.items():
            self.met.setdefault(key, set()).update(users)

    async def count(self, spans: Sequence[Span]) -> list[int]:
        """Count those of each span."""
        return [
            len(set[str]().union(*(self.met.get((day, span.stage), ()) for day in span.days)))
            for span in spans
        ]
