"""Logs: one line per batch and per request, JSON in a container, text in a terminal.

Nobody's words but ours: an error of a library may repeat a record, a key or a password, so what
is told of it is its class and where it was raised.
"""

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal, TextIO

import structlog
from pydantic import ValidationError
from pydantic_settings import SettingsError

from portrait.errors import PortraitError
from portrait.field_errors import reasons

MOST_ERRORS = 8  # of one failure: causes, and members of groups
MOST_FRAMES = 12  # of one error, the innermost

_ErrorInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)

log = structlog.get_logger()


def configure_logs(form: Literal["auto", "json", "text"], stream: TextIO | None = None) -> None:
    """Send structlog, and warnings of the libraries, to a stream: standard output, if none."""
    printing = structlog.PrintLoggerFactory(stream)  # none: what is standard output by then
    stream = stream or sys.stdout
    text = form == "text" or (form == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Discreet("%(name)s: %(message)s") if text else _AsJson("%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.dev.ConsoleRenderer() if text else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=printing,
        cache_logger_on_first_use=True,
    )


def report_failure() -> None:
    """Let whatever ends this process be logged, discreetly. Call it first."""
    sys.excepthook = _hook


def described(error: BaseException) -> list[str]:
    """Describe an error and what led to it: class, reason if it is ours, places; a line each."""
    return [_line(each) for each, _ in zip(_chain(error), range(MOST_ERRORS), strict=False)]


def leaves(group: BaseExceptionGroup) -> Iterator[BaseException]:
    """Yield the errors of a group that are no groups themselves."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error


class _Discreet(logging.Formatter):
    """Formats a library's message with its error's class and place."""

    def formatException(  # noqa: N802 - logging's name
        self, ei: _ErrorInfo
    ) -> str:
        return "\n".join(described(ei[1])) if ei[1] is not None else ""


class _AsJson(_Discreet):
    """The same as a line of JSON, beside ours."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "library": record.name,
            "said": super().format(record),
            "event": "library_said",
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        }
        return json.dumps(line, ensure_ascii=False)


def _hook(kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    """Log what ends the process."""
    if not issubclass(kind, KeyboardInterrupt):
        log.critical("process_failed", errors=described(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, the members of a group, and what they were caused by."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for member in error.exceptions:
                yield from _chain(member)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _line(error: BaseException) -> str:
    kind = type(error)
    frames = traceback.extract_tb(error.__traceback__)[-MOST_FRAMES:]
    places = " > ".join(f"{each.filename}:{each.lineno}" for each in frames)
    return f"{kind.__module__}.{kind.__qualname__}{_reason(error)} at {places or 'no place'}"


def _reason(error: BaseException) -> str:
    """Return what is wrong, of errors whose words are our own, or name fields alone."""
    if isinstance(error, PortraitError):
        return f": {error}"
    if isinstance(error, SettingsError):
        return f": {error}"  # the name of a field and of its source
    return f": {reasons(error)}" if isinstance(error, ValidationError) else ""
