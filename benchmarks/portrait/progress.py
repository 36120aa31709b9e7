"""Progress: what is being done, how long it has taken, and how long it may go on."""

import time

# How much of a world's time is over when a step begins; questions are quick.
OVER = {
    "starting": 0.0,
    "reading": 0.1,
    "folding": 0.5,
    "first model": 0.55,
    "training": 0.65,
    "learned model": 0.85,
    "baselines": 0.92,
}


class Progress:
    """Counts the steps of all worlds. Lives as long as a run."""

    def __init__(self, worlds: int) -> None:
        self._worlds = worlds
        self._started = time.monotonic()
        self._done = 0  # worlds
        self._name = ""

    def begin(self, name: str) -> None:
        """Begin a world."""
        self._name = name

    def step(self, title: str) -> None:
        """Begin a step of the world, one of OVER by how its title begins."""
        (over,) = [share for begin, share in OVER.items() if title.startswith(begin)]
        gone, done = time.monotonic() - self._started, self._done + over
        left = f", about {gone * (self._worlds - done) / done:.0f} s left" if done else ""
        print(f"[{gone:5.0f} s{left}] {self._name}: {title}", flush=True)

    def end(self) -> None:
        """End the world."""
        self._done += 1
