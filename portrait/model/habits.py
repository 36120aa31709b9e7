"""Habits: what a user's facts say at a moment, as numbers that heads can weigh.

Recency, frequency and value; the rhythm of visits and how overdue the next one is; what was done
last and to what. `as_of` is the moment of asking, not of the last event: silence is a fact too.
How long a user has been known is left out: it only grows, so the test lies outside the training.

It is computed on every read, for one user, so numpy calls are counted: about sixty.
"""

import numpy as np

from portrait.arrays import Codes, Doubles, Flags, Floats, Records, Ring
from portrait.events.columns import ACTION_CODE, FIRST_ACTIONS, PURCHASE, RING
from portrait.events.event import Action
from portrait.profiles.facts import PERIOD_MS, PERIODS, spend_of
from portrait.times import DAY_MS

VISIT_GAP_MS = 30 * 60_000  # silence that ends a visit, as web analytics has it
EVER_MS = 1 << 62
WINDOWS_MS = np.array([DAY_MS // 24, DAY_MS, 7 * DAY_MS, 28 * DAY_MS, 90 * DAY_MS, EVER_MS])
FADING = np.exp2(-np.arange(RING) / 3).astype(np.float32)  # half every three events, as in `paint`
ACTIONS = len(ACTION_CODE)
CART, SEARCH = ACTION_CODE[Action.CART], ACTION_CODE[Action.SEARCH]
UNHURRIED_DAYS = 0.5  # so that a visit every minute does not make a quiet hour an alarm

_ACTION_CODES = np.arange(ACTIONS, dtype=np.uint8)
_WINDOW_NAMES = ("hour", "day", "week", "month", "quarter", "remembered")
AMOUNTS = (  # all of them as log(1 + x)
    "silence_days",
    "events",
    *(f"{action}_events" for action in ACTION_CODE),
    "spend",
    "spend_a_purchase",
    *(f"events_{n}_periods_ago" for n in range(PERIODS)),
    *(f"events_{name}" for name in _WINDOW_NAMES),
    *(f"visits_{name}" for name in _WINDOW_NAMES),
    "visit_gap_days",
    "visit_events",
    "newest_item_events",
    "newest_item_carts",
    "visit_value",
    "visit_minutes",
    "newest_price",
)
SHARES = (
    *(f"newest_{action}" for action in ACTION_CODE),
    *(f"fading_{action}" for action in ACTION_CODE),
    "overdue",
    "overdue_squared",
    "silence_squared",
    "hour_sine",
    "week_sine",
    "hour_cosine",
    "week_cosine",
)
HABITS = (*AMOUNTS, *SHARES)
LATER_HABITS = np.isin(  # (F,), those that say nothing of the first actions
    HABITS,
    [
        name
        for action in [*ACTION_CODE][FIRST_ACTIONS:]
        for name in (f"{action}_events", f"newest_{action}", f"fading_{action}")
    ],
)
RECENCY, FREQUENCY, VALUE = (
    HABITS.index("silence_days"),
    HABITS.index("events_quarter"),
    HABITS.index("spend"),
)
_AT = {name: place for place, name in enumerate(HABITS)}
_BY_ACTION = _AT[f"{Action.BROWSE}_events"]
_BY_PERIOD = _AT["events_0_periods_ago"]
_EVENTS_LAST = _AT["events_hour"]
_NEWEST_AT = len(AMOUNTS)
_PLACES = np.arange(RING)
_CIRCLES_MS = np.array([DAY_MS, 7 * DAY_MS])


def habits(head: Records, ring: Ring, as_of_ms: Codes) -> Floats:
    """Describe U users at a moment.

    Args:
        head: (U,) of HEAD.
        ring: (U, RING) of EVENT, newest first.
        as_of_ms: (U,), the moments of asking.

    Returns:
        (U, F), in order of HABITS.
    """
    width = max(1, int(head["count"].max(initial=0)))
    ring = ring[:, :width]
    at = np.ascontiguousarray(ring["at"])
    held = at > 0
    out = np.zeros((len(head), len(HABITS)))
    _counts(out, head, as_of_ms)
    begins = _rhythm(out, head, at, held, as_of_ms)
    _newest(out, ring, at, held, begins)
    amounts = out[:, : len(AMOUNTS)]
    np.maximum(amounts, 0, out=amounts)
    np.log1p(amounts, out=amounts)
    _clock(out, as_of_ms)
    return out.astype(np.float32)


def _counts(out: Doubles, head: Records, as_of_ms: Codes) -> None:
    """Fill in what the head of the facts counts."""
    totals = head["totals"][:, :ACTIONS]
    known = head["first_at"] > 0
    silence = (as_of_ms - head["last_at"]) * known / DAY_MS
    np.maximum(silence, 0, out=out[:, RECENCY])  # the newest event may be ahead of our clock
    out[:, _AT["events"]] = totals.sum(axis=1)
    out[:, _BY_ACTION : _BY_ACTION + ACTIONS] = totals
    spend = spend_of(head)
    out[:, VALUE] = spend
    out[:, _AT["spend_a_purchase"]] = spend / np.maximum(totals[:, PURCHASE], 1)
    passed = as_of_ms // PERIOD_MS - head["period"]  # since the period of the newest event
    for shift in set(passed.tolist()):
        if 0 <= shift < PERIODS:
            users = passed == shift
            counts = head["by_period"][users, : PERIODS - shift]
            out[users, _BY_PERIOD + shift : _BY_PERIOD + PERIODS] = counts


def _rhythm(out: Doubles, head: Records, at: Codes, held: Flags, as_of_ms: Codes) -> Flags:
    """Fill in events, visits and the gaps between them. Returns (U, S): what began a visit."""
    begins = held.copy()
    begins[:, :-1] &= at[:, :-1] - at[:, 1:] > VISIT_GAP_MS  # an empty place is far away
    counted = np.empty((len(at), 2, at.shape[1]), np.float32)
    counted[:, 0], counted[:, 1] = held, begins
    recent = np.empty((len(at), len(WINDOWS_MS), at.shape[1]), np.float32)
    np.less((as_of_ms[:, None] - at)[:, None], WINDOWS_MS[:, None], out=recent)
    by_window = counted @ recent.transpose(0, 2, 1)  # (U, 2, W); the last window is all of time
    by_window = by_window.reshape(len(at), 2 * len(WINDOWS_MS))
    out[:, _EVENTS_LAST : _EVENTS_LAST + 2 * len(WINDOWS_MS)] = by_window

    visits = by_window[:, -1]
    oldest = at[np.arange(len(at)), head["count"].astype(np.int64) - 1]
    silence = out[:, RECENCY]
    # One visit says nothing of a rhythm: then the time since it stands for the gap.
    gap = (at[:, 0] - oldest) / (np.maximum(visits - 1, 1) * DAY_MS) + silence * (visits <= 1)
    out[:, _AT["visit_gap_days"]] = gap
    overdue = np.log((silence + UNHURRIED_DAYS) / (gap + UNHURRIED_DAYS))
    out[:, _AT["overdue"]] = overdue
    out[:, _AT["overdue_squared"]] = overdue * np.abs(overdue)
    out[:, _AT["silence_squared"]] = np.log1p(silence) ** 2
    return begins


def _newest(out: Doubles, ring: Ring, at: Codes, held: Flags, begins: Flags) -> None:
    """Fill in what was done last, in the newest visit, and to the newest item: one product."""
    users, width = at.shape
    begun = begins.argmax(axis=1)  # the place where the newest visit began
    begun_at = at[np.arange(users), begun]
    price, ref = ring["price"], ring["ref"]

    told = np.empty((users, ACTIONS + 1, width), np.float32)
    np.equal(ring["action"][:, None], _ACTION_CODES[:, None], out=told[:, :ACTIONS])
    np.multiply(price, ring["quantity"], out=told[:, ACTIONS], casting="same_kind")
    asked = np.zeros((users, 4, width), np.float32)
    asked[:, 0, 0] = held[:, 0]
    np.multiply(FADING[:width], held, out=asked[:, 1])
    np.logical_and(_PLACES[:width] <= begun[:, None], held, out=asked[:, 2])  # the newest visit
    np.logical_and(ref == ref[:, :1], held, out=asked[:, 3])  # the newest item
    answers = asked @ told.transpose(0, 2, 1)  # (U, 4, A + 1)

    by_action = answers[:, :, :ACTIONS]
    out[:, _NEWEST_AT : _NEWEST_AT + 2 * ACTIONS] = by_action[:, :2].reshape(users, 2 * ACTIONS)
    in_visit, in_item = by_action[:, 2:].sum(axis=2).T
    out[:, _AT["visit_events"]] = in_visit
    out[:, _AT["newest_item_events"]] = in_item - answers[:, 3, SEARCH]  # a search is of no item
    out[:, _AT["newest_item_carts"]] = answers[:, 3, CART]
    out[:, _AT["visit_value"]] = answers[:, 2, ACTIONS]
    out[:, _AT["visit_minutes"]] = (at[:, 0] - begun_at) / 60_000
    out[:, _AT["newest_price"]] = price[:, 0]


def _clock(out: Doubles, as_of_ms: Codes) -> None:
    """Fill in the hour of the day and the day of the week, UTC, as points on circles."""
    angle = as_of_ms[:, None] % _CIRCLES_MS * (2 * np.pi / _CIRCLES_MS)
    np.sin(angle, out=out[:, -4:-2])
    np.cos(angle, out=out[:, -2:])
