"""The door: how a listening socket is closed without losing who has just come.

new connections are dropped, as if they were late ─▶ those begun are completed and taken ─▶ closed

A socket that is closed resets whoever the kernel has let in and the loop has not yet taken, and
somebody comes in between any look and the closing. So the kernel is told first to drop what asks
for a new connection: that client tries again after a second, and is refused, so it goes elsewhere.
"""

import ctypes
import select
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress

# Classic BPF on the TCP header, Linux's own filter of sockets (linux/filter.h).
_INSTRUCTIONS = (
    (0x30, 0, 0, 13),  # ldb [13]: the flags
    (0x54, 0, 0, 0x12),  # and SYN | ACK
    (0x15, 0, 1, 0x02),  # SYN alone?
    (0x06, 0, 0, 0),  # ret 0: drop
    (0x06, 0, 0, 0xFFFF),  # ret: keep
)


def let_nobody_in(listening: Iterable[socket.socket]) -> None:
    """Drop new connections from now on; where the system cannot, they are let in."""
    program = b"".join(struct.pack("HBBI", *each) for each in _INSTRUCTIONS)
    held = ctypes.create_string_buffer(program)
    attached = struct.pack("HP", len(_INSTRUCTIONS), ctypes.addressof(held))
    option = getattr(socket, "SO_ATTACH_FILTER", 26)
    for each in listening:
        with suppress(OSError), socket.fromfd(each.fileno(), each.family, each.type) as own:
            own.setsockopt(socket.SOL_SOCKET, option, attached)


def is_anybody_waiting(listening: Iterable[socket.socket]) -> bool:
    """Say whether somebody was let in by the kernel, and not yet taken by the loop."""
    poll = select.poll()
    for each in listening:
        poll.register(each.fileno(), select.POLLIN)
    return bool(poll.poll(0))
