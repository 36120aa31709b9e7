"""Port: the words of items' texts that matter for how near they lie to something else.

a reader asks ─▶ what is known ─▶ told
                 what is not ──▶ laid there ─▶ whoever has the encoder ─▶ kept for a day

What is asked is about texts of items, which anybody may read, and the ref of another text: neither
names a person, and no text that a person wrote is ever laid there.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple, Protocol

KEPT = timedelta(days=1)
MOST_KEPT = 4_096  # some 2 KB each; one beyond takes the place of another
WAITS = timedelta(minutes=5)  # what nobody has taken by then has to be asked for again
MOST_LAID = 256  # those beyond push out the oldest


class WordsQuestion(NamedTuple):
    """Which words of an item's text make it lie near another text, or far from it."""

    space_id: str  # of texts
    item_id: str
    text: int  # text_ref of what the item's text is now
    toward: int  # text_ref of another item's text, or search_ref of a search


class Word(NamedTuple):
    """One word, and what it adds."""

    text: str
    share: float


class WordShares(NamedTuple):
    """An item's words in order; with `rest` and `empty` they add up to `likeness`."""

    words: tuple[Word, ...]
    rest: float  # what is no word: dots and dashes
    empty: float  # how near a text without words lies
    likeness: float  # how near the text lies: the cosine in the space


class WordsDesk(Protocol):
    """Brings those who ask for words together with who can read them."""

    async def find(self, asked: Sequence[WordsQuestion]) -> list[WordShares | None]:
        """Return what is known of each, in their order."""
        ...

    async def ask(self, asked: Sequence[WordsQuestion]) -> None:
        """Lay questions there; waits for no answer."""
        ...

    async def take(self) -> WordsQuestion | None:
        """Take the oldest question; wait a while for one."""
        ...

    async def put(self, asked: WordsQuestion, found: WordShares) -> None:
        """Keep an answer for KEPT."""
        ...
