"""Entity tags: whether what a client has is what it would be answered. RFC 9110, 8.8.3 and 13.1.2.

Weak ones name what is known, and not how many seconds ago that was.
"""

from hashlib import blake2b

DIGEST_BYTES = 12
WEAK = "W/"
MOST_CHARACTERS = 1_024
DESCRIPTION = "`ETag` of what is known already: if nothing has changed, the answer is 304."
IF_NONE_MATCH = {  # as a route says that reads it itself
    "name": "If-None-Match",
    "in": "header",
    "description": DESCRIPTION,
    "schema": {"type": "string", "maxLength": MOST_CHARACTERS},
}


def weak_etag(written: bytes) -> str:
    """Name an answer by all of it that does not change with time alone."""
    return f'{WEAK}"{blake2b(written, digest_size=DIGEST_BYTES).hexdigest()}"'


def opaque(etag: str) -> str:
    """Return what an entity tag quotes."""
    return etag.removeprefix(WEAK).strip('"')


def is_named(known: str, etag: str) -> bool:
    """Say whether `If-None-Match` names an answer."""
    tags = [tag.strip().removeprefix(WEAK) for tag in known.split(",")]
    return etag.removeprefix(WEAK) in tags or tags == ["*"]
