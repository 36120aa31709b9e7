"""`portrait shops`: what an operator says on the command line, and is told."""

import argparse
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from portrait.errors import SettingsInvalidError
from portrait.shops.name import ShopName
from portrait.shops.shop import Quotas, Shop

_NAME: TypeAdapter[str] = TypeAdapter(ShopName)
_QUOTAS = {
    "requests": "tokens a second that all its keys may ask for; its public ones for half of that",
    "events": "events a second that it may send over HTTP, by public keys half of that",
    "users": "most users with a profile, before events of new ones are refused over HTTP",
    "items": "most items of its catalogue, before new ones are refused over HTTP",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what can be asked for."""
    tasks = "create|list|limit|delete"
    asked = parser.add_subparsers(dest="task", required=True, metavar=tasks)
    for task, told in (
        ("create", "make a shop, with its topics"),
        ("limit", "give a shop other quotas; those that are not named are none"),
    ):
        own = asked.add_parser(task, help=told)
        own.add_argument("name", help="small letters, digits and hyphens: `acme`")
        for quota, about in _QUOTAS.items():
            own.add_argument(f"--{quota}", help=about)
    asked.add_parser("list", help="list all shops")
    delete = asked.add_parser("delete", help="delete a shop and all that is kept of it")
    delete.add_argument("name", help="as `portrait shops list` shows it")
    delete.add_argument("--yes", action="store_true", help="mean it: nothing brings it back")
    delete.add_argument(
        "--force",
        action="store_true",
        help="though Kafka still counts workers that have stopped as members of their groups",
    )


def name_in(options: argparse.Namespace) -> str:
    """Return the shop that is named.

    Raises:
        SettingsInvalidError: No shop can be called so.
    """
    return str(_read(_NAME.validate_python, options.name, "NAME"))


def quotas_in(options: argparse.Namespace) -> Quotas:
    """Return the quotas that are named.

    Raises:
        SettingsInvalidError: One cannot be.
    """
    named = {name: getattr(options, name) for name in _QUOTAS}
    quotas: Quotas = _read(Quotas.model_validate, named, "--")
    return quotas


def _read(read: Any, value: object, place: str) -> Any:  # noqa: ANN401 - of either kind
    try:
        return read(value)
    except ValidationError as error:
        (wrong, *_) = error.errors(include_url=False, include_input=False)
        told = wrong["msg"].removeprefix("Value error, ")
        if wrong["type"] == "string_pattern_mismatch":
            told = "Small letters, digits and hyphens, 32 at most, a letter first: `acme`"
        msg = f"{place}{'.'.join(map(str, wrong['loc']))}: {told}."
        raise SettingsInvalidError(msg) from None


def table(shops: Sequence[Shop]) -> list[str]:
    """Write shops as lines of columns."""
    if not shops:
        return ["There are no shops: `portrait shops create NAME` makes one."]
    rows = [("name", "since", "state", *_QUOTAS)]
    rows += [
        (each.name, f"{each.created_at:%Y-%m-%d}", _state(each), *_limits(each)) for each in shops
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _state(shop: Shop) -> str:
    return "being deleted" if shop.is_closing else "good"


def _limits(shop: Shop) -> list[str]:
    limits = [getattr(shop.quotas, name) for name in _QUOTAS]
    return ["-" if limit is None else f"{limit:g}" for limit in limits]
