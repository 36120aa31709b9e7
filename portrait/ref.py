"""Refs: 64-bit names of strings, so that arrays can hold what strings cannot.

A ref is the BLAKE2b hash of the string and of its kind. It needs no registry, so every
process and every replay gives the same one. Among ten million items the chance that any two share
a ref is 3 in a million. Zero means "none".

Hashing takes a microsecond, remembering a tenth of it: worth it for the short ids that come again
and again, and for nothing whose length a stranger chooses.
"""

from functools import lru_cache
from hashlib import blake2b

from portrait.wording import worded

SHORT = 40  # characters: a UUID with a prefix. 160 bytes at most, in the widest script
REMEMBERED = 65_536  # short strings of a kind: 30 MB at most


def event_ref(event_id: str) -> int:
    """Name an event by its id."""
    return _ref(b"event:", event_id)


def item_ref(item_id: str) -> int:
    """Name an item by its id."""
    return _short_item_ref(item_id) if len(item_id) <= SHORT else _ref(b"item:", item_id)


def text_ref(text: str) -> int:
    """Name a text of an item, or a category's name, by its content."""
    return _ref(b"text:", text)


def search_ref(text: str) -> int:
    """Name what somebody searched for, however they wrote it: elsewhere than an item's text."""
    return _ref(b"search:", worded(text))


def user_ref(user: str) -> int:
    """Name a user by the key of the profile: all that an erasure may remember of them."""
    return _ref(b"user:", user)


def order_ref(order_id: str) -> int:
    """Name an order by its id."""
    return _ref(b"order:", order_id)


def recommendation_ref(recommendation_id: str) -> int:
    """Name an answer of recommendations by its id."""
    return _ref(b"recommendation:", recommendation_id)


def author_ref(author: str) -> int:
    """Name who wrote a post: a user of this shop has a `user_ref`."""
    return _ref(b"author:", author)


def subject_ref(subject: str) -> int:
    """Name what opinions are about."""
    return _ref(b"subject:", subject)


def name_ref(name: str) -> int:
    """Name a category or a brand."""
    return _ref(b"name:", name)


@lru_cache(maxsize=REMEMBERED)
def _short_item_ref(item_id: str) -> int:
    return _ref(b"item:", item_id)


def _ref(kind: bytes, value: str) -> int:
    digest = blake2b(kind + value.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1
