"""Known: whoever asks, and what a view makes of what they have done.

record, searches, consent, what is unwanted ─▶ Loaded ─▶│─▶ events in the view's space ─▶ Known
                                             on the loop │ in a thread

The vectors of a record are never multiplied with the view: its events are gathered in the view's
space, which gives the vectors that `paint` would give, and what their categories and prices say.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import time

import numpy as np

from portrait.arrays import Floats, Ring
from portrait.events.consent import Purpose, consent_of
from portrait.events.unwanted import NOTHING, Unwanted, read_unwanted
from portrait.experiments.joining import SHOWN_WITHIN
from portrait.inference.cart import bought, in_cart
from portrait.inference.explain import Evidence, evidence_of, search_refs
from portrait.inference.factors import factored
from portrait.inference.session import session_evidence, session_ring
from portrait.model.kinds import is_complaint, kinds_of, leave_out
from portrait.model.space import Vectors
from portrait.profiles.profile import Profile, decode_profile
from portrait.profiles.record import is_blank, is_suppressed
from portrait.profiles.searched import Texts, read_searched
from portrait.profiles.store import Stored
from portrait.ref import item_ref, search_ref, user_ref
from service.live import Live
from service.parts import Parts
from service.profiles.damage import sound
from service.recommendations.asked import Session
from service.recommendations.schemas import RecommendationRequest
from service.view import View

NOBODY = Stored(None, None)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A request, and what was loaded for it."""

    asked: RecommendationRequest
    profile: Profile | None
    searched: Texts  # of the profile, where reasons are asked for
    unwanted: Unwanted
    is_personal: bool  # false: the user does not let it be
    is_counted: bool = False  # whether somebody who is named lets what they do be counted
    shown: Collection[int] = ()  # refs of what lists of the surface had, if nothing comes again
    above: Collection[int] = ()  # refs of what lists above this one, or before it, have
    faded: Mapping[int, float] = field(default_factory=dict)  # how much less items count, by ref
    looks_back: bool = False  # what the list is about was done before, and is not done now
    is_kept: bool = True  # whether it may be kept what they are given

    @property
    def session(self) -> Session:
        """What the list is about: what they are doing now, or what the surface is about."""
        return self.asked.at_hand

    @property
    def had(self) -> list[int]:
        """Name the items that they have bought, and those in their carts."""
        return _had(self.session, self.profile, with_bought=True)

    def asking(self, said: Mapping[str, object]) -> "Loaded":
        """Let the request ask for something else."""
        return replace(self, asked=self.asked.model_copy(update=said))

    def of_anybody(self) -> "Loaded":
        """Leave out what they do and have done; what they do not want stays so."""
        return replace(self, asked=_impersonal(self.asked), profile=None, searched={})


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of whoever asks, in the space of the view."""

    vectors: Vectors  # (2, K) of the profile; zeros if there is none
    past: Evidence | None  # the profile's events
    session: Evidence | None
    texts: Sequence[str]  # of the session
    searched: Texts  # of the profile, where reasons are asked for
    seen: Sequence[int]  # refs of the items that are not to be offered again
    had: Sequence[int]  # refs of those of which no variant is to be offered either
    disliked: Sequence[int]  # refs of the items that the profile complains about


async def load(asked: RecommendationRequest, parts: Parts, live: Live, view: View) -> Loaded:
    """Load what is known of whoever asks, and what a view lacks of what they searched for.

    Of who does not let what they are shown follow from what they do, nothing is loaded.
    """
    stored = NOBODY
    if asked.user_id is not None:
        (stored,) = await parts.profiles.load_whole([asked.user_id])
    return await load_of(stored, asked, parts, live, view)


async def load_of(
    stored: Stored, asked: RecommendationRequest, parts: Parts, live: Live, view: View
) -> Loaded:
    """Load the rest, of whom this is stored."""
    profile: Profile | None = None
    searched: Texts = {}
    unwanted, is_kept, is_counted = NOTHING, True, False
    if asked.user_id is not None:
        said = consent_of(stored.consent, parts.unsaid)
        if not said.allows(Purpose.PERSONALISATION):
            return Loaded(_impersonal(asked), None, {}, NOTHING, is_personal=False, is_kept=False)
        unwanted, record = read_unwanted(stored.unwanted), stored.record
        is_kept = record is None or not is_suppressed(record)
        is_counted = is_kept and said.allows(Purpose.ANALYTICS)
        if record is not None and sound(record) is not None and not is_blank(record):
            profile = decode_profile(record)
            searched = read_searched(stored.searched) if asked.explain else searched
    await _fetch(asked, profile, view, live)
    shown = await _shown(asked, parts)
    return Loaded(
        asked,
        profile,
        searched,
        unwanted,
        is_personal=True,
        is_counted=is_counted,
        shown=shown,
        is_kept=is_kept,
    )


async def load_also(
    loaded: Loaded, asked: RecommendationRequest, parts: Parts, live: Live, view: View
) -> Loaded:
    """Load what another request of the same person needs beside what is loaded already."""
    asked = asked if loaded.is_personal else _impersonal(asked)
    await _fetch(asked, None, view, live)
    shown = await _shown(asked, parts) if loaded.is_personal else ()
    return replace(loaded, asked=asked, shown=shown)


async def _shown(asked: RecommendationRequest, parts: Parts) -> Collection[int]:
    """Name what lists of the surface have shown to somebody, where nothing is to come again."""
    if asked.user_id is None or not asked.manner.is_once:
        return ()
    since = round(time() * 1_000) - SHOWN_WITHIN
    shown = await parts.shown.shown(user_ref(asked.user_id))
    return [item for item, at in shown.items() if at >= since]


def _impersonal(asked: RecommendationRequest) -> RecommendationRequest:
    """Leave out of a request who asks and what they do: what is left is what anybody may want."""
    return asked.model_copy(update={"session": None})


async def _fetch(
    asked: RecommendationRequest, profile: Profile | None, view: View, live: Live
) -> None:
    """Fetch the vectors of what was searched for; the mirror grows on the loop alone.

    What the session says and nobody has read yet is read meanwhile.
    """
    mirror = view.source.mirror
    past = [] if profile is None else search_refs(profile.ring)
    now = {search_ref(text): text for text in asked.at_hand.texts}
    lacking = await mirror.fetch_texts([*past, *now])
    if await live.new_texts.read([now[ref] for ref in lacking if ref in now]):
        await mirror.fetch_texts(now)


def gather(loaded: Loaded, view: View, factors: Floats | None) -> Known:
    """Look up the events; those of the profile count as the shop has it, by factors, (KINDS,)."""
    profile, session, manner = loaded.profile, loaded.session, loaded.asked.manner
    catalogue = view.source.mirror.catalogue
    past = None if profile is None else factored(evidence_of(profile.ring, catalogue), factors)
    ring = session_ring(session.items, session.texts)
    now = session_evidence(ring, catalogue) if len(ring) else None
    return Known(
        np.zeros((2, view.model.space.dim), np.float32) if past is None else past.portrait(),
        past,
        now,
        session.texts,
        loaded.searched,
        [*(_seen(profile, ring) if manner.exclude_seen else []), *loaded.shown],
        _had(session, profile, with_bought=manner.exclude_seen) + _looked_at(loaded.asked),
        _disliked(profile),
    )


def _seen(profile: Profile | None, ring: Ring) -> list[int]:
    """Name the items of a session and of a profile; a search among them is no item."""
    session: list[int] = ring["ref"].tolist()
    if profile is None:
        return session
    past = profile.ring
    known: list[int] = past["ref"][leave_out(past["ref"], past["action"], past["at"])].tolist()
    return session + known


def _had(session: Session, profile: Profile | None, *, with_bought: bool) -> list[int]:
    """Name the items that are in the cart, and those that were bought."""
    had = [*map(item_ref, session.cart)]
    if profile is not None:
        had += in_cart(profile.ring).tolist()
        had += bought(profile.ring).tolist() if with_bought else []
    return had


def _looked_at(asked: RecommendationRequest) -> list[int]:
    """Name the item that is looked at: neither it nor its variants are offered beside it."""
    return [] if asked.item_id is None else [item_ref(asked.item_id)]


def _disliked(profile: Profile | None) -> list[int]:
    """Name the items that a profile has complaints about."""
    if profile is None:
        return []
    ring = profile.ring
    refs: list[int] = ring["ref"][is_complaint(kinds_of(ring["action"], ring["rating"]))].tolist()
    return refs
