"""Material: what a training learns from, read from the archive once and kept until it ends.

    begin ── old, replayed ── new_from ── new ── valid_from ── choices ── test_from ── exam ── until

Time goes forward only; what choices are made on is learned from once they are made. Some users are
held out of all learning, of every model alike, by a hash: on them forgetting is measured honestly.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from portrait.archive.archive import Archive
from portrait.arrays import Codes, Doubles, Flags, Refs
from portrait.catalogue.traits import Traits, traits_of
from portrait.dataset.archive_reading import Reading, Sample, merged, read_interactions
from portrait.dataset.examination import PLACES, examination
from portrait.dataset.interactions import NO_ITEM, Interactions
from portrait.dataset.shown import read_counts
from portrait.errors import PortraitError
from portrait.evaluation.exam import EACH, set_exam
from portrait.evaluation.validation import Validation, validation_of
from portrait.events.category import interest_category
from portrait.events.erasure import Erasures
from portrait.events.item import Item
from portrait.events.price import NOT_KNOWN, Deals, held
from portrait.files import replacing
from portrait.lifecycle.learner import NothingToLearnError
from portrait.lifecycle.need import Need
from portrait.ref import item_ref, name_ref
from portrait.times import to_ms

LEAST_KNOWN = 0.5  # of the events: about items whose text the catalogue knows
MOST_QUERIES = 50_000  # the commonest: BERT reads some hundreds of new ones a second
LEAST_TARGETS = 30  # users whose next item choices are made on; with fewer they are chance
HASHES = 1 << 64


class MaterialOutdatedError(PortraitError):
    """A file of an older version, that lacks something: gather again."""


@dataclass(frozen=True, slots=True)
class Shares:
    """How to divide what there is."""

    most_events: int = 1_000_000  # of the new, and as many of the old: 100 bytes each while read
    least_events: int = 1_000  # new ones, for a training to be worth its while
    replay: float = 1.0  # old events learned from again, for each new one
    held_out: float = 0.1  # of the users
    valid: float = 0.1  # of the new events, by time
    test: float = 0.2


@dataclass(frozen=True, slots=True)
class Counts:
    """What a manifest says of it: counts and moments, no names."""

    offsets: dict[str, int]  # `topic/partition` to the next offset
    erased_users: int
    erased_since: int  # ms, as below; 0 if nobody was erased
    erased_until: int
    archived: int  # events in the archive, whether read or not
    gathered_at: int  # ms


@dataclass(frozen=True, slots=True)
class Material:
    """E events of U users on N items."""

    events: Interactions
    user_refs: Refs  # (U,)
    replayed: Flags  # (U,): whose old events are learned from again
    held: Flags  # (U,): who is held out of all learning
    texts: tuple[str, ...]  # (N,); empty where the catalogue does not know the item
    queries: tuple[str, ...]  # (Q,), what was searched for, in order of `events.queries`
    categories: Refs  # (N,), name_ref of the interest category; 0 = none
    traits: Traits  # (N,)
    examined: Doubles  # (P,), how likely each place of a list is looked at: see `examination`
    begin: int  # ms, as all below
    new_from: int
    valid_from: int
    test_from: int
    until: int
    told: Counts

    @property
    def counted(self) -> Interactions:
        """What co-occurrence may be counted on while choices are made."""
        return self._taught(self.valid_from)

    @property
    def learned(self) -> Interactions:
        """What the encoder learns from meanwhile: the new, and a replay of the old."""
        return self._with_replay(self.counted)

    @property
    def counted_again(self) -> Interactions:
        """The same once choices are made: up to the exam."""
        return self._taught(self.test_from)

    @property
    def learned_again(self) -> Interactions:
        """The same once choices are made: up to the exam."""
        return self._with_replay(self.counted_again)

    @property
    def rows(self) -> dict[str, int]:
        """How many events there are in each part."""
        at, learned = self.events.at, self.learned.at
        return {
            "archived": self.told.archived,
            "counted": len(self.counted),
            "new": int((learned >= self.new_from).sum()),
            "replay": int((learned < self.new_from).sum()),
            "validation": int(((at >= self.valid_from) & (at < self.test_from)).sum()),
            "test": int((at >= self.test_from).sum()),
        }

    def _taught(self, until: int) -> Interactions:
        events = self.events
        return events.where(~self.held[events.user] & (events.at < until))

    def _with_replay(self, events: Interactions) -> Interactions:
        return events.where((events.at >= self.new_from) | self.replayed[events.user])

    @property
    def questions(self) -> Codes:
        """Places of what choices are made on: the next new items of users who have a past.

        Several of each, where there are few users: else choices are made by a handful of hits.
        """
        has_past = np.diff(self.counted.starts) > 0
        moments = [self.valid_from, self.test_from]
        return set_exam(self.events, moments, asked=has_past, each=EACH).newest

    @property
    def validation(self) -> Validation:
        """What choices are made on: asked as in the exam, when all that was before is known."""
        events, places = self.events, self.questions
        return validation_of(events, events.user[places], events.item[places], places)

    def holds_any(self, erasures: Erasures) -> bool:
        """Say whether anybody in it has asked to be forgotten since it was gathered."""
        known = self.told.erased_users, self.told.erased_until
        if known == (len(erasures), _last(erasures)):
            return False
        return bool(np.isin(erasures.users, self.user_refs).any())


def gather(
    archive: Archive, items: Sequence[Item], new_from: datetime | None, shares: Shares
) -> Material:
    """Read what is new since a moment, and of what was before as much as fits.

    Args:
        archive: Where events are kept.
        items: The catalogue.
        new_from: Up to where the champion was trained; None: all is new.
        shares: How much of what.

    Raises:
        NothingToLearnError: Too little is new.
        ArchiveUnavailableError: The files cannot be read.
    """
    new = read_interactions(archive, new_from, most_events=shares.most_events)
    if len(new.interactions) < shares.least_events:
        need = Need(what="new events", there=len(new.interactions), needed=shares.least_events)
        msg = f"There are {need}; fewer are not worth a training."
        raise NothingToLearnError(msg, [need])
    erasures = archive.erasures()
    parts, again = [new], np.zeros(0, np.uint64)
    if new_from is not None:
        old = read_interactions(
            archive, until=new_from, most_events=shares.most_events, sample=Sample.STRATIFIED
        )
        room = round(shares.replay * len(new.interactions) / (1 - shares.held_out))
        again = _replay(archive, old, new_from, room)
        parts.append(old)
    events, refs = merged(*parts)
    events = _priced(_among(events.of_queries(MOST_QUERIES), items), items)
    material = _divided(events, refs, again, new, parts, items, shares, erasures)
    return replace(material, examined=_examined(archive, material, shares))


def _examined(archive: Archive, material: Material, shares: Shares) -> Doubles:
    """Say how likely places of lists are looked at, by the lists of the events learned from."""
    if not material.events.place.any():
        return np.ones(PLACES)
    counts = read_counts(
        archive, material.begin, material.test_from, lambda users: held_out(users, shares.held_out)
    )
    return examination(counts)


def _replay(archive: Archive, old: Reading, until: datetime, room: int) -> Refs:
    """Return users whose old events together are about as many as there is room for."""
    if len(old.interactions) <= room:
        return old.user_refs
    replay = read_interactions(
        archive, until=until, most_events=room, sample=Sample.STRATIFIED, users=old.user_refs
    )
    return replay.user_refs


def _divided(  # noqa: PLR0913, PLR0917 - what `gather` has in hand
    events: Interactions,
    refs: Refs,
    again: Refs,
    new: Reading,
    parts: Sequence[Reading],
    items: Sequence[Item],
    shares: Shares,
    erasures: Erasures,
) -> Material:
    """Cut time, hold users out, and look the items up."""
    at = np.sort(new.interactions.at)
    valid_from, test_from = (
        int(at[round(len(at) * (1 - share))]) for share in (shares.valid + shares.test, shares.test)
    )
    by_ref = {item_ref(item.id): item for item in items}
    known = [by_ref.get(ref) for ref in events.items.tolist()]
    searched = {ref: text for part in parts for ref, text in part.searched.items()}
    material = Material(
        events=events,
        user_refs=refs,
        replayed=np.isin(refs, again),
        held=held_out(refs, shares.held_out),
        texts=tuple("" if item is None else item.text for item in known),
        queries=tuple(searched[ref] for ref in events.queries.tolist()),
        categories=np.array([_category(item) for item in known], np.uint64),
        traits=traits_of(items, events.items),
        examined=np.ones(PLACES),
        begin=int(events.at.min()),
        new_from=int(at[0]),
        valid_from=valid_from,
        test_from=test_from,
        until=int(at[-1]) + 1,
        told=Counts(
            offsets={place: end for place, (_, end) in parts[0].offsets.items()},
            erased_users=len(erasures),
            erased_since=int(erasures.until.min()) if len(erasures) else 0,
            erased_until=_last(erasures),
            archived=sum(part.rows for part in parts),
            gathered_at=to_ms(datetime.now(UTC)),
        ),
    )
    _require_enough(material)
    return material


def _require_enough(material: Material) -> None:
    """Refuse to learn where the catalogue is missing, or nobody is left to choose by.

    Raises:
        NothingToLearnError: With the reason.
    """
    touched = material.events.item[material.events.item != NO_ITEM]
    known = int(np.array([bool(text) for text in material.texts])[touched].sum())
    if not known or known < LEAST_KNOWN * len(touched):
        need = Need(
            what="events about items that the catalogue knows",
            there=known,
            needed=max(1, ceil(LEAST_KNOWN * len(touched))),
        )
        msg = f"There are {need}, half of all events: is it published?"
        raise NothingToLearnError(msg, [need])
    asked = len(np.unique(material.events.user[material.questions]))
    if asked < LEAST_TARGETS:
        need = Need(what="users who took a new item lately", there=asked, needed=LEAST_TARGETS)
        msg = f"There are {need}; by fewer no choice can be made."
        raise NothingToLearnError(msg, [need])


def _among(events: Interactions, items: Sequence[Item]) -> Interactions:
    """Put events among all items of the catalogue: also those that nobody has touched yet."""
    catalogue = np.array([item_ref(item.id) for item in items], np.uint64)
    every = np.union1d(events.items, catalogue)
    row = np.r_[np.searchsorted(every, events.items), NO_ITEM]
    return replace(events, item=row[events.item], items=every)


def _priced(events: Interactions, items: Sequence[Item]) -> Interactions:
    """Give purchases and returns that say no price one, as the stream does."""
    deals = Deals(events.user, events.item, events.at, events.action, events.price)
    by_ref = {item_ref(item.id): held(item.price) for item in items}
    listed = np.array([*(by_ref.get(ref, NOT_KNOWN) for ref in events.items.tolist()), NOT_KNOWN])
    return replace(events, price=deals.prices(listed.astype(np.float32)[events.item]))


def _last(erasures: Erasures) -> int:
    """Return when the last of them asked, ms; 0 if nobody did."""
    return int(erasures.until.max(initial=0))


def _category(item: Item | None) -> int:
    return name_ref(interest_category(item.lies_in)) if item and item.lies_in else 0


def held_out(refs: Refs, share: float) -> Flags:
    """Say which users, (U,), are held out of all learning."""
    return mixed(refs) < np.uint64(round(share * (HASHES - 1)))


def mixed(refs: Refs) -> Refs:
    """Hash refs once more: whoever is held out has nothing to do with whom the replay takes."""
    mixed = (refs ^ (refs >> np.uint64(31))) * np.uint64(0x7FB5D329728EA185)
    return mixed ^ (mixed >> np.uint64(27))


_COLUMNS = tuple(field.name for field in fields(Interactions) if field.name != "users")
_ARRAYS = ("user_refs", "replayed", "held", "categories", "examined")
_TRAITS = tuple(field.name for field in fields(Traits))
_MOMENTS = ("begin", "new_from", "valid_from", "test_from", "until")


def save(path: Path, material: Material) -> None:
    """Write it to a file, whole or not at all."""
    said = {
        "users": material.events.users,
        "texts": material.texts,
        "queries": material.queries,
        "told": asdict(material.told),
        **{name: getattr(material, name) for name in _MOMENTS},
    }
    arrays: dict[str, np.ndarray[Any, Any]] = {
        **{f"events.{name}": getattr(material.events, name) for name in _COLUMNS},
        **{name: getattr(material, name) for name in _ARRAYS},
        **{f"traits.{name}": getattr(material.traits, name) for name in _TRAITS},
        "said": np.frombuffer(json.dumps(said).encode(), np.uint8),
    }
    with replacing(path) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type] # numpy's stub takes them for flags


def load(path: Path) -> Material:
    """Read what `save` wrote.

    Raises:
        MaterialOutdatedError: An older version of it wrote the file.
    """
    with np.load(path) as arrays:
        said: Mapping[str, Any] = json.loads(arrays["said"].tobytes())
        needed = {"traits.level", "examined", *(f"events.{name}" for name in _COLUMNS)}
        if "queries" not in said or not needed <= {*arrays}:
            raise MaterialOutdatedError
        events = Interactions(
            **{name: arrays[f"events.{name}"] for name in _COLUMNS}, users=said["users"]
        )
        return Material(
            events=events,
            texts=tuple(said["texts"]),
            queries=tuple(said["queries"]),
            traits=Traits(**{name: arrays[f"traits.{name}"] for name in _TRAITS}),
            told=Counts(**said["told"]),
            **{name: arrays[name] for name in _ARRAYS},
            **{name: said[name] for name in _MOMENTS},
        )
