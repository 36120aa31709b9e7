"""Private: events whose sender asks that they count for the person's own profile and nowhere else.

The service says so in a header of the message, where a browser sent `Sec-GPC: 1` or `DNT: 1`. Such
an event is folded as any other; it adds nothing to popularity or to what is counted of the model,
and goes into no archive, so no training learns from it.

Source: https://www.w3.org/TR/gpc/ (Global Privacy Control), section 3.1.
"""

from portrait.events.stream import Headers

PRIVATE = ("portrait-purposes", b"personalisation")


def is_private(headers: Headers) -> bool:
    """Say whether a message's headers ask for it."""
    return bool(headers) and PRIVATE in headers
