"""Asked: what requests for lists are made of: a session, filters, a surface."""

from dataclasses import replace
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from portrait.events.columns import RING
from portrait.events.declared import Declared
from portrait.events.item import Id
from portrait.privacy.redact import redacted
from portrait.reading.records import LONGEST_KEY
from service.fields import USUAL_WAIT_MS, PositionToken, RequestBody, WaitMs
from service.http.languages import Language, language_of
from service.recommendations.surfaces import DUE, SURFACES, Manner, Source, Surface

MANNERS = "sources", "exclude_seen", "diversity", "same_category"  # that a request may override
MOST_ITEMS = 100  # of one answer
MOST_EXCLUDED = 5_000
MOST_CHOICES = 50  # of one filter
MOST_TEXTS = 20  # of one session
ProfileName = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_KEY)]
Choice = Annotated[  # as the reader writes what it is compared with
    str, StringConstraints(min_length=1, max_length=512), AfterValidator(redacted)
]
SessionText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1_024, strip_whitespace=True),
    AfterValidator(redacted),
]


def _as_name(sent: object) -> object:
    """Read a number as the id that it is in decimal."""
    return str(sent) if isinstance(sent, int) and not isinstance(sent, bool) else sent


def _as_list(sent: object) -> object:
    """Read one value where several may stand as a list of it."""
    if isinstance(sent, list | tuple):
        return tuple(_as_name(each) for each in sent)
    return (_as_name(sent),)


def _newest(most: int) -> BeforeValidator:
    """Read a list, newest last, of which only the newest count: a long session is no mistake."""
    return BeforeValidator(lambda sent: _as_list(sent)[-most:])  # type: ignore[index] # a tuple


class Session(RequestBody):
    """What somebody has just looked at; it need not be known who they are."""

    items: Annotated[tuple[Id, ...], _newest(RING)] = Field(
        (), description=f"Item ids, newest last; of more than {RING} the newest."
    )
    texts: Annotated[tuple[SessionText, ...], _newest(MOST_TEXTS)] = Field(
        (),
        description=f"What they searched for, newest last; of more than {MOST_TEXTS} the newest.",
    )
    cart: Annotated[tuple[Id, ...], _newest(RING)] = Field(
        (),
        description="Item ids of what is in their cart: neither it nor its variants are "
        "recommended. What it says of them, say in `items`, too.",
    )


NO_SESSION = Session()


class AskedFilters(RequestBody):
    """What an item must be. Several categories or brands mean any of them."""

    category: Annotated[tuple[Choice, ...], BeforeValidator(_as_list)] = Field(
        (),
        max_length=MOST_CHOICES,
        description="Paths from the widest level to any depth: `A` or `A > B`. Case, spaces and "
        "what separates levels (`a/b`, `A>B`) do not count.",
    )
    brand: Annotated[tuple[Choice, ...], BeforeValidator(_as_list)] = Field(
        (), max_length=MOST_CHOICES
    )
    price_min: float | None = Field(
        None, ge=0, description="Leaves out items of unknown price, as does `price_max`."
    )
    price_max: float | None = Field(None, ge=0)
    available: bool = Field(
        default=True, description="false: also what is not available at the moment."
    )

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if None not in (self.price_min, self.price_max) and self.price_min > self.price_max:  # type: ignore[operator] # neither is None
            msg = "price_min is above price_max"
            raise ValueError(msg)
        return self


