"""What all that guards a profile costs who reads it: key, shop, limits of both, consent."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from statistics import median
from typing import NamedTuple

from tqdm import tqdm

from benchmarks.service import asks
from benchmarks.service.guarded import guarding
from benchmarks.service.measure import Stand, capacity, processor_seconds

TURNS = 8  # with all that guards a profile and without it
LEAST_WITH_ACCESS = 0.85

Figures = dict[str, object]


class Side(NamedTuple):
    """A service in one turn."""

    rate: float  # answered a second
    processor_us: float  # that it used for each
    statuses: Counter[str]


def measure_access(stand: Stand, patience: float) -> Figures:
    """Measure both sides, and compare them.

    In turns, whose order changes: by the clock, and by what the process uses of its processor.

    Args:
        stand: The shop without any of it.
        patience: Seconds that the guarded service may take to be ready.
    """
    requests = asks.profiles(stand.shop, again=True)
    with guarding(stand.servers, stand.shop, patience) as guarded:
        used = partial(processor_seconds, guarded.process)
        other = replace(stand, service=guarded.port, processor=used)
        sides = (other, guarded.shown(requests)), (stand, requests)
        turns = [_turn(sides, swapped=bool(turn % 2)) for turn in range(TURNS)]
    rates = [(round(off.rate), round(on.rate)) for on, off in turns]
    of_open = round(median(on.rate / off.rate for on, off in turns), 3)
    of_processor = round(median(off.processor_us / on.processor_us for on, off in turns), 3)
    tqdm.write(
        f"  {'access':>18}  GET /profile with key, shop, limits and consent: {of_open} of what it"
        f" is without, {of_processor} by the processor (goal {LEAST_WITH_ACCESS});"
        f" {', '.join(f'{on:,}/{off:,}' for off, on in rates)}"
    )
    return {
        "of_open": of_open,
        "of_open_processor": of_processor,
        "goal": LEAST_WITH_ACCESS,
        "rates": rates,
        "processor_us": [(off.processor_us, on.processor_us) for on, off in turns],
        "statuses": dict(sum((each.statuses for turn in turns for each in turn), Counter())),
    }


def _turn(sides: Sequence[tuple[Stand, Sequence[str]]], *, swapped: bool) -> list[Side]:
    """Measure each side once, in the order that is given or the other."""
    order = -1 if swapped else 1
    return [_side(*each) for each in sides[::order]][::order]


def _side(stand: Stand, requests: Sequence[str]) -> Side:
    before = stand.processor()
    most = capacity(requests, stand)
    used = stand.processor() - before
    each = used / (most.rate * stand.seconds)  # what was answered while warming up counts, too
    return Side(most.rate, round(1e6 * each, 1), Counter(most.statuses))
