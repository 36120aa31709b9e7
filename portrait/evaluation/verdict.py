"""Verdicts: what the judge decided of a challenger, with every figure and the reason.

A verdict goes wherever the question "why this model?" may come up: the log, the tracking server,
the model's card in Redis, the HTTP API, a terminal.
"""

from pydantic import BaseModel, ConfigDict, Field

LEAST_CASES = 50  # people in a situation; a share of fewer says little
LEAST_LISTS = 1_000  # in which places were drawn for: of fewer the interval is wider than any gain
LEAST_PEOPLE = 30  # whose lists they were: of fewer the interval holds the truth too seldom
EXPLORED = "explored clicks"
COLUMNS = ("", "champion", "challenger", "baseline", "limit", "")


class Check(BaseModel):
    """One figure of champion and challenger, and whether the challenger's is good enough."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = Field(description="What was measured, on which slice.", examples=["search HR@10"])
    champion: float | None = Field(description="Null: not measured.", examples=[0.41])
    challenger: float | None = Field(examples=[0.46])
    baseline: float | None = Field(
        None, description="The same without any learning.", examples=[0.44]
    )
    limit: float | None = Field(
        None,
        description="What the challenger had to reach; null: shown only.",
        examples=[0.3895],
    )
    at_most: bool = Field(default=False, description="Whether the limit is one from above.")
    cases: int | None = Field(
        None,
        description="People who were asked about; each counts once, however often. Of "
        "`explored clicks`: lists.",
        examples=[107],
    )
    people: int | None = Field(
        None, description="Of `explored clicks`: people whose lists these are.", examples=[412]
    )
    interval: tuple[float, float] | None = Field(
        None,
        description="95 % interval of the challenger's figure less the champion's.",
        examples=[[-0.02, 0.12]],
    )
    judged: bool = Field(default=True, description="false: there were too few cases to tell.")
    passed: bool = Field(
        description="True, too, if chance explains that it is missed, or if it was not judged.",
        examples=[True],
    )
    reason: str = Field(
        description="The same in words.",
        examples=["After a search, what was taken next is among the first ten in 46 of 100 cases."],
    )

    @property
    def needed(self) -> int:
        """Cases from which on it is judged."""
        return LEAST_LISTS if self.name == EXPLORED else LEAST_CASES

    @property
    def lacks_people(self) -> bool:
        """Whether they are too few people for an interval, however many lists they had."""
        return self.people is not None and self.people < LEAST_PEOPLE

    @property
    def is_gone(self) -> bool:
        """Whether there was something, and nothing is left of it."""
        return bool(self.champion) and self.challenger == 0 and not self.at_most


class Verdict(BaseModel):
    """Promote, or refuse; the reason; every check."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    champion: str = Field(
        description="Version of the model in service.", examples=["20261123T030000Z-1c2d3e4f"]
    )
    challenger: str = Field(
        description="Version of the model on trial.", examples=["20261124T030000Z-9f86d081"]
    )
    promote: bool = Field(examples=[True])
    reason: str = Field(examples=["What people took next stands higher in the lists."])
    checks: tuple[Check, ...]

    def told(self) -> list[str]:
        """Return what was decided, and every exam, in words."""
        return [self.reason, *(check.reason for check in self.checks)]

    def table(self) -> str:
        """Write champion, challenger and baseline side by side, for a terminal."""
        rows = [COLUMNS, *(_row(check) for check in self.checks)]
        widths = [max(len(row[place]) for row in rows) for place in range(len(COLUMNS))]
        lines = [_line(row, widths) for row in rows]
        rule = "-" * max(map(len, lines))
        word = "PROMOTED" if self.promote else "REFUSED"
        return "\n".join([lines[0], rule, *lines[1:], rule, f"{word}: {self.reason}"])


def _row(check: Check) -> tuple[str, ...]:
    figures = (check.champion, check.challenger, check.baseline)
    limit = "" if check.limit is None else f"{'<=' if check.at_most else '>='} {check.limit:.4f}"
    return (check.name, *map(_figure, figures), limit, _mark(check))


def _mark(check: Check) -> str:
    """Say how it went; a limit may be missed by so little that chance explains it."""
    if not check.passed:
        return "FAILED"
    if not check.judged:
        return "too few people" if check.lacks_people else "not judged"
    if check.limit is None or check.challenger is None:
        return ""
    over = check.challenger - check.limit
    return "ok" if (over <= 0 if check.at_most else over >= 0) else "ok, chance"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    name, *rest = row
    cells = [name.ljust(widths[0])]
    cells += [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
    return "  ".join(cells).rstrip()
