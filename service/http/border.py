"""The border: what a request must be before it reaches a route that changes something.

A browser sends requests for any page that it shows, also to addresses that only its user reaches.
So a page of a stranger must not write here: where browsers say who asks, it is looked at, and a
body needs the type that a page cannot send to another host without asking first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import ClassVar
from urllib.parse import unquote_to_bytes

from fastapi import Request
from starlette.types import Scope

from portrait.addresses import is_loopback
from portrait.reading.dialect import AS_SENT, Dialect
from service.http.leaving import Leaving
from service.http.problems import FieldError, ProblemError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
DEFAULT_PORTS = {"http": ":80", "https": ":443"}
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"  # what a server makes of bytes that are no UTF-8


@dataclass(frozen=True, slots=True)
class Border:
    """Who may come in."""

    hosts: frozenset[str] = frozenset()  # names that this service answers to; empty: any
    origins: frozenset[str] = frozenset()  # of pages on other hosts that may write
    future_tolerance: timedelta = timedelta(minutes=5)  # how far ahead of us an event may lie
    dialect: Dialect = AS_SENT  # how the shop's messages are read
    leaving: Leaving = field(default_factory=Leaving)


class AddressInvalidError(ProblemError):
    """The path is not UTF-8."""

    status = HTTPStatus.BAD_REQUEST
    name = "address-invalid"


class HostUnknownError(ProblemError):
    """This service does not answer to that host name."""

    status = HTTPStatus.BAD_REQUEST
    name = "host-unknown"


class OriginRefusedError(ProblemError):
    """A page of another origin may not do this."""

    status = HTTPStatus.FORBIDDEN
    name = "origin-refused"


class ContentTypeError(ProblemError):
    """The body must be JSON, and say so."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    name = "content-type"
    headers: ClassVar[Mapping[str, str]] = {"Accept": "application/json, application/*+json"}


class QueryUnknownError(ProblemError):
    """This takes no query."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    name = "query-unknown"


def hosts_of(bound: str) -> frozenset[str]:
    """Return the names that a service bound to an address answers to; none: to any.

    What listens on loopback alone is reached by its own machine, so by any page in a browser there
    whose name was made to point at loopback.
    """
    name = f"[{bound}]" if ":" in bound else bound.lower()
    return LOOPBACK | {name} if is_loopback(bound) else frozenset()


def check_address(scope: Scope, border: Border) -> None:
    """Refuse a path that cannot be read as it was sent, and a host that is not this one.

    Raises:
        AddressInvalidError: The path is not UTF-8.
        HostUnknownError: There is no Host, another one, or more than one.
    """
    if REPLACEMENT in scope["path"] and not _is_utf8(scope["raw_path"]):
        msg = "Percent-encode the bytes of its UTF-8."
        raise AddressInvalidError(msg)
    if not is_known_host(scope, border):
        msg = "Use the one name it is known by, or add this one to PORTRAIT_ALLOWED_HOSTS."
        raise HostUnknownError(msg)


def is_known_host(scope: Scope, border: Border) -> bool:
    """Say whether this service answers to the name it was asked by; two names are none."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    if len(hosts) != 1:
        return not (hosts or border.hosts)
    return not border.hosts or _name_of(hosts[0].decode("latin-1")) in border.hosts


def check_writer(request: Request, border: Border, origins: frozenset[str] = frozenset()) -> None:
    """Refuse what a page of another origin sends.

    Args:
        request: What is asked.
        border: Who may come in.
        origins: Of whose pages the key that was shown is.

    Raises:
        OriginRefusedError: The browser says that another page asks.
    """
    headers = request.headers
    is_cross_site = headers.get("sec-fetch-site") == "cross-site"
    pages = headers.getlist("origin")
    host = headers.get("host", "").lower().removesuffix(":")
    for page in pages:
        is_same = not is_cross_site and _host_in(page) in {host, _without_port(page, host)}
        if not (is_same or page in border.origins or page in origins):
            raise OriginRefusedError(_HOW_TO_ALLOW)
    if is_cross_site and not pages:
        raise OriginRefusedError(_HOW_TO_ALLOW)


def check_content_type(request: Request) -> None:
    """Refuse a body that does not say it is JSON.

    Raises:
        ContentTypeError: It says something else, or nothing.
    """
    headers = request.headers
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    given = headers.get("content-type", "")
    if (has_body or given) and not _is_json(given):
        msg = "Send it with `content-type: application/json`, or another type that ends in `+json`."
        raise ContentTypeError(msg)


def check_no_query(request: Request) -> None:
    """Refuse a query where it may be the rest of an id: the wrong user would be erased.

    Raises:
        QueryUnknownError: There is one.
    """
    if request.scope["query_string"]:
        msg = "A question mark in an id is written %3F."
        raise QueryUnknownError(msg, errors=[FieldError(detail="unknown", parameter="?")])


_HOW_TO_ALLOW = "An operator allows an origin with PORTRAIT_ALLOWED_ORIGINS."


def _is_utf8(raw_path: bytes) -> bool:
    try:
        unquote_to_bytes(raw_path).decode()
    except UnicodeDecodeError:
        return False
    return True


def _name_of(host: str) -> str:
    """Return a Host header's name without its port, which may be empty."""
    name, colon, port = host.lower().rpartition(":")
    return name if colon and (port.isdecimal() or not port) else host.lower()


def _host_in(origin: str) -> str:
    """Return the host and port of an origin; nothing of one that names none."""
    return _without_port(origin, origin.lower().partition("://")[2])


def _without_port(origin: str, host: str) -> str:
    """Leave out the port that the origin's scheme has anyway."""
    return host.removesuffix(DEFAULT_PORTS.get(origin.lower().partition(":")[0], "\0"))


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )
