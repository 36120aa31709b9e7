"""Answers that are kept as they were written, as long as nothing in them has changed."""

from typing import NamedTuple

ANSWER_BYTES = 33_554_432  # of written answers, each with its record: some 8 KB, at most 140
ENTRY_BYTES = 550  # that Python takes for one, beside its texts

# User, record, searches, what is unwanted, hours of silence.
AnswerKey = tuple[str, bytes, bytes | None, bytes | None, int]


class Written(NamedTuple):
    """What does not change with time alone of an answer, and its name."""

    body: bytes  # JSON
    etag: str


class Answers:
    """Answers by what they were made of, within so many bytes; the oldest go first."""

    def __init__(self, most_bytes: int = ANSWER_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: dict[AnswerKey, Written] = {}
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: AnswerKey) -> Written | None:
        """Return what was answered, if it is still kept."""
        return self._kept.get(key)

    def keep(self, key: AnswerKey, answer: Written) -> None:
        """Keep what was answered of a user's record at an hour: it is often read again soon."""
        size = _size(key, answer)
        if size > self._most_bytes or key in self._kept:
            return
        while self.bytes + size > self._most_bytes:
            oldest = next(iter(self._kept))
            self.bytes -= _size(oldest, self._kept.pop(oldest))
        self._kept[key] = answer
        self.bytes += size


def _size(key: AnswerKey, answer: Written) -> int:
    user_id, record, searched, unwanted, _ = key
    beside = len(searched or b"") + len(unwanted or b"")
    return ENTRY_BYTES + 4 * len(user_id) + len(record) + beside + len(answer.body)
