"""What routes ask for, by name."""

from typing import Annotated, TypedDict

from fastapi import Depends, Path, Query, Request
from pydantic import StringConstraints

from portrait.events.item import LONGEST_ID, Id
from portrait.reading.records import LONGEST_KEY
from service.access.caller import Caller
from service.access.guard import Guard
from service.http.border import Border
from service.http.languages import Language
from service.live import Live
from service.parts import Parts
from service.recommendations.turns import Turns
from service.seats import Seats
from service.standing import Standing


class State(TypedDict):
    """What the app's lifespan yields: reachable from every request."""

    parts: Parts
    live: Live
    border: Border
    turns: Turns
    guard: Guard | None  # None: access control is off
    standing: Standing
    seats: Seats
    shop: str | None  # whose parts these are; None: there is but one


def state_of(request: Request) -> tuple[Parts, Live]:
    """Return both at once, for a route too hot for dependencies."""
    state = request.scope["state"]
    return state["parts"], state["live"]


def border_of(request: Request) -> Border:
    """Return what a request must be."""
    border: Border = request.scope["state"]["border"]
    return border


def turns_of(request: Request) -> Turns:
    """Return where rankings wait."""
    turns: Turns = request.scope["state"]["turns"]
    return turns


def seats_of(request: Request) -> Seats:
    """Return who holds requests open."""
    seats: Seats = request.scope["state"]["seats"]
    return seats


def standing_of(request: Request) -> Standing:
    """Return how the process is doing."""
    standing: Standing = request.scope["state"]["standing"]
    return standing


def caller_of(request: Request) -> Caller:
    """Return who was let in."""
    caller: Caller = request.scope["state"]["caller"]
    return caller


async def _parts(request: Request) -> Parts:
    parts: Parts = request.state.parts
    return parts


async def _live(request: Request) -> Live:
    live: Live = request.state.live
    return live


PartsDep = Annotated[Parts, Depends(_parts)]
LiveDep = Annotated[Live, Depends(_live)]
# What is read or erased need not be what is taken in today: whatever lies there can be reached.
UserIdPath = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST_KEY),
    Path(
        description="As in the events; `anonymous:` before the id of who has not logged in.",
        examples=["household-441"],
    ),
]
OldItemIdPath = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST_ID),
    Path(description="As in the events. May contain slashes.", examples=["1082185"]),
]
ItemIdPath = Annotated[
    Id, Path(description="As in the events. May contain slashes.", examples=["1082185"])
]
Spoken = Annotated[
    Language | None,
    Query(description="Of sentences; else by `Accept-Language`, else English."),
]
