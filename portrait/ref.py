"""Refs: 64-bit names of strings, so that arrays can hold what strings cannot.

A ref is the BLAKE2b hash of the string and of its kind. It needs no registry, so every
process and every replay gives the same one. Among ten million items the chance that any two share
a ref is 3 in a million. Zero means "none".
"""

from functools import lru_cache
from hashlib import blake2b


def event_ref(event_id: str) -> int:
    """Name an event by its id."""
    return _ref(b"event:", event_id)


@lru_cache(maxsize=262_144)
def item_ref(item_id: str) -> int:
    """Name an item by its id."""
    return _ref(b"item:", item_id)


@lru_cache(maxsize=65_536)
def text_ref(text: str) -> int:
    """Name a text by its content."""
    return _ref(b"text:", text)


def user_ref(user: str) -> int:
    """Name a user by the key of the profile: all that an erasure may remember of them."""
    return _ref(b"user:", user)


@lru_cache(maxsize=65_536)
def name_ref(name: str) -> int:
    """Name a category or a brand."""
    return _ref(b"name:", name)


def _ref(kind: bytes, value: str) -> int:
    digest = blake2b(kind + value.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1
