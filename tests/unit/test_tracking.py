"""Tracking that is away is said, and does no harm."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from portrait.lifecycle.registry import Card
from portrait.lifecycle.tracking import Alias, Lenient, TrackingUnavailableError
from portrait.tracker import Curves
from tests.support.cards import card

STAGES = ("start", "record", "end", "register", "call", "called")


class Fragile:
    """A `Tracking`, and its own `Curves`, that is away at one stage."""

    def __init__(self, away: str = "") -> None:
        self.away = away
        self.done: list[str] = []

    @contextmanager
    def run(self, _job: str, _settings: Mapping[str, str | int | float]) -> Iterator[Curves]:
        """Start, and end however the work ends."""
        self._do("start")
        try:
            yield self
        finally:
            self._do("end")

    def record(self, _step: int, _figures: Mapping[str, float]) -> None:
        """Take a point."""
        self._do("record")

    def register(self, _card: Card, _job: str | None = None) -> None:
        """Take a model."""
        self._do("register")

    def call(self, _version: str, _alias: Alias | None) -> None:
        """Take an alias."""
        self._do("call")

    def called(self, _alias: Alias) -> str | None:
        """Say who it is."""
        self._do("called")
        return "v1"

    def _do(self, stage: str) -> None:
        if stage == self.away:
            raise TrackingUnavailableError
        self.done.append(stage)


def use(tracking: Lenient) -> str | None:
    with tracking.run("job", {}) as tracker:
        tracker.record(0, {"loss": 1.0})
    tracking.register(card("v1"))
    tracking.call("v1", "champion")
    return tracking.called("champion")


def test_what_can_be_recorded_is() -> None:
    fragile = Fragile()

    assert use(Lenient(fragile)) == "v1"
    assert tuple(fragile.done) == STAGES


@pytest.mark.parametrize("away", STAGES)
def test_what_cannot_be_recorded_stops_nothing_and_is_said(
    away: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fragile = Fragile(away)

    use(Lenient(fragile))

    missing = {"start": {"start", "record", "end"}}.get(away, {away})
    assert set(fragile.done) == set(STAGES) - missing
    assert capsys.readouterr().out.count("tracking_missed") == 1


def test_without_tracking_nothing_is_recorded_and_nothing_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert use(Lenient(None)) is None
    assert "tracking_missed" not in capsys.readouterr().out


def test_an_error_of_the_work_is_not_hidden_even_if_tracking_is_away() -> None:
    with pytest.raises(ZeroDivisionError), Lenient(Fragile("start")).run("job", {}):
        raise ZeroDivisionError
