"""What goes out over HTTP about one item for one user."""

from typing import Annotated, Literal

from pydantic import Field

from service.fields import (
    Brand,
    Category,
    EventName,
    ItemName,
    Lag,
    ModelName,
    Moment,
    Price,
    ResponseBody,
    SpaceName,
    Stale,
    Title,
)
from service.profiles.schemas import OF_SEARCH, Done, UserName
from service.recommendations.schemas import Reason, Strategy
from service.why.standing import KeptOut

Place = Annotated[int, Field(description="In the list; 1 is the first.", examples=[2])]
Rank = Annotated[
    int | None,
    Field(
        description="By what it scores, among all items on offer, whatever keeps others out; null "
        "where there are so many that lists do not look at all of them either.",
        examples=[4],
    ),
]
KeptOutBy = Annotated[
    tuple[KeptOut, ...],
    Field(
        description="What keeps it out of the list; empty where it is in it. `unavailable`: it is "
        "not available at the moment. `seen`: they have done something with it lately, or bought "
        "it or a variant, or it is in their cart, or a list of which nothing comes again had it. "
        "`unwanted`: they do not want it. `rules`: rules of the shop, see `rules`. `variant`: a "
        "variant of it is in the list. `unread`: no BERT has read it yet. `unknown`: nothing "
        "speaks for it. If it is none of those: `alike`: it scores better than the last, and the "
        "list has enough that is like it, or rules put others there; `others` score better.",
        examples=[[]],
    ),
]
Relevance = Annotated[
    float,
    Field(
        description="As in lists, a part of the largest in the list; of an item that is kept out "
        "it may be more than 1.",
        examples=[0.84],
    ),
]


class WhyItem(ResponseBody):
    """The item that is asked about."""

    item_id: ItemName
    title: Title
    category: Category
    brand: Brand
    price: Price | None


class NamedEvent(ResponseBody):
    """One event of the user."""

    event: EventName
    action: Done
    item_id: ItemName | None = Field(description="Null for a search, or what we know nothing of.")
    title: Title | None = Field(description=OF_SEARCH)
    occurred_at: Moment


class EventShare(NamedEvent):
    """One event of the user, and what it adds to the item's relevance."""

    counts: float | None = Field(
        description="The factor by which a rule of the shop lets this event count; null: it counts "
        "as the model has it.",
        examples=[None],
    )
    share: float = Field(
        description="Below 0: it takes from it. Six decimals.", examples=[0.413207]
    )
    part_of: EventName | None = Field(
        description="The `event` of that one of `reasons` and `against` in which it is counted: "
        "the shares of all that was done with one item add up to that one's. null: neither names "
        "it, and it is in all else of `why`. Of each three are named, of four decimals; and what "
        "is only unlike the item is not named against it, nor a complaint about that for it.",
        examples=["9d1e4b6f8a3b2c1d"],
    )


class MovedItem(ResponseBody):
    """One item of the list that there would be."""

    item_id: ItemName
    title: Title
    relevance: Relevance
    place: Place
    was: Place | None = Field(description="In the list that there is; null: it has come in.")


class LeftItem(ResponseBody):
    """One item that would not be in the list any more."""

    item_id: ItemName
    title: Title
    was: Place
    kept_out: KeptOutBy


class ListWithout(ResponseBody):
    """The list that there would be if some events had never happened."""

    events: tuple[NamedEvent, ...] = Field(description="Those.")
    is_exact: bool = Field(
        description="Whether the profile would be what is left of it, to the bit. false: they have "
        "done more than the 64 events that are remembered, and one that is forgotten would stand "
        "in the place of each. What was counted of these events elsewhere stays in any case: what "
        "everybody wants, and what the model has learned.",
        examples=[True],
    )
    strategy: Strategy
    place: Place | None = Field(description="Of the item that is asked about; null: not in it.")
    relevance: Relevance
    rank: Rank
    kept_out: KeptOutBy
    items: tuple[MovedItem, ...] = Field(description="The list, the best first.")
    left: tuple[LeftItem, ...] = Field(description="What was in the list, and would not be.")


class WordShare(ResponseBody):
    """One word of a text, and what it adds to how near the text lies."""

    word: str = Field(
        description="As the text has it. In Chinese, which has no spaces, up to four characters "
        "that pull the same way stand together.",
        examples=["chocolate"],
    )
    share: float = Field(description="Below 0: it takes from it.", examples=[0.3127])


class TextWords(ResponseBody):
    """The words of one text that matter most; with `rest` they add up to `likeness`."""

    words: tuple[WordShare, ...] = Field(description="The strongest first, twelve at most.")
    rest: float = Field(
        description="What all else in it adds, and how near a text without words lies.",
        examples=[0.0214],
    )


class ReasonWords(ResponseBody):
    """Which words make the item's text and a reason's lie near each other."""

    event: EventName
    item_id: ItemName | None
    title: Title | None = Field(description=OF_SEARCH)
    likeness: float = Field(
        description="How near the item's text lies to the reason's as the model reads them: -1 to "
        "1. It is the part of the reason's share that texts have.",
        examples=[0.612],
    )
    of_item: TextWords
    of_reason: TextWords | None = Field(
        description="Null for a search: whoever searched knows its words."
    )


class Words(ResponseBody):
    """The words of the texts that matter, as far as they are read."""

    state: Literal["ready", "asked", "none"] = Field(
        description="`asked`: what is not here yet is being read, and is there when this is asked "
        "again a few seconds later; it is kept for a day. `ready`: all is here. `none`: no reason "
        "named has a text in the catalogue beside the item's own.",
        examples=["ready"],
    )
    of: tuple[ReasonWords, ...] = Field(description="Of each reason, in their order.")


class WhyAnswer(ResponseBody):
    """Why an item is in a user's list, or why not."""

    user_id: UserName
    item: WhyItem
    strategy: Strategy = Field(description="What the list is made of: see `POST /recommend`.")
    model_version: ModelName
    space_id: SpaceName
    experiments: dict[str, str] = Field(
        description="In which experiments the user is, and with which variant: the list is as that "
        "has it. Of two interleaved lists it is the first.",
        examples=[{}],
    )
    profile_as_of: Moment
    lag_ms: Lag
    stale_seconds: Stale
    place: Place | None = Field(description="In the list; null: it is not in it.")
    relevance: Relevance
    rank: Rank
    kept_out: KeptOutBy
    rules: tuple[str, ...] = Field(
        description="The shop's rules that have put or moved the item, by id; of one that is not "
        "listed, those that keep it out or hold it down.",
        examples=[[]],
    )
    reasons: tuple[Reason, ...] = Field(description="What speaks for it, as in lists.")
    against: tuple[Reason, ...] = Field(
        description="Returns and bad reviews that speak against it, as in lists. What takes from "
        "it without being a complaint is among `events` alone."
    )
    why: str | None = Field(
        description="Both in a sentence, as in lists; null where nothing named speaks for it.",
        examples=["Because you bought Dark chocolate 85% (84 %); all else: 16 %."],
    )
    events: tuple[EventShare, ...] = Field(
        description="All events that are remembered, the strongest first. Their shares and "
        "`price_share` add up to `relevance`; all are 0 where what everybody wants stands for the "
        "item, or nobody has read it yet."
    )
    price_share: float = Field(
        description="What its price adds, among those of its category.", examples=[0.018204]
    )
    words: Words
    without: ListWithout | None = Field(
        description="With `without`: the list that there would be; else null."
    )
