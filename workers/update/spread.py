"""Spread: what somebody lets be done, they let be done on their devices.

It goes through the log, as erasures of devices do: so the archive and every later reader know it.
A device that others were seen on as well is left alone, for what they do there is not hers to say;
so is one of which something was said later, by whoever was there.
"""

from collections.abc import Iterable

from portrait.events.consent import GRANTED, Consent, Purpose, consent_of
from portrait.events.stream import Message
from portrait.identity.keys import keys_of
from portrait.reading.consents import consent_message
from portrait.times import to_moment
from workers.update.updater import Updater


async def spread(users: Iterable[str], updater: Updater) -> None:
    """Tell the log what these users let be done on devices where nobody else was seen."""
    messages: list[Message] = []
    for user in sorted(users):
        keys = await keys_of(user, updater.identities, alone=True)
        theirs, *of_devices = await updater.profiles.load_whole(keys)
        if theirs.consent is None:
            continue
        consent = consent_of(theirs.consent, GRANTED)
        messages += [
            _said(device, consent)
            for device, stored in zip(keys[1:], of_devices, strict=True)
            if consent_of(stored.consent, GRANTED).number < consent.number
        ]
    if messages:
        await updater.publisher.publish(messages)


def _said(device: str, consent: Consent) -> Message:
    purposes = {purpose.value: consent.allows(purpose) for purpose in Purpose}
    return consent_message(device, {**purposes, "at": to_moment(consent.at)})
