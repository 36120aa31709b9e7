"""Seats, as the settings have them."""

from portrait.settings import Settings
from service.seats import Seats


def seats_of(settings: Settings) -> Seats:
    """Say how many requests may be held open."""
    return Seats(settings.max_held, settings.key_held)
