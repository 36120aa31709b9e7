"""Counted: whose events count in what is said of everybody, as they allow it themselves."""

from collections.abc import Iterable

from portrait.events.consent import Consent, Purpose, consent_of
from portrait.profiles.record import is_suppressed
from portrait.profiles.store import ProfileStore


async def left_out(
    users: Iterable[str | None], profiles: ProfileStore, unsaid: Consent
) -> frozenset[str]:
    """Return who of these is to count in nothing: by their own word, or because they are forgotten.

    Args:
        users: By key; None is nobody, and is never left out.
        profiles: Where it lies what they have said.
        unsaid: What counts of who has said nothing.
    """
    asked = sorted({user for user in users if user is not None})
    stored = await profiles.load_whole(asked) if asked else []
    return frozenset(
        user
        for user, each in zip(asked, stored, strict=True)
        if not consent_of(each.consent, unsaid).allows(Purpose.ANALYTICS)
        or (each.record is not None and is_suppressed(each.record))
    )
