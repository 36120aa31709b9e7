"""The tone reader: a BERT that was fine-tuned to what reviews say, as the stream asks it."""

from collections.abc import Mapping, Sequence

from portrait.events.tone import Tone
from portrait.model.task_head import SILENT
from portrait.text.task_reader import TaskReader

TASK = "tone"
TONES: Mapping[str, Tone] = {"bad": Tone.NEGATIVE, "middling": Tone.NEUTRAL, "good": Tone.POSITIVE}


class ToneReader:
    """Says what reviews say, where it is sure."""

    def __init__(self, reader: TaskReader) -> None:
        self._reader = reader
        self._head = reader.heads[TASK]
        self._tones = [TONES[label] for label in self._head.labels]

    @property
    def name(self) -> str:
        """The encoder that reads."""
        return self._reader.encoder.name

    def __call__(self, texts: Sequence[str]) -> list[Tone | None]:
        """Read B reviews in one pass; None where it is not sure. Blocks; call it from a thread."""
        said = self._head.said(self._reader(texts)[TASK])
        return [None if label == SILENT else self._tones[label] for label in said.tolist()]