class ListBody(RequestBody):
    """How a list is wanted, whoever it is for."""

    surface: Surface = Field(
        "home",
        description="Where the list is shown: how it is made follows from that, and what comes of "
        "it is counted by that. `home`: by the session and the profile. `item`: what is like "
        "`item_id`, and what goes with it. `cart`: what goes with `session.cart`, of other "
        "categories. `search`: what `query` finds, ranked for the user. `again`: what is due to be "
        "bought again. `email`: as `home`, without what the lists of four weeks had.",
    )
    item_id: Annotated[Id | None, BeforeValidator(_as_name)] = Field(
        None, description="Of surface `item`: the item that is looked at."
    )
    query: SessionText | None = Field(
        None, description="Of surface `search`: what is searched for, in words."
    )
    sources: Annotated[tuple[Source, ...] | None, BeforeValidator(_as_list)] = Field(
        None,
        min_length=1,
        description="What proposes items, instead of what the surface goes by. `behaviour`, "
        "`together`, `similar`: where the events lead; what is taken with what they are about, and "
        "the shop's edges; likeness of texts, categories and prices. All three: the model's own "
        "score. `due`: what is due to be bought again; none of these three stands beside it. "
        "`popular`: fills up what is left by what everybody wants.",
    )
    limit: int = Field(20, ge=1, le=MOST_ITEMS)
    exclude_seen: bool | None = Field(
        None,
        description="Leave out what is among the user's newest events, and variants of what they "
        "bought; not what they took out of the cart and have neither touched since nor bought. "
        "Unless it is said: on `home` and `email`. With a public key and a `user_id` it is as the "
        "surface has it.",
    )
    same_category: bool | None = Field(
        None,
        description="false: nothing of the very categories of what the list is about. Unless it is "
        "said, so on `cart` alone.",
    )
    filters: AskedFilters = AskedFilters()
    diversity: float | None = Field(
        None,
        ge=0,
        le=1,
        description="0: by score alone; more: the less alike the items are. Unless it is said, "
        "0.3 on `home`, `cart` and `email`, and 0 elsewhere and where the session has a search: "
        "what is meant is alike.",
    )

    @property
    def manner(self) -> Manner:
        """How the list is made: as its surface has it, but for what the request says."""
        usual = SURFACES[self.surface]
        said = {name: value for name in MANNERS if (value := getattr(self, name)) is not None}
        return replace(usual, **said) if said else usual

    @property
    def tells(self) -> bool:
        """Whether it says by itself, or beside its like, what somebody did or was shown."""
        manner, usual = self.manner, SURFACES[self.surface]
        return DUE in manner.sources or manner.is_once or manner.exclude_seen != usual.exclude_seen


class AskerBody(RequestBody):
    """For whom something is wanted, and what is known of them beside."""

    user_id: Annotated[ProfileName | None, BeforeValidator(_as_name)] = Field(
        None, description="Nobody knows them: popular items, not an error."
    )
    session: Session | None = None
    exclude: Annotated[tuple[Id, ...], BeforeValidator(_as_list)] = Field(
        (), max_length=MOST_EXCLUDED, description="Item ids."
    )
    by_price: bool = Field(
        default=True,
        description="Let count which prices the user chooses: where those of what they looked "
        "at, and most of all bought, stand among those of its category.",
    )
    declared: Declared = Field(
        default_factory=dict,
        description="What the shop knows of the user beside events: a region, an age, a "
        "membership. Its rules may ask for it. What is popular is what is so among those of whom "
        "events declared the same, of what `PORTRAIT_DECLARED` names. It is not kept.",
        examples=[{"age": 34, "region": "DE"}],
    )
    min_position: PositionToken | None = Field(
        None,
        description="`position` of `POST /events`: all that was sent before it is to be known. "
        "`position_reached` says whether it is.",
    )
    wait_ms: WaitMs = USUAL_WAIT_MS
    explain: bool = Field(
        default=False,
        description="Name the events that speak for each item and against it; with a public key of "
        "a session alone.",
    )
    language: Language | None = Field(
        None, description="Of titles and sentences; else by `Accept-Language`, else English."
    )

    def spoken(self, accepted: str) -> Self:
        """Say in which language it is asked, by `Accept-Language` unless it says so itself."""
        if self.language is not None or not accepted:
            return self
        return self.model_copy(update={"language": language_of(accepted)})

    def said_for(self, row: ListBody) -> frozenset[str]:
        """Name the fields that are there for a list, of those that a surface may need."""
        cart = self.session.cart if self.session else ()
        told = {
            "user_id": self.user_id,
            "session/cart": cart,
            "item_id": row.item_id,
            "query": row.query,
        }
        return frozenset(name for name, value in told.items() if value)
