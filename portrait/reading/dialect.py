"""Dialect: what a shop's own messages leave unsaid, and the words that only this shop has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

from portrait.errors import SettingsInvalidError
from portrait.reading.mapping import Mapped, read_mapping
from portrait.reading.schemas import NO_REGISTRY, Schemas
from portrait.settings import Settings


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one shop writes."""

    zone: tzinfo = UTC  # of moments without an offset
    currency: str | None = None  # of its prices; None: whatever is sent is taken as it is
    rates: Mapping[str, float] = field(default_factory=dict)  # what one of another is worth in it
    mapped: Mapped = field(default_factory=Mapped)  # messages of its own
    schemas: Schemas = NO_REGISTRY  # of what is framed

    def price(self, amount: float, currency: str | None) -> float | None:
        """Return an amount in the shop's currency; None if it is not known what it is worth."""
        if currency is None or self.currency is None or currency == self.currency:
            return amount
        rate = self.rates.get(currency)
        return None if rate is None else amount * rate


def dialect_of(settings: Settings) -> Dialect:
    """Return how the shop writes, as its settings say.

    Raises:
        SettingsInvalidError: There is no such zone, or the mapping cannot be read.
    """
    try:
        zone = ZoneInfo(settings.time_zone)
    except (KeyError, ValueError, OSError) as error:
        msg = f"PORTRAIT_TIME_ZONE: {settings.time_zone!r} is no zone; one is Asia/Shanghai"
        raise SettingsInvalidError(msg) from error
    mapped = Mapped() if settings.mapping is None else read_mapping(settings.mapping)
    return Dialect(zone, settings.currency, settings.currency_rates, mapped)


AS_SENT = Dialect()  # nothing is known of the shop
