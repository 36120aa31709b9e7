"""Logs: one line per batch and per request, JSON in a container, text in a terminal."""

import logging
import sys
from typing import Literal

import structlog


def configure_logs(form: Literal["auto", "json", "text"]) -> None:
    """Send structlog, and warnings of the libraries, to standard output."""
    text = form == "text" or (form == "auto" and sys.stdout.isatty())
    logging.basicConfig(level=logging.WARNING, stream=sys.stdout, format="%(name)s: %(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.dev.ConsoleRenderer() if text else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
