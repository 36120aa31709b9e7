"""Words: those that make the item's text and a reason's lie near each other, as far as is known.

reasons ─▶ of each the item's text and its own ─▶ known? ─▶ told
                                                  └ no: asked for, and there a moment later

The service has no encoder: the index worker reads, beside its work. Only texts of the catalogue are
read, which anybody may see; of a search its vector alone says how near it lies.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import structlog

from portrait.catalogue.words import WordShares, WordsQuestion
from portrait.errors import StoreUnavailableError
from portrait.events.event import Action
from portrait.events.item import IntroducedItem, Item
from portrait.profiles.profile import Profile
from portrait.ref import item_ref, text_ref
from service.parts import Parts
from service.profiles.describe import DECIMALS, Json, event_name
from service.view import View

MOST_TOLD = 12  # words of one text; the others are in `rest`
ABOUT = "event", "item_id", "title"  # of a reason

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Pair:
    """The item that is asked about, and what a reason is about."""

    reason: Json
    of_item: WordsQuestion
    of_reason: WordsQuestion | None  # None: it is a search, whose words are not asked for


async def words_of(told: Json, row: int, profile: Profile, view: View, parts: Parts) -> Json:
    """Tell the words behind an answer's reasons; what is not known is asked for."""
    pairs = [*_pairs(told, view.shelf.items[row], profile, view)]
    asked = [each for pair in pairs for each in (pair.of_item, pair.of_reason) if each is not None]
    known = dict(zip(asked, await parts.words.find(asked), strict=True))
    lacking = [each for each, found in known.items() if found is None]
    await _ask(lacking, parts)
    state = "none" if not pairs else "asked" if lacking else "ready"
    return {"state": state, "of": [*_told(pairs, known)]}


async def _ask(lacking: Sequence[WordsQuestion], parts: Parts) -> None:
    """Ask for what is not known; what else is told does not wait for it."""
    try:
        await parts.words.ask(lacking)
    except StoreUnavailableError as error:  # full, or read-only: all else can be read
        log.warning("words_not_asked", reason=str(error))


def _pairs(told: Json, item: Item, profile: Profile, view: View) -> Iterator[Pair]:
    """Find the texts of an item and of its reasons; of what events alone speak there is none."""
    space, ref_of = view.model.space.id, _refs(profile)
    reasons = [*_reasons(told["reasons"]), *_reasons(told["against"])]
    for reason in reasons if _is_read(item, view) else ():
        ref = ref_of.get(str(reason["event"]))
        if ref is None:
            continue
        if reason["action"] == Action.SEARCH:
            yield Pair(reason, WordsQuestion(space, item.id, text_ref(item.text), ref), None)
            continue
        row = view.source.rows.get(ref)
        other = None if row is None else view.source.items[row]
        if other is not None and other.id != item.id and _is_read(other, view):
            here, there = text_ref(item.text), text_ref(other.text)
            yield Pair(
                reason,
                WordsQuestion(space, item.id, here, there),
                WordsQuestion(space, other.id, there, here),
            )


def _refs(profile: Profile) -> dict[str, int]:
    ring = profile.ring
    return {
        event_name(id): ref
        for id, ref in zip(ring["id"].tolist(), ring["ref"].tolist(), strict=True)
    }


def _reasons(told: object) -> Sequence[Json]:
    assert isinstance(told, list)  # noqa: S101 - as every answer is made
    return told


def _is_read(item: Item, view: View) -> bool:
    """Say whether an item is the shop's own, and its text has a vector."""
    row, shelf = view.source.rows[item_ref(item.id)], view.shelf
    is_own = not isinstance(item, IntroducedItem) and row < len(shelf)
    return is_own and bool(shelf.told[row]) and not shelf.hidden[row]


def _told(pairs: Sequence[Pair], known: dict[WordsQuestion, WordShares | None]) -> Iterator[Json]:
    for pair in pairs:
        of_item = known[pair.of_item]
        of_reason = None if pair.of_reason is None else known[pair.of_reason]
        if of_item is not None and (of_reason is not None or pair.of_reason is None):
            yield {
                **{name: pair.reason[name] for name in ABOUT},
                "likeness": round(of_item.likeness, DECIMALS),
                "of_item": _strongest(of_item),
                "of_reason": None if of_reason is None else _strongest(of_reason),
            }


def _strongest(found: WordShares) -> Json:
    """Tell the words that add or take most, and what all else adds."""
    most = sorted(found.words, key=lambda word: -abs(word.share))[:MOST_TOLD]
    words = [(word.text, round(word.share, DECIMALS)) for word in most]
    rest = round(found.likeness, DECIMALS) - sum(share for _, share in words)
    return {
        "words": [{"word": word, "share": share} for word, share in words],
        "rest": round(rest, DECIMALS),
    }
