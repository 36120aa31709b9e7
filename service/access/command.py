"""`portrait keys`: what an operator says on the command line, and is told."""

import argparse
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter, ValidationError

from portrait.access.audit import AuditLog, line_of_command
from portrait.access.key import ApiKey, described, new_key
from portrait.access.scope import FOR_BROWSERS, Scope
from portrait.access.store import KeyStore
from portrait.errors import SettingsInvalidError
from portrait.shops.shop import LEAST_RATE, MOST_RATE
from portrait.times import seconds_of

_DURATION = TypeAdapter(timedelta)
LASTS = "--expires: A time as `90d`, `12h` or `30m`, from now on."
# What is wrong with a field of a key, by the option that it came from.
WRONG = {
    "name": "NAME: Up to 64 letters, digits, spaces and signs of `.@:/+-_`.",
    "origins": "--origin: As a browser writes it, `https://shop.example`: no path, no capital "
    "letter, and no port that goes without saying.",
    "rate": f"--rate: From {LEAST_RATE:g} to {MOST_RATE:,} tokens a second.",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what can be asked for."""
    asked = parser.add_subparsers(dest="task", required=True, metavar="create|list|revoke")
    create = asked.add_parser("create", help="make a key, and print it: this once")
    create.add_argument("name", help="what it is for, for people: `checkout`")
    create.add_argument(
        "--scope",
        action="append",
        choices=[*map(str, Scope)],
        dest="scopes",
        required=True,
        help="what it may do; may be given several times",
    )
    create.add_argument(
        "--origin",
        action="append",
        default=[],
        dest="origins",
        help="makes it a public key, for pages of this origin: `https://shop.example`; it may have "
        f"{' and '.join(sorted(FOR_BROWSERS))} alone",
    )
    create.add_argument("--expires", help="how long it lasts: `90d`; without it, until revoked")
    create.add_argument(
        "--rate",
        type=float,
        help="tokens a second that it may ask for, instead of PORTRAIT_KEY_RATE",
    )
    listed = asked.add_parser("list", help="list all keys, and when each was used last")
    revoke = asked.add_parser("revoke", help="let a key open nothing any more")
    revoke.add_argument("id", help="as `portrait keys list` shows it")
    for task in (create, listed, revoke):
        task.add_argument("--shop", help="whose keys these are, instead of PORTRAIT_SHOP")


async def run_task(store: KeyStore, audit: AuditLog, options: argparse.Namespace) -> list[str]:
    """Do what is asked for, and write it down. Returns the lines to print.

    Raises:
        SettingsInvalidError: A key cannot be as it is asked for.
        KeyNotFoundError: There is none to revoke.
        StoreUnavailableError: The store does not answer.
    """
    now = datetime.now(UTC)
    if options.task == "create":
        key, token = _made(options, now)
        await store.add(key)
        await audit.add(line_of_command("keys create", described(key), now))
        return [token]
    if options.task == "revoke":
        key = await store.revoke(options.id, now)
        await audit.add(line_of_command("keys revoke", described(key), now))
        return [f"{key.id} ({key.name}) opens nothing any more."]
    return _table(await store.all(), await store.uses(), now)


def _made(options: argparse.Namespace, now: datetime) -> tuple[ApiKey, str]:
    expires_at = None if options.expires is None else _ends(options.expires, now)
    try:
        return new_key(
            options.name,
            map(Scope, options.scopes),
            now,
            kind="public" if options.origins else "server",
            origins=options.origins,
            expires_at=expires_at,
            rate=options.rate,
        )
    except ValidationError as error:
        (wrong, *_) = error.errors(include_url=False, include_input=False)
        field = str(next(iter(wrong["loc"]), ""))
        why = wrong["msg"].removeprefix("Value error, ")
        raise SettingsInvalidError(WRONG.get(field, f"{why[:1].upper()}{why[1:]}.")) from None


def _ends(written: str, now: datetime) -> datetime:
    """Return when a key ends that lasts for a time.

    Raises:
        SettingsInvalidError: It is none, or it ends at once or beyond all years.
    """
    try:
        ends = now + _DURATION.validate_python(seconds_of(written))
    except (ValidationError, OverflowError):
        raise SettingsInvalidError(LASTS) from None
    if ends <= now:
        msg = "--expires: It would have expired before it was made."
        raise SettingsInvalidError(msg)
    return ends


def _table(keys: Sequence[ApiKey], uses: Mapping[str, datetime], now: datetime) -> list[str]:
    """Write keys as lines of columns."""
    if not keys:
        return ["There are no keys yet: `portrait keys create NAME --scope SCOPE` makes one."]
    rows = [("id", "name", "may", "used", "state")]
    rows += [
        (key.id, key.name, " ".join(sorted(key.scopes)), _day(uses.get(key.id)), _state(key, now))
        for key in keys
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return f"revoked {_day(key.revoked_at)}"
    if key.expires_at is None:
        return "good"
    return f"{'good until' if key.is_good(now) else 'expired'} {_day(key.expires_at)}"


def _day(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d}"
