"""Keys: under which names something of a user lies, their own and those of their devices."""

from portrait.events.event import ANONYMOUS
from portrait.identity.device import decode_device
from portrait.identity.store import IdentityStore


async def keys_of(user: str, identities: IdentityStore, *, alone: bool = False) -> tuple[str, ...]:
    """Return a user's key, and that of every device that they were seen on.

    Args:
        user: Who it is about; an anonymous visitor has no other key.
        identities: Who was seen where.
        alone: Leave out devices that others were seen on, too: what lies there may be theirs.
    """
    (seen,) = await identities.seen_on([user], every=True)
    stored = await identities.load_devices(seen) if seen else []
    users = [decode_device(each).users for each in stored]
    theirs = [
        f"{ANONYMOUS}{id}"
        for id, who in zip(seen, users, strict=True)
        if user in who and not (alone and len(who) > 1)
    ]
    return user, *sorted(theirs)
