"""Cost: the seconds and the memory that a piece of work takes."""

import ctypes
import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Made = TypeVar("Made")

PROCESS = Path("/proc/self")  # Linux: the kernel keeps the peak, and forgets it when told
FORGET_PEAK = "5"
KILOBYTES_IN_A_MEGABYTE = 1_024


@dataclass(frozen=True, slots=True)
class Cost:
    """What it took."""

    seconds: float
    megabytes: float  # peak of resident memory above where it began


def measured(work: Callable[[], Made]) -> tuple[Made, Cost]:
    """Do the work and say what it took."""
    _give_back()
    before = _resident("VmRSS")
    (PROCESS / "clear_refs").write_text(FORGET_PEAK)
    started = time.perf_counter()
    made = work()
    seconds = time.perf_counter() - started
    return made, Cost(seconds, max(0.0, _resident("VmHWM") - before))


def _give_back() -> None:
    """Return freed memory to the system: what is kept for reuse would hide what is used anew."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
    if trim is not None:
        trim(0)


def _resident(field: str) -> float:
    lines = (PROCESS / "status").read_text().splitlines()
    amount = next(line.split()[1] for line in lines if line.startswith(f"{field}:"))
    return int(amount) / KILOBYTES_IN_A_MEGABYTE
