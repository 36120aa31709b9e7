"""Ids of sessions, orders and the like that name or reach a person are replaced, not emptied.

    "anna@example.com-17"  ─▶  "redacted-gkcbmfojpdalhine…"

What belongs together still does: the same id is always replaced by the same one, and two by two.
Whoever guesses an id can see that it was this one: what is kept is a hash without a secret. Ids of
users and items stay: by them a shop asks again.
"""

import re
from hashlib import blake2b

from portrait.privacy.redact import redacted

REPLACED = "redacted-"
_DIGEST_BYTES = 16
# Letters alone: of digits some would look like a phone again.
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")

# Of a program's making, and of nobody's: a UUID, a hash, a ULID; and most numbers, but for what
# begins as a phone in China or abroad does, a card or an identity. Nearly all ids end here.
_OF_PROGRAMS = re.compile(
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32}|[0-9A-HJKMNP-TV-Z]{26}"
    r"|[0-9]{1,6}|(?!(?:86)?1[3-9][0-9]{9}\Z|00|[1-9][0-9]{13,18}\Z)[0-9]{7,19}",
    re.ASCII | re.IGNORECASE,
)
# Of the others, one without such a sign or run reaches nobody.
_MAY_REACH = re.compile(r"[^\w.-]|[^\x00-\x7f]|[0-9](?:[.-]?[0-9]){6}|(?:[0-9]+\.){3}[0-9]")


def redacted_id(id: str) -> str:
    """Return an id, or what stands for it if it names or reaches a person."""
    if _OF_PROGRAMS.fullmatch(id) is not None or _MAY_REACH.search(id) is None:
        return id
    if redacted(id) == id:
        return id
    digest = blake2b(id.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    return REPLACED + digest.translate(_LETTERS)


def is_redacted_id(id: str) -> bool:
    """Say whether an id stands for another; or somebody wrote as if it did."""
    return id.startswith(REPLACED)
