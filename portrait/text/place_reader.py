"""The place reader: a BERT that was fine-tuned to where a catalogue puts its items."""

from collections.abc import Sequence

from portrait.model.places import places_of
from portrait.model.task_head import SILENT
from portrait.text.task_reader import TaskReader

TASK = "place"


class PlaceReader:
    """Says where items lie, as deep as it is sure."""

    def __init__(self, reader: TaskReader) -> None:
        self._reader = reader
        head = reader.heads[TASK]
        self._places = places_of(head.labels)
        self._least = float(head.least.max()) if head.least is not None else 0.0  # one for all

    @property
    def name(self) -> str:
        """The encoder that reads."""
        return self._reader.encoder.name

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """Return paths of B items in one pass; empty where none is sure. Blocks: in a thread."""
        likely = self._places.likely(self._reader(texts)[TASK])
        said = self._places.deepest(likely, self._least)
        return ["" if place == SILENT else self._places.paths[place] for place in said.tolist()]
