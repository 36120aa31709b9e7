"""Leaving: whether the service is about to stop.

Readiness says so first, and every answer closes its connection, so that nobody sends the next
request to a socket that is just being closed.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Leaving:
    """Set once, by the server; read by everybody else."""

    has_begun: bool = False
