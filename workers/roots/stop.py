"""How workers are told to stop."""

import asyncio
import signal


def told_to_stop() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set: finish the batch in hand, commit, leave."""
    closing = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, closing.set)
    return closing
