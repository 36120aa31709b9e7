"""Progress: what is being done, how long it has taken, and how long it may go on."""

import time

STEPS = 24  # of one world: starting, reading, folding, two rounds of questions, training, baselines


class Progress:
    """Counts the steps of all worlds. Lives as long as a run."""

    def __init__(self, worlds: int) -> None:
        self._worlds = worlds
        self._started = time.monotonic()
        self._done = 0  # worlds
        self._step = 0
        self._name = ""

    def begin(self, name: str) -> None:
        """Begin a world."""
        self._name, self._step = name, 0

    def step(self, title: str) -> None:
        """Begin a step of the world."""
        done = self._done + min(self._step / STEPS, 1)
        gone = time.monotonic() - self._started
        left = "" if not self._step else f", about {gone * (self._worlds - done) / done:.0f} s left"
        print(f"[{gone:5.0f} s{left}] {self._name}: {title}", flush=True)
        self._step += 1

    def end(self) -> None:
        """End the world."""
        self._done += 1
