"""A desk opened: its words and help texts encoded, and the head that reads messages.

desk, encoder, head ─▶ passages indexed ─▶ Opened: what requests read, replaced whole
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from assist.models import ModelCard
from portrait.arrays import Floats
from portrait.helpdesk.desk import Desk
from portrait.helpdesk.intents import IntentHead, head_of_words
from portrait.helpdesk.labels import Label
from portrait.helpdesk.search import Passages
from portrait.helpdesk.texts import normal
from portrait.model.encoder import TextEncoder
from portrait.model.space import Vectors

# Who read it: somebody has labelled these very words; what was learned; the desk's own words.
Reader = Literal["person", "model", "words"]
Likely = tuple[tuple[str, float], ...]  # intents and probabilities, likeliest first
LIKELY = 3  # intents named with their probabilities


@dataclass(frozen=True, slots=True)
class Learned:
    """A model of intents, and the encoder that it reads with."""

    card: ModelCard
    head: IntentHead
    encoder: TextEncoder


@dataclass(frozen=True, slots=True)
class Opened:
    """A desk, ready to answer. Immutable."""

    desk: Desk
    encoder: TextEncoder  # of passages and words
    reader: TextEncoder  # of messages, for the head: mostly the same
    head: IntentHead
    card: ModelCard | None  # None: nothing was learned yet, the desk's words are all there is
    passages: Passages

    @property
    def certain(self) -> float:
        """The probability from which an intent is believed."""
        wanted = self.desk.rules.certain
        return self.head.certain if wanted is None else wanted

    @property
    def is_outdated(self) -> bool:
        """Whether the desk has intents that the model has not learned."""
        return {intent.id for intent in self.desk.intents} != {*self.head.intents}


@dataclass(frozen=True, slots=True)
class Understood:
    """What a message means."""

    intent: str | None
    probability: float  # of the likeliest, whether it is believed or not
    likely: Likely
    by: Reader


def open_desk(desk: Desk, encoder: TextEncoder, learned: Learned | None) -> Opened:
    """Encode what is to be found. Blocks: a desk of a thousand passages takes ten seconds."""
    texts = [passage.whole for passage in desk.passages]
    words = [(place, text) for place, intent in enumerate(desk.intents) for text in intent.words]
    reader = encoder if learned is None else learned.encoder
    word_vectors = reader.encode([text for _, text in words])
    of_words = head_of_words(
        reader.name,
        [intent.id for intent in desk.intents],
        word_vectors,
        np.array([place for place, _ in words]),
    )
    head = None if learned is None else learned.head.only({intent.id for intent in desk.intents})
    return Opened(
        desk,
        encoder,
        reader,
        of_words if head is None else head,
        None if learned is None or head is None else learned.card,
        Passages(texts, encoder.encode(texts)),
    )


def understood(
    opened: Opened, text: str, vector: Vectors | None, labels: Mapping[str, Label]
) -> Understood:
    """Say what a message means: as a person said of these words, else as the head reads them.

    Args:
        opened: The desk.
        text: What was written.
        vector: (D,), by the reader; None: its vocabulary lacks most of it.
        labels: The newest of each text, by its normal form.
    """
    likely = () if vector is None else likeliest(opened.head, opened.head(vector[None])[0])
    words = normal(text)
    label = labels.get(words)
    if label is not None and (label.intent is None or label.intent in opened.desk.by_id):
        return Understood(label.intent, 1.0, likely, "person")
    if words in opened.desk.by_example:
        return Understood(opened.desk.by_example[words], 1.0, likely, "person")
    by: Reader = "words" if opened.card is None else "model"
    if not likely:
        return Understood(None, 0.0, likely, by)
    intent, probability = likely[0]
    return Understood(intent if probability >= opened.certain else None, probability, likely, by)


def likeliest(head: IntentHead, probabilities: Floats) -> Likely:
    """Name the likeliest intents of one message's probabilities, (C,)."""
    order = np.argsort(-probabilities, kind="stable")[:LIKELY].tolist()
    return tuple((head.intents[at], float(probabilities[at])) for at in order)
