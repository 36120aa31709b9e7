"""Notices: one small message per stored profile, for those who follow `profiles.updated`."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic_core import to_json

from portrait.events.columns import TOPICS
from portrait.events.stream import Message
from portrait.events.topics import NOTICES


def notices(users: Sequence[str], head: NDArray[np.void], space_id: str) -> list[Message]:
    """Write the notices of U stored profiles, erased ones too; `head` is (U,) of HEAD."""
    folded = head["totals"].sum(axis=1).tolist()
    as_of = np.datetime_as_string(head["last_at"].astype("datetime64[ms]"), timezone="UTC")
    partition = head["partition"][:, :TOPICS].max(axis=1) - 1  # where the user's events lie
    space = to_json(space_id)
    return [
        Message(
            NOTICES,
            user.encode(),
            b'{"user_id":%b,"events_folded":%d,"profile_as_of":%b,"space_id":%b}'
            % (to_json(user), events, b'"%b"' % moment.encode() if events else b"null", space),
            partition=place,
        )
        for user, events, moment, place in zip(
            users, folded, as_of.tolist(), partition.tolist(), strict=True
        )
    ]
