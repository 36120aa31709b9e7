"""A shop, as the installation knows it: where its keys lie in Redis, and how much it may have."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PositiveInt

from portrait.shops.name import ShopName

LEAST_RATE = 0.001  # a second: of less, Redis could not say when the next one comes
MOST_RATE = 1_000_000
Rate = Annotated[float, Field(ge=LEAST_RATE, le=MOST_RATE, allow_inf_nan=False)]


class Quotas(BaseModel):
    """How much a shop may have; None: as much as it likes."""

    model_config = ConfigDict(frozen=True)

    requests: Rate | None = None  # tokens a second, of all its keys together
    events: Rate | None = None  # a second, over HTTP
    users: PositiveInt | None = None  # who have a profile
    items: PositiveInt | None = None  # of its catalogue


WITHOUT = Quotas()


class Shop(BaseModel):
    """One shop."""

    model_config = ConfigDict(frozen=True)

    name: ShopName
    database: int = Field(ge=0)  # number of its own in Redis, with nothing else in it
    token: str  # lies in that database, too: who finds another there is in the wrong one
    created_at: AwareDatetime
    is_closing: bool = False  # it is being deleted: nobody opens it any more
    quotas: Quotas = WITHOUT
