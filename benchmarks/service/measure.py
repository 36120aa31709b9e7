"""Measuring a service that runs: in a closed loop and an open one, by a generator of its own."""

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from subprocess import PIPE, Popen

from benchmarks.service.generate import Outcome, Plan
from benchmarks.service.shop import Shop
from sandbox.servers import Servers, python

CONNECTIONS = 16  # of a closed loop: more add waiting, not answers
OPEN_CONNECTIONS = 64  # of an open one
LEAST_SENT = 5  # requests of an open loop, of which the first is not counted: it warms up


@dataclass(frozen=True, slots=True)
class Stand:
    """A shop that is being served."""

    shop: Shop
    service: int  # port
    bare: int  # port
    seconds: float  # of one measurement
    processor: Callable[[], float]  # seconds that the service has used
    servers: Servers
    loaded: float  # seconds until it was ready
    memory: Callable[[], int]  # bytes that it holds


def processor_seconds(process: int) -> float:
    """Read what a process has used of all cores."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(process: int) -> int:
    """Read what a process holds in memory."""
    pages = Path(f"/proc/{process}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def capacity(requests: Sequence[str], stand: Stand) -> Outcome:
    """Measure a closed loop."""
    return ended(begun(Plan(stand.service, requests, stand.seconds, CONNECTIONS)))


def half_of(most: Outcome, seconds: float) -> float:
    """Return half of a capacity, a second; but so often that something is measured."""
    return max(most.rate / 2, LEAST_SENT / seconds)


def open_loop(requests: Sequence[str], stand: Stand, rate: float) -> Outcome:
    """Measure an open loop."""
    return ended(begun(Plan(stand.service, requests, stand.seconds, OPEN_CONNECTIONS, rate)))


def begun(plan: Plan) -> Popen[str]:
    """Start a generator."""
    process = Popen(  # noqa: S603 - our own command line
        python("benchmarks.service.generate"), stdin=PIPE, stdout=PIPE, text=True
    )
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    json.dump(asdict(plan), process.stdin)
    process.stdin.close()
    return process


def ended(process: Popen[str]) -> Outcome:
    """Wait for a generator's outcome."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    with process.stdout as lines:
        outcome = lines.read()
    if process.wait():
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return Outcome(**json.loads(outcome.splitlines()[-1]))
