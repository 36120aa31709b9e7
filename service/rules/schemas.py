"""What goes in and out over HTTP about the shop's rules."""

from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field

from portrait.rules.rule import EXAMPLE, MOST_RULES, Kind, Note, Rule, check_rules
from service.fields import ItemName, RequestBody, ResponseBody, SentMoment, Title
from service.recommendations.asked import ProfileName
from service.recommendations.schemas import Strategy

MOST_USERS = 20  # of a preview
MOST_NEWEST = 50
MOST_SHOWN = 50  # items of one list of a preview
Rules = Annotated[
    tuple[Rule, ...], AfterValidator(check_rules), Field(max_length=MOST_RULES, strict=False)
]


class RulesBody(RequestBody):
    """All rules, as they are to be."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "note": "Spring sale",
                    "rules": [
                        EXAMPLE,
                        {"id": "two-per-brand", "do": {"quota": {"most": 2, "per": "brand"}}},
                        {
                            "id": "spring-tea",
                            "from": "2027-03-20T00:00:00Z",
                            "until": "2027-04-01T00:00:00Z",
                            "where": {"category": ["GROCERY > TEA"]},
                            "do": {"boost": 0.3},
                        },
                    ],
                }
            ]
        }
    )

    note: Note = Field("", description="Why they are changed.")
    rules: Rules = Field(description="In their order: of two pins of one place the first has it.")


class BookSummary(ResponseBody):
    """One version of the rules."""

    version: int = Field(examples=[3])
    author: str = Field(examples=["key 3f9c1a20b7de"])
    at: AwareDatetime = Field(examples=["2026-11-27T09:30:00Z"])
    note: str = Field(examples=["Spring sale"])
    rules: int = Field(description="How many there were.", examples=[12])


class HistoryAnswer(ResponseBody):
    """The versions that are kept, the newest first."""

    versions: tuple[BookSummary, ...]


class RulesPreviewBody(RequestBody):
    """Rules to try, and whose lists to try them on."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"rules": [EXAMPLE], "users": ["household-441"]}]}
    )

    rules: Rules = Field(description="All rules, as they would be.")
    users: tuple[ProfileName, ...] = Field(
        (), max_length=MOST_USERS, strict=False, description="Whose home page to show."
    )
    newest: int = Field(
        20,
        ge=0,
        le=MOST_NEWEST,
        description="How many of the newest requests for lists, as this process had them, to "
        "answer again. Who asked is not said.",
    )
    limit: int = Field(10, ge=1, le=MOST_SHOWN, description="Most items of a list.")
    at: SentMoment = Field(None, description="As of that moment. Without it: now.")


class PreviewItem(ResponseBody):
    """One item of a list."""

    item_id: ItemName
    title: Title
    rules: tuple[str, ...] = Field(
        description="That put or moved it; of what is gone from the list, that bar it.",
        examples=[["no-wine"]],
    )


class PreviewList(ResponseBody):
    """One list, by the rules in force and by those that are tried."""

    user_id: str | None = Field(
        description="As it was asked for; null: a request of somebody.", examples=["household-441"]
    )
    strategy: Strategy = Field(examples=["profile"])
    before: tuple[PreviewItem, ...]
    after: tuple[PreviewItem, ...]
    gone: tuple[PreviewItem, ...] = Field(description="Of `before`, what is not in `after`.")


class RuleReach(ResponseBody):
    """How far one rule reaches, of those that are tried."""

    id: str = Field(examples=["no-wine"])
    does: Kind = Field(examples=["exclude"])
    lists: int = Field(description="How many of the lists are subject to it.", examples=[14])
    listed: int = Field(
        description="Items that it put or moved, in all lists; of `count`, those of lists that "
        "stand on such events.",
        examples=[0],
    )
    removed: int = Field(
        description="Items that it took out of all lists. A `count` takes out none: what goes by "
        "it goes for others that suit better.",
        examples=[3],
    )


class RulesPreviewAnswer(ResponseBody):
    """What rules would change."""

    changed: int = Field(description="How many of the lists would be others.", examples=[3])
    rules: tuple[RuleReach, ...]
    lists: tuple[PreviewList, ...]
