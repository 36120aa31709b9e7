"""Cards: what is told of a model, as tests tell it."""

from datetime import UTC, datetime, timedelta

from portrait.evaluation.verdict import Verdict
from portrait.lifecycle.registry import Card, plain_card
from portrait.model.model import Model

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def card(version: str, *, age: int = 0, promote: bool | None = None) -> Card:
    """Return the card of a model so many days old; judged, if it is said how."""
    verdict = None
    if promote is not None:
        verdict = Verdict(
            champion="v1", challenger=version, promote=promote, reason="it is so", checks=()
        )
    return Card(
        version=version,
        created_at=NOON - timedelta(days=age),
        encoder="hash",
        space_id="0123456789abcdef",
        verdict=verdict,
    )


def card_of_model(model: Model) -> Card:
    """Return the card of a model that nobody judged."""
    return plain_card(model, datetime(2026, 11, 24, tzinfo=UTC))
