"""Ports on loopback: chosen so that nobody else has them, waited for, and given back.

Sessions on one machine choose from the same range. Each reserves what it chose by a name in
Linux's abstract namespace, which goes when the session goes, however it ends.
"""

import random
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

START_SECONDS = 120.0  # a busy machine is slow; a process that has died is noticed at once
POLL_SECONDS = 0.02
LISTEN = "0A"  # a state of TCP in /proc/net/tcp
PORTS = (20_000, 32_000)  # below those of outgoing connections, 32,768 and up on Linux


def free_port(preferred: int = 0) -> int:
    """Return a loopback port that nobody has, and reserve it: the preferred one, if it is free.

    It is none that the system gives to outgoing connections: a client that knocks at a server that
    is down could get the server's own port, and keep it from coming back.
    """
    return next(port for port in _candidates(preferred) if can_bind(port) and _reserve(port))


def _candidates(preferred: int) -> Iterator[int]:
    if preferred:
        yield preferred
    while True:
        yield random.randrange(*PORTS)  # noqa: S311 - not a secret


def _reserve(port: int) -> bool:
    """Keep other sessions from choosing the port while this process lives."""
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0portrait-port-{port}")
    except OSError:
        name.close()
        return False
    name.detach()  # the system closes it when this process ends
    return True


def can_bind(port: int) -> bool:
    """Say whether a server could listen on a loopback port; connections in TIME_WAIT allow it."""
    with socket.socket() as probe, suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        probe.listen()
        return True
    return False


def port_is_free(port: int) -> bool:
    """Say whether nobody listens on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def listens(id: int, port: int) -> bool:
    """Say whether it is this process that listens on a port, and not another."""
    sockets = {f"socket:[{inode}]" for inode in _listeners(port)}
    with suppress(OSError):  # it has ended, or closed something meanwhile
        return any(str(file.readlink()) in sockets for file in Path(f"/proc/{id}/fd").iterdir())
    return False


def _listeners(port: int) -> Iterator[str]:
    """Yield the inodes of the sockets that listen on a port, as Linux tells them."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, *_, inode = line.split()[:10]
        if state == LISTEN and int(local.rpartition(":")[2], 16) == port:
            yield inode


def wait_until_free(port: int, seconds: float = START_SECONDS) -> None:
    """Wait until a server could listen on a port: whoever had it may still be ending.

    Raises:
        TimeoutError: Somebody keeps it.
    """
    ends = time.monotonic() + seconds
    while not can_bind(port):
        if time.monotonic() > ends:
            msg = f"port {port} is still taken after {seconds:.0f} s"
            raise TimeoutError(msg)
        time.sleep(POLL_SECONDS)
