"""Servers on this machine: run on a port, and waited for until they listen there."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sandbox.ports import (
    POLL_SECONDS,
    START_SECONDS,
    can_bind,
    free_port,
    listens,
    port_is_free,
    wait_until_free,
)
from sandbox.processes import EndedError, Process, missed, running, started


@contextmanager
def listening(
    command: Callable[[int], list[str]], log: Path, port: int | None = None
) -> Iterator[int]:
    """Run a server on a port, or on any, once it is free. Yields the port when it listens.

    Raises:
        EndedError: It ended instead, and not because of the port.
        TimeoutError: The port stays taken, or it does not listen.
    """
    with ExitStack() as stack:
        yield _listen(stack, command, log, port)


def _listen(
    stack: ExitStack, command: Callable[[int], list[str]], log: Path, port: int | None
) -> int:
    while True:
        chosen = port or free_port()
        wait_until_free(chosen)
        process = stack.enter_context(running(command(chosen), log))
        if port:
            _succeed(process)
        try:
            wait_for_port(chosen, process)
        except EndedError:
            if can_bind(chosen):
                raise
            process.expect_end()  # somebody was faster: that was all
        else:
            return chosen


def _succeed(process: Process) -> None:
    """Take the end of former ones for meant: who is started again on its port was known to end."""
    for former in missed():
        if former.args == process.args and former is not process:
            former.expect_end()


def wait_for_port(port: int, process: Process | None = None) -> None:
    """Wait until a process listens, or, without one, until somebody does.

    Raises:
        EndedError: The process that was to listen has ended.
        TimeoutError: Nobody did; the server's log file says why.
    """
    ends = time.monotonic() + START_SECONDS
    while port_is_free(port) if process is None else not listens(process.pid, port):
        if process is not None and process.is_missed():
            raise EndedError(process)
        if time.monotonic() > ends:
            msg = f"nothing listens on port {port} after {START_SECONDS:.0f} s"
            raise TimeoutError(msg)
        time.sleep(POLL_SECONDS)


def listener(port: int) -> Process:
    """Return the process of this session that listens on a port."""
    (process,) = [each for each in started() if listens(each.pid, port)]
    return process
