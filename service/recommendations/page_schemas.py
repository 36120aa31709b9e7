"""What goes in and out over HTTP about pages: several lists, made together."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from service.fields import ItemName, ResponseBody
from service.http.languages import Language
from service.recommendations.asked import AskerBody, ListBody
from service.recommendations.schemas import Recommendations
from service.recommendations.surfaces import Surface, lacking, mixed

MOST_ROWS = 8
RowTitle = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class PageRow(ListBody):
    """How one row is wanted. A row of surface `item` without one is about what they bought."""

    title: RowTitle | None = Field(None, description="What stands above it, instead of our words.")


class PageRequest(AskerBody):
    """For whom, and which rows, a page is wanted."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "user_id": "household-441",
                    "rows": [
                        {"surface": "again", "limit": 3},
                        {"surface": "item", "limit": 3},
                        {"limit": 3},
                    ],
                }
            ]
        }
    )

    rows: tuple[PageRow, ...] = Field(
        min_length=1,
        max_length=MOST_ROWS,
        strict=False,
        description="From the top. No item stands in two of them: the upper row has it.",
    )

    @model_validator(mode="after")
    def _has_what_each_row_needs(self) -> Self:
        for row in self.rows:
            found = {"item_id"} if row.surface == "item" else set()  # by what they have done
            wrong = lacking(row.surface, self.said_for(row) | found) or mixed(row.sources)
            if wrong:
                raise ValueError(wrong)
        return self


class Row(Recommendations):
    """A list, as `POST /recommend` answers it, and what stands above it."""

    place: int = Field(description="Of the row among those asked for, from 0.", examples=[0])
    title: str = Field(examples=["Because you bought Dark chocolate 85%"])
    surface: Surface
    about: ItemName | None = Field(description="Of surface `item`: the item that it is about.")


class Page(ResponseBody):
    """Rows, from the top. Of those asked for, one that is about nothing is not among them."""

    language: Language
    rows: tuple[Row, ...]
