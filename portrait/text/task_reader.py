"""A task reader: an encoder that was fine-tuned, and its heads; one pass reads for every task.

texts ─▶ encoder ─▶ vectors (B, D) ─▶ head of each task ─▶ probabilities (B, C)

    config.json, *.safetensors, tokenizer files    the encoder's folder, like any other
    heads/*.safetensors                            a `TaskHead` each; encoders pass them over
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors.numpy import load_file, save_file

from portrait.arrays import Floats
from portrait.errors import SpaceMismatchError
from portrait.model.encoder import TextEncoder
from portrait.model.task_head import TaskHead
from portrait.text.text_encoder import Backend, load_encoder

HEADS = "heads"


@dataclass(frozen=True, slots=True)
class TaskReader:
    """Reads texts for several tasks at once."""

    encoder: TextEncoder
    heads: Mapping[str, TaskHead]

    def __call__(self, texts: Sequence[str]) -> dict[str, Floats]:
        """Return of each task the probabilities (B, C). Blocks; call it from a thread."""
        vectors = self.encoder.encode(texts)
        return {name: head(vectors) for name, head in self.heads.items()}


def load_reader(folder: Path, *, backend: Backend = "auto", threads: int = 1) -> TaskReader:
    """Load a folder that a fine-tuning has written.

    Raises:
        OSError: There is no encoder.
        SpaceMismatchError: A head stands on another encoder than the one beside it.
    """
    return reader_on(load_encoder(str(folder), backend=backend, threads=threads), folder)


def reader_on(encoder: TextEncoder, folder: Path) -> TaskReader:
    """Put a folder's heads on its encoder, that has been loaded.

    Raises:
        SpaceMismatchError: A head stands on another encoder.
    """
    heads = load_heads(folder)
    for name, head in heads.items():
        if head.encoder != encoder.name:
            msg = f"the head of {name!r} stands on {head.encoder}, not on {encoder.name}"
            raise SpaceMismatchError(msg)
    return TaskReader(encoder, heads)


def save_heads(folder: Path, heads: Mapping[str, TaskHead]) -> None:
    """Write heads beside their encoder."""
    (folder / HEADS).mkdir(parents=True, exist_ok=True)
    for name, head in heads.items():
        save_file(head.to_arrays(), folder / HEADS / f"{name}.safetensors")


def load_heads(folder: Path) -> dict[str, TaskHead]:
    """Read the heads of a folder, by the names of their tasks."""
    return {
        path.stem: TaskHead.from_arrays(load_file(path))
        for path in sorted((folder / HEADS).glob("*.safetensors"))
    }
