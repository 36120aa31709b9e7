"""The service as a side: events go through Kafka and the workers, questions over HTTP."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence

import httpx
from aiokafka import AIOKafkaProducer

from benchmarks.portrait.side import Answer, Wish
from portrait.catalogue.texts import unreadable
from portrait.events.event import Action
from portrait.events.topics import event_topic
from portrait.model.encoder import TextEncoder
from sandbox.planted.life import profile_key
from sandbox.planted.shop import Fields

FOLD_SECONDS = 120.0
READ_SECONDS = 30.0  # for new texts, which are read beside the stream
POLL_SECONDS = 0.01


class Served:
    """One running Portrait. Close it after use."""

    def __init__(self, url: str, kafka: str, name: str, encoder: TextEncoder) -> None:
        self.name = name
        self._encoder = encoder  # as the workers have it
        self._http = httpx.Client(base_url=url, timeout=60)
        self._kafka = kafka
        self._sent: Counter[str] = Counter()  # events by profile
        self.late = 0  # lists that were asked for again, for a new search was read too late

    @property
    def told(self) -> int:
        """How many events it was told."""
        return self._sent.total()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def profile(self, user: str) -> Answer | None:
        """Ask for a profile."""
        answer = self._http.get(f"/profile/{user}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        profile: Answer = answer.raise_for_status().json()
        return profile

    def recommend(self, wish: Wish) -> Answer:
        """Ask for recommendations; again, where a search was not read in time that can be.

        What lists are worth is asked here, on machines that do other work beside; how fast they
        come, `make bench-service` asks.

        Raises:
            TimeoutError: A search was never read; the index worker's log says why.
        """
        answer = self._ask(wish)
        if late := self._legible([each["text"] for each in _not_read(answer)]):
            self.late += 1
            _await_all(late, self._is_read, READ_SECONDS, "searches were not read")
            answer = self._ask(wish)
        return answer

    def _ask(self, wish: Wish) -> Answer:
        body: Answer = {
            "user_id": wish.user,
            "limit": wish.limit,
            "exclude": list(wish.exclude),
            "exclude_seen": not wish.seen_too,
            "explain": wish.explain,
        }
        if wish.items or wish.texts:
            body["session"] = {"items": list(wish.items), "texts": list(wish.texts)}
        if wish.diversity is not None:
            body["diversity"] = wish.diversity
        answer: Answer = self._http.post("/recommend", json=body).raise_for_status().json()
        return answer

    def tell(self, events: Sequence[Fields]) -> None:
        """Publish events, and wait until they are folded, and their searches read that can be.

        Raises:
            TimeoutError: They were not in time; the worker's log says why.
        """
        asyncio.run(publish(self._kafka, events))
        told = Counter(map(profile_key, events))
        self._sent += told
        _await_all(list(told), self._folded, FOLD_SECONDS, "events were not folded")
        searches = sorted({str(event["text"]) for event in events if event["type"] == "search"})
        _await_all(self._legible(searches), self._is_read, READ_SECONDS, "searches were not read")

    def await_model(self, version: str) -> None:
        """Wait until a model has painted everybody.

        Raises:
            TimeoutError: It has not in time; the update worker's log says why.
        """
        _await_all(
            list(self._sent),
            lambda user: (self.profile(user) or {}).get("model_version") == version,
            FOLD_SECONDS,
            "profiles were not painted anew",
        )

    def _folded(self, user: str) -> bool:
        profile = self.profile(user)
        return profile is not None and profile["events_folded"] >= self._sent[user]

    def _is_read(self, text: str) -> bool:
        return not _not_read(self._ask(Wish(texts=[text], limit=1)))

    def _legible(self, texts: Sequence[str]) -> list[str]:
        """Return the texts that the encoder can read."""
        if not texts:
            return []
        unread = asyncio.run(unreadable(self._encoder, texts))
        return [text for text, is_unread in zip(texts, unread, strict=True) if not is_unread]


def _not_read(answer: Answer) -> list[Answer]:
    """Return the searches of a session that no model had read when the answer was made."""
    return [each for each in answer["session_texts"] if each["read"] != "vector"]


async def publish(kafka: str, events: Sequence[Fields]) -> None:
    """Publish events, each on the topic of its action, keyed by who did it."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=5, acks="all")
    await producer.start()
    try:
        for event in events:
            topic = event_topic(Action(str(event["type"])))
            payload = json.dumps(event, ensure_ascii=False).encode()
            await producer.send(topic, payload, profile_key(event).encode())
        await producer.flush()
    finally:
        await producer.stop()


def _await_all(
    names: Sequence[str], is_so: Callable[[str], bool], seconds: float, failure: str
) -> None:
    """Wait until something is so of every name."""
    ends = time.monotonic() + seconds
    for name in names:
        while not is_so(name):
            if time.monotonic() > ends:
                raise TimeoutError(failure)
            time.sleep(POLL_SECONDS)
