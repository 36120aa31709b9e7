"""Guard: ends what a session has started and did not live to end. `python -m sandbox.guard`.

It reads `+ID` and `-ID` of processes, a line each, as they are started and stopped. Its input ends
with the session, however that ended; whoever is left then is killed with its whole group.
"""

import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress


def left(lines: Iterable[str]) -> set[int]:
    """Return who was started and not stopped, once there are no more lines."""
    running: set[int] = set()
    for line in lines:
        change = running.add if line.startswith("+") else running.discard
        change(int(line[1:]))
    return running


def main() -> None:
    """Watch until the session is over."""
    for group in left(sys.stdin):
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
