"""What goes in and out over HTTP about recommendations."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from portrait.events.event import Action
from portrait.inference.session import Way
from portrait.rules.rule import Kind
from service.fields import (
    Brand,
    BrandRead,
    Category,
    CategoryRead,
    EventName,
    ItemName,
    Lag,
    ModelName,
    Moment,
    Price,
    ReadTone,
    ResponseBody,
    SpaceName,
    Stale,
    Title,
)
from service.recommendations.asked import (
    MOST_TEXTS,
    NO_SESSION,
    AskerBody,
    ListBody,
    Session,
)
from service.recommendations.surfaces import lacking, mixed

Left = Literal["excluded", "seen", "unwanted", "rules", "same_category", "above", "unknown"]
Emptied = Literal["catalogue", "filters", "unavailable", Left]
Found = Literal["session", "session_and_profile", "profile", "repeats", "popular", "nothing"]
Strategy = Literal[Found, "not_personalised"]


class RecommendationRequest(AskerBody, ListBody):
    """For whom, and what, recommendations are wanted."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"user_id": "household-441", "limit": 3, "explain": True},
                {"session": {"items": ["1082185"], "texts": ["dark chocolate"]}, "limit": 3},
            ]
        }
    )

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        wrong = lacking(self.surface, self.said_for(self)) or mixed(self.sources)
        if wrong:
            raise ValueError(wrong)
        return self

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


class ListRequest(RecommendationRequest):
    """The same of one list, which may go on where others ended, and rotate."""

    paged: bool = Field(
        default=False,
        description="Remember for 30 minutes what this list gives, so that others may come `after` "
        "it.",
    )
    after: Annotated[UUID | None, Field(strict=False)] = Field(
        None,
        description="`recommendation_id` of a list that was `paged`: the next items, none that it "
        "or another list after it has given, nor a variant of one, whatever was done meanwhile. "
        "Ask for the rest as for that list, and name that one each time. 404 where it is more than "
        "30 minutes since the last of them, where it was somebody else's, and where 1,000 items "
        "have been given them since.",
    )
    rotation: float | None = Field(
        None,
        gt=0,
        le=1,
        description="How much less items count that this user was given just now by a list that "
        "rotates or is `paged`: 0.2 moves them down a little, with 1 they come last of what suits. "
        "Not with a public key.",
    )
    rotation_seconds: int = Field(
        7_200,
        ge=60,
        le=86_400,
        description="How long it takes until they count in full again; it comes back evenly.",
    )

    @property
    def is_remembered(self) -> bool:
        """Whether it must be remembered what is given."""
        return self.paged or self.after is not None or self.rotation is not None

    @property
    def tells(self) -> bool:
        """Likewise; what moves down was in a list of theirs."""
        return self.rotation is not None or super().tells

    @model_validator(mode="after")
    def _rotates_for_somebody(self) -> Self:
        if self.rotation is not None and self.user_id is None:
            msg = "`rotation` needs `user_id`: who is to find something else."
            raise ValueError(msg)
        return self


class BuyingRhythm(ResponseBody):
    """How somebody buys an item, in whole days."""

    times: int = Field(description="Days on which they bought it.", examples=[4])
    every_days: int | None = Field(
        description="From one time to the next; of what they bought once, as others do; null: not "
        "known.",
        examples=[12],
    )
    last_days: int = Field(description="Since the last time.", examples=[11])


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
    event: EventName | None = Field(
        description="Its name, as `GET /profile/{user_id}/why` takes it in `without`; null "
        "where it is no event of the profile. Of several with one item the one that says most."
    )
    rhythm: BuyingRhythm | None = Field(
        description="Of what is due to be bought again: how they buy it; else null. It counts the "
        "newest 64 events."
    )
    counts: float | None = Field(
        description="The factor by which a rule of the shop lets this event count; null: it counts "
        "as the model has it.",
        examples=[2],
    )
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
    brand_read: BrandRead
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
    faded: float = Field(
        description="How much of `relevance` does not count in `score`, for the user was given the "
        "item lately: 0 to `rotation`, four decimals.",
        examples=[0.0],
    )
    explored: bool = Field(
        default=False,
        description="Whether its place was given to a draw, as a variant of an experiment asks for "
        "with `explore`. Where another item than the list's own was drawn, its `score` is its "
        "`relevance`, and `why` begins with that it is being tried.",
        examples=[False],
    )
    propensity: float | None = Field(
        None,
        description="Of what is `explored`: with which chance it was drawn, four decimals. Null: "
        "there was no draw.",
        examples=[None],
    )
    rules: tuple[str, ...] = Field(
        description="The shop's rules that have put it where it is, or moved it, by id; what they "
        "do is in `score`, not in `relevance`. Those that let some of the events `count` otherwise "
        "which the list stands on are named, too, and are in both.",
        examples=[[]],
    )
    reasons: tuple[Reason, ...] | None = Field(
        None,
        description="With `explain`: what speaks for it, strongest first, one for each item; else "
        "null. Popularity is named where an item is there for nothing else.",
    )
    why: str | None = Field(
        None,
        description="With `explain`: `reasons` and `against` in a sentence, each with its part of "
        "the item's `relevance` in hundredths; they add up to 100. Of what is due to be bought "
        "again, its `rhythm`. Null where none speaks for it.",
        examples=["Because you bought Dark chocolate 85% (84 %); all else: 16 %."],
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
    """A rule of the shop that the list goes by."""

    id: str = Field(examples=["no-wine"])
    does: Kind = Field(examples=["exclude"])
    items: int = Field(
        description="How many items on offer it is about; with `exclude`, so many are left out. "
        "`count` is about what people do, with all of them.",
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
    popular_among: tuple[str, ...] = Field(
        description="Of whom it is counted what is popular here: of those of whom the same is "
        "declared as in the request, and everybody beside. Empty: of everybody alone, for nothing "
        "is declared, or of too few.",
        examples=[("region=north",)],
    )
    model_version: ModelName
    space_id: SpaceName
    experiments: dict[str, str] = Field(
        description="In which experiments this list is, and with which variant.",
        examples=[{"diverse-home": "diverse"}],
    )
    profile_as_of: Moment | None = Field(description="Time of the user's newest event.")
    lag_ms: Lag
    stale_seconds: Stale
    position_reached: bool | None = Field(
        description="Whether all up to `min_position` is known; false: it was waited for, and the "
        "list is of what is known without it. Null where none was named.",
        examples=[None],
    )
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
        "does not want them; `rules`: without the shop's rules there would be items; "
        "`same_category`: by that; `above`: they stand in rows above, or were given before; "
        "`unknown`: nothing is known that speaks for any.",
        examples=[[]],
    )
    rules_version: int = Field(description="Of `GET /rules`; 0: there are none.", examples=[3])
    rules: tuple[AppliedRule, ...] = Field(
        description="The shop's rules that this request is subject to, in their order."
    )
    order: Literal["score", "explored", "interleaved"] = Field(
        description="What `items` are in the order of. `score`: the best first. `explored`: the "
        "same, but for those that are `explored`, whose places were drawn for. `interleaved`: two "
        "lists of an experiment take turns, and each is in the order of its own scores."
    )
    items: tuple[RecommendedItem, ...]
