"""Outcome: how a fine-tuning of a training came out, in a file beside what it made.

    NAME/         the encoder with its head, if it is kept
    NAME.json     says that it has ended, and how

Whatever it is begins from the pretrained encoder every time, and takes minutes: one that was killed
begins again.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Told = dict[str, object]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where one kind of reader lies in the folder of a version, and how it came out."""

    name: str  # of the file
    made: str  # of the folder

    def once(self, folder: Path, make: Callable[[Path], Told]) -> None:
        """Make a reader into the folder of a version, unless that has been done."""
        if (folder / self.name).exists():
            return
        shutil.rmtree(folder / self.made, ignore_errors=True)
        told = make(folder / self.made)
        if not told["kept"]:
            shutil.rmtree(folder / self.made, ignore_errors=True)
        aside = (folder / self.name).with_suffix(".new")
        aside.write_text(json.dumps(told))
        aside.replace(folder / self.name)

    def told(self, folder: Path) -> Told | None:
        """Return how the reader of a version came out; None if none was to be made."""
        try:
            told: Told = json.loads((folder / self.name).read_text())
        except FileNotFoundError:
            return None
        return told

    def kept(self, folder: Path) -> Path | None:
        """Return where the reader of a version lies, if it was kept."""
        told = self.told(folder)
        return folder / self.made if told is not None and told["kept"] else None


def refused(reason: str) -> Told:
    """Tell that nothing is kept, and why."""
    return {"kept": False, "reason": reason}


def sentence(reason: str) -> str:
    """Write a reason as a sentence."""
    return f"{reason[0].upper()}{reason[1:]}."
