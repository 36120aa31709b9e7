"""Mentions: one text, and what it says of its subjects.

review or post ─▶ tone (its stars, else its words), aspects, harm ─▶ a mention of each subject
               └─▶ a BERT, where it is sure ─▶ the tone
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from portrait.events.event import Event
from portrait.events.item import Item
from portrait.events.post import Post
from portrait.events.tone import blame_of
from portrait.opinions.aspects import AspectSaid, Tone, aspects_of, tone_of
from portrait.opinions.harm import Harm, harm_of
from portrait.opinions.subject import Subject, subjects_of
from portrait.ref import author_ref, event_ref, user_ref
from portrait.times import to_ms

REVIEWS = "reviews"  # the source of what customers write in the shop itself
LIKED, DISLIKED = 4.0, 2.0  # stars from which, and up to which; as `kinds.py` weighs them
LONGEST_SHOWN = 280  # characters of an example


@dataclass(frozen=True, slots=True)
class Mention:
    """What one text says, and of what."""

    ref: int  # of the event or the post: a repeat has the same
    at: int  # ms
    author: int | None  # ref; None: nobody is named
    subjects: tuple[Subject, ...]  # the narrowest first
    tone: Tone
    harm: Harm | None
    aspects: tuple[tuple[str, Tone], ...]
    text: str  # redacted, cut; empty: stars alone

    def heard(self, tone: Tone | None, aspects: Sequence[AspectSaid]) -> "Mention":
        """Return it with what a BERT has read in it; the tone is None where it was not sure."""
        about = tuple((said.aspect.value, said.tone) for said in aspects)
        return replace(self, tone=self.tone if tone is None else tone, aspects=about)


def mention_of_review(event: Event, at: int, item: Item | None) -> Mention | None:
    """Read a review; None if it says nothing: no text and no stars.

    Args:
        event: The review.
        at: When it was written, ms.
        item: What is known of its item: its brand and its category.
    """
    if not event.text and not event.rating:
        return None
    subjects = subjects_of(
        source=REVIEWS,
        item=event.item_id,
        subject=None,
        brand=item.brand if item else "",
        category=item.category if item else "",
    )
    ref, author = event_ref(event.event_id), user_ref(event.user_key)
    return _read(ref, at, author, subjects, event.text or "", event.rating)


def mention_of_post(post: Post, item: Item | None) -> Mention:
    """Read a post; what it does not say of its item's brand and category the catalogue does."""
    subjects = subjects_of(
        source=post.source,
        item=post.item_id,
        subject=post.subject,
        brand=post.brand or (item.brand if item else ""),
        category=post.category or (item.category if item else ""),
    )
    author = None if post.author is None else author_ref(f"{post.source}:{post.author}")
    ref = event_ref(f"{post.source}:{post.post_id}")
    return _read(ref, to_ms(post.occurred_at), author, subjects, post.text, post.rating)


def _read(  # noqa: PLR0913, PLR0917 - of either kind
    ref: int,
    at: int,
    author: int | None,
    subjects: tuple[Subject, ...],
    text: str,
    rating: float | None,
) -> Mention:
    tone = tone_of_stars(rating) if rating else tone_of(blame_of(text))
    aspects = tuple((said.aspect.value, said.tone) for said in aspects_of(text))
    shown = text.strip()[:LONGEST_SHOWN]
    return Mention(ref, at, author, subjects, tone, harm_of(text), aspects, shown)


def tone_of_stars(stars: float) -> Tone:
    """Return the tone of so many stars."""
    if stars >= LIKED:
        return Tone.POSITIVE
    return Tone.NEGATIVE if stars <= DISLIKED else Tone.NEUTRAL
