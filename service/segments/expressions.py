"""Expressions that are sent: read, and held against what the shop has."""

from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus

from portrait.catalogue.catalogue import Catalogue
from portrait.events.category import interest_category, meaning_of
from portrait.events.unwanted import What
from portrait.segments.expression import Expression
from portrait.segments.forecasts import NO_FORECASTS, Forecasts
from portrait.segments.terms import Thing
from portrait.segments.words import ExpressionError
from service.http.problems import FieldError, ProblemError
from service.live import Live
from service.view import View

NEAREST = 3  # names told of one that is not known
REMEMBERED = 1_000  # expressions: 4 MB at most
SHOWN = 24  # characters of an expression from where its fault is


class ExpressionWrongError(ProblemError):
    """The expression means nobody that can be told."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    name = "expression-wrong"


def understood(text: str, live: Live) -> tuple[Expression, Mapping[str, str]]:
    """Read an expression. Returns it, and how the shop writes what it names.

    Raises:
        ExpressionWrongError: It means nothing, or names what the shop does not have.
        ModelMissingError: Nobody knows yet what the shop has.
    """
    try:
        said = Expression.of(text)
        if not said.things:
            return said, {}
        view = live.require()
        spelled = {thing.key: _spelling(thing, view) for thing in said.things}
        return Expression.of(text, spelled), spelled
    except ExpressionError as error:
        raise _told(text, error) from None


@lru_cache(maxsize=REMEMBERED)
def forecasts_in(expression: str) -> frozenset[str]:
    """Return which forecasts an expression asks for; none, if this version cannot read it.

    To read the longest takes 5 ms of the loop, and an answer may tell of twenty.
    """
    try:
        return Expression.of(expression).forecasts
    except ExpressionError:
        return frozenset()


def forecasts_of(live: Live) -> Forecasts:
    """Return what the model in service foretells with."""
    return NO_FORECASTS if live.view is None else Forecasts.of(live.view.model)


def _told(text: str, error: ExpressionError) -> ExpressionWrongError:
    rest = text[error.at :]
    where = f" (`{rest[:SHOWN]}{'…' if len(rest) > SHOWN else ''}`)" if rest else ""
    msg = f"At character {error.at + 1}{where}: {error}"
    return ExpressionWrongError(msg, errors=[FieldError(detail=msg, pointer="#/expression")])


def _spelling(thing: Thing, view: View) -> str:
    """Return how the shop writes a category or a brand, as a profile names it.

    Raises:
        ExpressionError: It has none, or a category is wider than an interest is named.
    """
    catalogue, source = view.source.mirror.catalogue, view.source
    if thing.what is What.BRAND:
        codes = catalogue.brands.named(thing.name)
        if codes:
            names: list[str] = [*catalogue.brands]
            return names[codes[0]]
        nearest = source.brands.nearest(thing.name, lambda _: True, NEAREST)
        raise _unknown(thing, nearest)
    found: list[str] = _interests_in(thing.name, catalogue)
    meant = meaning_of(interest_category(thing.name))
    for name in found:
        if meaning_of(name) == meant:
            return name
    nearest = source.categories.nearest(thing.name, view.shelf.has_category, NEAREST)
    raise _unknown(thing, found[:NEAREST] or [*map(interest_category, nearest)])


def _interests_in(path: str, catalogue: Catalogue) -> list[str]:
    """Return the interests that are a category, or lie in it."""
    codes = catalogue.interests.within(interest_category(path))
    names = [*catalogue.interests]
    return [names[code] for code in codes]


def _unknown(thing: Thing, nearest: list[str]) -> ExpressionError:
    what = "an interest" if thing.what is What.CATEGORY else "a brand"
    told = " or ".join(f"`{name}`" for name in dict.fromkeys(nearest))
    meant = f" Perhaps {told} is meant." if nearest else ""
    return ExpressionError(f"the shop has no such name of {what}.{meant}", thing.at)
