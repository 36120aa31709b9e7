"""A side: whoever is asked, the service or a baseline. All answer in the service's own words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.planted.shop import Fields

FIRST = 10  # of a list, unless a question asks otherwise
Answer = dict[str, Any]  # JSON


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of a side: for whom, or after which session, and how much."""

    user: str | None = None
    items: Sequence[str] = ()  # of the session, the newest last
    texts: Sequence[str] = ()  # searched in the session, the newest last
    limit: int = FIRST
    seen_too: bool = False  # also what is among the user's newest events
    exclude: Sequence[str] = field(default_factory=tuple)
    diversity: float | None = None  # None: as the service does unless told otherwise
    explain: bool = False


class Side(Protocol):
    """Answers questions, and takes in events."""

    name: str

    def profile(self, user: str) -> Answer | None:
        """Return a profile as `GET /profile/{user_id}` does; None: nobody knows them."""

    def recommend(self, wish: Wish) -> Answer:
        """Return recommendations as `POST /recommend` does."""

    def tell(self, events: Sequence[Fields]) -> None:
        """Take in events, and return when answers can know of them."""


def items_of(answer: Answer) -> list[str]:
    """Return the ids of recommended items, best first."""
    return [str(item["item_id"]) for item in answer["items"]]
