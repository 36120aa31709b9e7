"""Import of edges: rows of two items and what the first is to the second, replaced whole.

    from,relation,to
    case-12,fits,phone-3

To import the same again changes nothing; what a file does not have any more is gone.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from portrait.catalogue.edges import MOST_EDGES, Edge, Relation
from portrait.events.item import Id
from portrait.field_errors import reasons
from portrait.reading.files import Row, Source
from workers.imports.look import ImportRefusedError

MOST_TOLD = 10  # reasons of dead rows that are shown


class EdgeRow(BaseModel):
    """One row."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    source: Id = Field(validation_alias=AliasChoices("from", "source", "item_id"))
    relation: Relation = Field(validation_alias=AliasChoices("relation", "type", "kind"))
    target: Id = Field(validation_alias=AliasChoices("to", "target", "other_id"))


@dataclass(slots=True)
class EdgeRows:
    """What was read."""

    edges: list[Edge] = field(default_factory=list)
    rows: int = 0
    dead: Counter[str] = field(default_factory=Counter)  # reasons

    def lines(self) -> Iterator[str]:
        """Tell of it."""
        dead = sum(self.dead.values())
        yield f"{self.rows:,} rows: {len(self.edges):,} edges, {dead:,} dead"
        for reason, count in self.dead.most_common(MOST_TOLD):
            yield f"{count:>10,}  dead: {reason}"

    def check(self, dead_share: float) -> None:
        """Refuse what is mostly no edges, or too many.

        Raises:
            ImportRefusedError: It is.
        """
        if sum(self.dead.values()) > dead_share * self.rows:
            msg = f"Nothing was imported: more than {dead_share:.1%} of the rows are dead."
            raise ImportRefusedError(msg)
        if len(self.edges) > MOST_EDGES:
            msg = f"Nothing was imported: there may be {MOST_EDGES:,} edges."
            raise ImportRefusedError(msg)


def read_edges(sources: Iterable[Source], encoding: str) -> EdgeRows:
    """Read all rows of some files.

    Raises:
        FileUnreadableError: One of them cannot be read.
    """
    found = EdgeRows()
    for source in sources:
        for row in source.rows(encoding):
            found.rows += 1
            try:
                edge = _read(row)
            except ValidationError as error:
                found.dead[reasons(error)] += 1
            else:
                found.edges.append(Edge(edge.source, edge.relation, edge.target))
    return found


def _read(row: Row) -> EdgeRow:
    if isinstance(row.sent, bytes):
        return EdgeRow.model_validate_json(row.sent)
    return EdgeRow.model_validate(row.sent)
