"""The tone reader: a BERT that was fine-tuned to what reviews say, as the stream asks it.

texts ─▶ without names ─▶ one pass ─▶ a tone, where it is sure
      └▶ clauses ─▶ one pass ─▶ an aspect and a tone, where it is sure ─▶ beside what words name
"""

from collections.abc import Mapping, Sequence

from portrait.events.tone import Tone
from portrait.model.task_head import SILENT, TaskHead
from portrait.opinions.aspects import Aspect, AspectSaid, ClauseRead, aspects_of, clauses_of
from portrait.text.task_reader import TaskReader
from portrait.text.unnamed import unnamed

TASK, ASPECT = "tone", "aspect"
TONES: Mapping[str, Tone] = {"bad": Tone.NEGATIVE, "middling": Tone.NEUTRAL, "good": Tone.POSITIVE}


class ToneReader:
    """Says what reviews say, where it is sure."""

    def __init__(self, reader: TaskReader) -> None:
        self._reader = reader
        self._head = reader.heads[TASK]
        self._tones = [TONES[label] for label in self._head.labels]
        self._aspects = reader.heads.get(ASPECT)  # None: words alone name aspects

    @property
    def name(self) -> str:
        """The encoder that reads."""
        return self._reader.encoder.name

    def __call__(self, texts: Sequence[str]) -> list[Tone | None]:
        """Read B reviews in one pass; None where it is not sure. Blocks; call it from a thread."""
        said = self._head.said(self._reader([unnamed(text) for text in texts])[TASK])
        return [None if label == SILENT else self._tones[label] for label in said.tolist()]

    def aspects(self, texts: Sequence[str]) -> list[tuple[AspectSaid, ...]]:
        """Return what B reviews say of what. Blocks; call it from a thread."""
        if self._aspects is None:
            return [aspects_of(text) for text in texts]
        clauses = {said: read for text in texts for said, read in _clauses_of(text)}
        read = self._clauses(clauses, self._aspects) if clauses else {}
        return [aspects_of(text, read) for text in texts]

    def _clauses(self, clauses: Mapping[str, str], head: TaskHead) -> dict[str, ClauseRead]:
        """Read clauses, each as it is without names, in one pass."""
        likely = self._reader([*clauses.values()])
        tones, said = self._head.said(likely[TASK]), head.said(likely[ASPECT])
        return {
            clause: ClauseRead(
                None if about == SILENT else Aspect(head.labels[about]),
                None if tone == SILENT else self._tones[tone],
            )
            for clause, about, tone in zip(clauses, said.tolist(), tones.tolist(), strict=True)
        }


def _clauses_of(text: str) -> list[tuple[str, str]]:
    """Return each clause of a text, and how it is read: without names, as far as they are told."""
    said, read = clauses_of(text), clauses_of(unnamed(text))
    return list(zip(said, read if len(read) == len(said) else said, strict=True))
