"""The bytes of what is kept: ledgers, voices, topics and open alerts, as JSON."""

import base64
from collections import deque
from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field, TypeAdapter

from portrait.model.space import Vectors
from portrait.opinions.book import OpenAlert
from portrait.opinions.ledger import COMPANIONS, Counts, Ledger
from portrait.opinions.subject import Subject, SubjectKind
from portrait.opinions.topics import Latent, Topic, Topics
from portrait.opinions.turns import Bucket, History
from portrait.opinions.voices import Example, Voices
from portrait.opinions.windows import Window

Count = Annotated[int, Field(ge=0)]
VOICES = TypeAdapter(Voices)
COUNTS = TypeAdapter(dict[str, Count])
EXAMPLE = TypeAdapter(Example)
OPEN = TypeAdapter(list[OpenAlert])


class _Part(BaseModel):
    texts: Annotated[int, Field(ge=1)]
    hits: Count
    since: int


class _Head(BaseModel):
    """A ledger without its windows and voices: nothing of it tells of a person."""

    kind: SubjectKind
    name: str
    newest: int
    negative: list[_Part]
    harmful: list[_Part]
    companions: list[tuple[int, ...]]
    few_on: int
    windows: list[str]


def write_head(ledger: Ledger) -> bytes:
    """Write a ledger but for its windows and voices."""
    head = _Head(
        kind=ledger.subject.kind,
        name=ledger.subject.name,
        newest=ledger.newest,
        negative=[_Part(**part._asdict()) for part in ledger.negative.buckets],
        harmful=[_Part(**part._asdict()) for part in ledger.harmful.buckets],
        companions=[*ledger.companions],
        few_on=ledger.few_on,
        windows=sorted(map(str, ledger.windows)),
    )
    return head.model_dump_json().encode()


def read_head(written: bytes) -> Ledger:
    """Read what `write_head` wrote.

    Raises:
        ValueError: It is nothing of the kind.
    """
    head = _Head.model_validate_json(written)
    return Ledger(
        Subject(head.kind, head.name),
        newest=head.newest,
        negative=_history(head.negative),
        harmful=_history(head.harmful),
        companions=deque(head.companions, COMPANIONS),
        few_on=head.few_on,
        windows={*map(Window.named, head.windows)},
    )


def _history(parts: list[_Part]) -> History:
    return History([Bucket(part.texts, min(part.hits, part.texts), part.since) for part in parts])


def write_counts(counts: Counts) -> bytes:
    """Write a window."""
    return COUNTS.dump_json(counts)


class _WrittenTopic(BaseModel):
    id: str
    weights: dict[str, float]
    texts: Count


class _WrittenTopics(BaseModel):
    topics: list[_WrittenTopic]
    centres: str
    terms: list[str] | None
    weights: str
    directions: str


def write_topics(topics: Topics) -> bytes:
    """Write topics, their vectors in half precision."""
    latent = topics.latent
    return (
        _WrittenTopics(
            topics=[
                _WrittenTopic(id=t.id, weights=t.weights, texts=t.texts) for t in topics.topics
            ],
            centres=_packed(topics.centres),
            terms=None if latent is None else [*latent.terms],
            weights="" if latent is None else _packed(latent.weights),
            directions="" if latent is None else _packed(latent.directions),
        )
        .model_dump_json()
        .encode()
    )


def read_topics(written: bytes) -> Topics:
    """Read what `write_topics` wrote.

    Raises:
        ValueError: It is nothing of the kind.
    """
    said = _WrittenTopics.model_validate_json(written)
    topics = tuple(Topic(one.id, one.weights, one.texts) for one in said.topics)
    centres = _unpacked(said.centres, len(topics))
    if said.terms is None:
        return Topics(topics, centres, None)
    rows = {term: row for row, term in enumerate(said.terms)}
    weights = _unpacked(said.weights, 1)[0]
    directions = _unpacked(said.directions, len(rows))
    if not (
        len(weights) == len(rows) == len(said.terms) and directions.shape[1] == centres.shape[1]
    ):
        msg = "topics that do not fit together"
        raise ValueError(msg)
    return Topics(topics, centres, Latent(rows, weights, directions))


def _packed(vectors: Vectors) -> str:
    return base64.b64encode(vectors.astype("<f2").tobytes()).decode()


def _unpacked(packed: str, rows: int) -> Vectors:
    values: Vectors = np.frombuffer(base64.b64decode(packed), "<f2").astype(np.float32)
    return values.reshape(rows, -1) if rows else np.zeros((0, 0), np.float32)
