"""What goes in and out over HTTP about recommendations."""

from dataclasses import replace
from typing import Annotated, Literal, Self, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from portrait.events.columns import RING
from portrait.events.event import Action
from portrait.events.item import Id
from portrait.inference.session import Way
from portrait.privacy.redact import redacted
from portrait.reading.records import LONGEST_KEY
from portrait.rules.rule import Kind
from service.fields import (
    Brand,
    Category,
    CategoryRead,
    ItemName,
    ModelName,
    Moment,
    Price,
    ReadTone,
    RequestBody,
    ResponseBody,
    SpaceName,
    Stale,
    Title,
)
from service.recommendations.surfaces import (
    SURFACES,
    Manner,
    Source,
    Surface,
    lacking,
    mixed,
)

Said = TypeVar("Said")
MOST_ITEMS = 100  # of one answer
MOST_EXCLUDED = 5_000
MOST_CHOICES = 50  # of one filter
MOST_TEXTS = 20  # of one session
ProfileName = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_KEY)]
Choice = Annotated[str, StringConstraints(min_length=1, max_length=512)]
SessionText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1_024, strip_whitespace=True),
    AfterValidator(redacted),
]
Left = Literal["excluded", "seen", "unwanted", "rules", "same_category", "above", "unknown"]
Emptied = Literal["catalogue", "filters", "unavailable", Left]
Found = Literal["session", "session_and_profile", "profile", "repeats", "popular", "nothing"]
Strategy = Literal[Found, "not_personalised"]


def _as_name(sent: object) -> object:
    """Read a number as the id that it is in decimal."""
    return str(sent) if isinstance(sent, int) and not isinstance(sent, bool) else sent


def _as_text(sent: object) -> object:
    """Read a number as it is written in decimal."""
    return f"{sent:.15g}" if isinstance(sent, float) else _as_name(sent)


def _as_list(sent: object) -> object:
    """Read one value where several may stand as a list of it."""
    if isinstance(sent, list | tuple):
        return tuple(_as_name(each) for each in sent)
    return (_as_name(sent),)


def _newest(most: int) -> BeforeValidator:
    """Read a list, newest last, of which only the newest count: a long session is no mistake."""
    return BeforeValidator(lambda sent: _as_list(sent)[-most:])  # type: ignore[index] # a tuple


MOST_DECLARED = 16
Declared = Annotated[
    dict[
        Annotated[str, StringConstraints(min_length=1, max_length=64)],
        Annotated[Annotated[str, StringConstraints(max_length=256)], BeforeValidator(_as_text)],
    ],
    Field(max_length=MOST_DECLARED),
]


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


class RecommendationRequest(RequestBody):
    """For whom, and what, recommendations are wanted."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"user_id": "household-1929", "limit": 3, "explain": True},
                {"session": {"items": ["1082185"], "texts": ["dark chocolate"]}, "limit": 3},
            ]
        }
    )

    user_id: Annotated[ProfileName | None, BeforeValidator(_as_name)] = Field(
        None, description="Nobody knows them: popular items, not an error."
    )
    session: Session | None = None
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
    exclude: Annotated[tuple[Id, ...], BeforeValidator(_as_list)] = Field(
        (), max_length=MOST_EXCLUDED, description="Item ids."
    )
    exclude_seen: bool | None = Field(
        None,
        description="Leave out what is among the user's newest events, and variants of what they "
        "bought; not what they took out of the cart and have neither touched since nor bought. "
        "Unless it is said: on `home` and `email`.",
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
    by_price: bool = Field(
        default=True,
        description="Let count which prices the user chooses: where those of what they looked "
        "at, and most of all bought, stand among those of its category.",
    )
    declared: Declared = Field(
        default_factory=dict,
        description="What the shop knows of the user beside events, for its rules alone: a region, "
        "an age, a membership. It is not kept.",
        examples=[{"age": 34, "region": "DE"}],
    )
    explain: bool = Field(
        default=False, description="Name the events that speak for each item and against it."
    )

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        wrong = lacking(self.surface, self.said) or mixed(self.sources)
        if wrong:
            raise ValueError(wrong)
        return self

    @property
    def said(self) -> frozenset[str]:
        """Name the fields that are there, of those that a surface may need."""
        told = {"user_id": self.user_id, "item_id": self.item_id, "query": self.query}
        cart = self.session.cart if self.session else ()
        return frozenset(name for name, value in {**told, "session/cart": cart}.items() if value)

    @property
    def manner(self) -> Manner:
        """How the list is made: as its surface has it, but for what the request says."""
        usual = SURFACES[self.surface]
        return replace(
            usual,
            sources=_or(self.sources, usual.sources),
            exclude_seen=_or(self.exclude_seen, usual.exclude_seen),
            same_category=_or(self.same_category, usual.same_category),
            diversity=_or(self.diversity, usual.diversity),
        )

    @property
    def at_hand(self) -> Session:
        """What the list is about, as a session: an item, a cart, a query, or what they do."""
        told = self.session or NO_SESSION
        if self.surface == "item" and self.item_id is not None:
            return told.model_copy(update={"items": (self.item_id,), "texts": ()})
        if self.surface == "cart":
            return told.model_copy(update={"items": told.cart, "texts": ()})
        if self.surface == "search" and self.query is not None:
            return told.model_copy(update={"texts": (*told.texts, self.query)[-MOST_TEXTS:]})
        return told


def _or(said: Said | None, usual: Said) -> Said:
    return usual if said is None else said


class Reason(ResponseBody):
    """One event that speaks for an item or against it, or that everybody wants it."""

    action: Action | Literal["session", "price", "popularity"] = Field(
        description="`session`: it came in the request. `price`: among the prices of its category "
        "it is where the user usually chooses. `click`: also what was put into the cart and taken "
        "out since. `popularity`: what everybody did with it, as far as it counts, over the newest "
        "28 days with events.",
        examples=["purchase"],
    )
    item_id: ItemName | None = Field(
        description="What it was about; null for a search, a price, and popularity."
    )
    title: Title | None = Field(
        description="Of that item; of a search, its text; of popularity, how much it is wanted."
    )
    tone: ReadTone
    occurred_at: Moment | None
    share: float = Field(
        description="Of the item's `relevance`, four decimals: that of all that was done with this "
        "item, or of this search. The shares of everything, named or not, add up to it.",
        examples=[0.8376],
    )


class RecommendedItem(ResponseBody):
    """One item, and why."""

    item_id: ItemName
    title: Title
    category: Category
    category_read: CategoryRead
    brand: Brand
    price: Price | None
    score: float = Field(
        description="What the list is in the order of: 0 to 1, four decimals, on one scale for "
        "every strategy and model. The weighted mean of `relevance` and of how unlike the item is "
        "to those above it; `diversity` says how much the second counts, and with 0 it is "
        "`relevance` alone. 1: nothing in this list suits better, and nothing like it stands "
        "above. 0: nothing speaks for it, and it is like one above. To be compared within one "
        "answer.",
        examples=[1.0],
    )
    relevance: float = Field(
        description="How well the item suits, whatever stands above it: -1 to 1, four decimals, "
        "as a part of the largest in this list. 0: nothing speaks for it; below: more speaks "
        "against it. By a session or a profile, what the model says of these events; by "
        "popularity, how much everybody wants it. To be compared within one answer.",
        examples=[1.0],
    )
    rules: tuple[str, ...] = Field(
        description="The shop's rules that have put it where it is, or moved it, by id; what they "
        "do is in `score`, not in `relevance`.",
        examples=[[]],
    )
    reasons: tuple[Reason, ...] | None = Field(
        None,
        description="With `explain`: what speaks for it, strongest first, one for each item; else "
        "null. Popularity is named where an item is there for nothing else.",
    )
    against: tuple[Reason, ...] | None = Field(
        None,
        description="With `explain`: returns, and reviews that are bad by their stars or, where "
        "they have none, by their text; else null.",
        examples=[[]],
    )


class TextReading(ResponseBody):
    """How a text of the session was understood."""

    text: str = Field(examples=["dark chocolate"])
    read: Way = Field(
        description="`vector`: BERT has read it. `words`: it stands for the items that "
        "share its words. `nothing`: no item does, or newer texts are all that one request may "
        "have read."
    )


class AppliedRule(ResponseBody):
    """A rule of the shop that the list holds to."""

    id: str = Field(examples=["no-wine"])
    does: Kind = Field(examples=["exclude"])
    items: int = Field(
        description="How many items on offer it is about; with `exclude`, so many are left out.",
        examples=[118],
    )


class UnknownName(ResponseBody):
    """A name in the filters that nothing in the shop has."""

    filter: Literal["category", "brand"]
    name: str = Field(description="As it was asked for.", examples=["GROCERY > CANDIES"])
    nearest: tuple[str, ...] = Field(
        description="Names that the shop has, the likest first; of a path, also one that it lies "
        "in. Looked for where it is among the first five unknown names.",
        examples=[["GROCERY > CANDY"]],
    )


class ItemsBeside(ResponseBody):
    """What is like an item, or goes with it, in the order of the scores."""

    item_id: ItemName
    model_version: ModelName
    space_id: SpaceName
    rules_version: int = Field(description="Of `GET /rules`; 0: there are none.", examples=[3])
    emptied_by: tuple[Emptied, ...] = Field(
        description="Why there are no items; empty if there are.", examples=[[]]
    )
    items: tuple[RecommendedItem, ...]


class Recommendations(ResponseBody):
    """Items, in the order of their scores."""

    recommendation_id: UUID = Field(
        description="Send it back with the events that follow.",
        examples=["1b4e28ba-2fa1-41d2-883f-0016d3cca427"],
    )
    strategy: Strategy = Field(
        description="What the list was made of: the session alone, the session for what somebody "
        "is after now and their profile for what they like, the profile alone, or what everybody "
        "wants; `repeats`: what they have bought; `nothing`: nothing is known that the sources go "
        "by. `not_personalised`: what everybody wants, or what suits the item or the query alone, "
        "for the user does not let it be personal.",
        examples=["session_and_profile"],
    )
    model_version: ModelName
    space_id: SpaceName
    experiments: dict[str, str] = Field(
        description="In which experiments this list is, and with which variant.",
        examples=[{"diverse-home": "diverse"}],
    )
    profile_as_of: Moment | None = Field(description="Time of the user's newest event.")
    stale_seconds: Stale
    session_texts: tuple[TextReading, ...]
    matched: int = Field(
        description="Items that fit `filters`, before those of `exclude` and `exclude_seen` are "
        "left out.",
        examples=[214],
    )
    filled: int = Field(
        description="Of the items the last so many: nothing else speaks for them, or nothing has "
        "been read of them yet, and they fill up the list by popularity alone.",
        examples=[0],
    )
    unknown_names: tuple[UnknownName, ...]
    emptied_by: tuple[Emptied, ...] = Field(
        description="Why there are no items; empty if there are. `catalogue`: the shop has none. "
        "`filters`: none fits. `unavailable`: those that fit are not available at the moment. "
        "`excluded`, `seen`: those that fit were left out by `exclude`; by `exclude_seen`, or for "
        "what is in the cart, or was in a list of which nothing comes again; `unwanted`: the user "
        "does not want them; `rules`: by rules of the shop; `same_category`: by that; `above`: "
        "they stand in rows above; `unknown`: nothing is known that speaks for any.",
        examples=[[]],
    )
    rules_version: int = Field(description="Of `GET /rules`; 0: there are none.", examples=[3])
    rules: tuple[AppliedRule, ...] = Field(
        description="The shop's rules that this request is subject to, in their order."
    )
    order: Literal["score", "interleaved"] = Field(
        description="What `items` are in the order of. `score`: the best first. `interleaved`: two "
        "lists of an experiment take turns, and each is in the order of its own scores."
    )
    items: tuple[RecommendedItem, ...]
