"""Again: a reader that would be made again of the same, in the same way, is taken from the last.

    READERS/tone/made_of      a digest: encoder, texts and labels, settings, seed, this code
    READERS/tone/told.json    how it came out
    READERS/tone/made/        the encoder with its head, if it is kept

One of each kind, the newest. A fine-tuning takes minutes, and a catalogue that rests, a training
that is asked for again, or a demo would make the same once more. Whoever asks to be forgotten
leaves the texts: what was learned from them is not taken again.
"""

import json
import shutil
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path

from portrait.files import replacing
from portrait.text.encoder_folder import identify
from portrait.training.tasks.outcome import Told

READERS = "readers"  # beside the folders of versions
MADE_OF, TOLD, MADE = "made_of", "told.json", "made"


def made_of(base: Path, examples: Iterable[tuple[object, ...]], *how: object) -> str:
    """Return a digest of all that a reader follows from.

    Args:
        base: Folder of the encoder that it begins from.
        examples: Texts, what holds of them and by what they are cut; in any order.
        how: Settings and seed, as they write themselves.
    """
    digest = sha256(f"{identify(base)}\n{how}\n".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    for line in sorted(map(json.dumps, examples)):
        digest.update(line.encode())
    return digest.hexdigest()


def once_more(
    readers: Path | None, kind: str, recipe: str, out: Path, make: Callable[[Path], Told]
) -> Told:
    """Make a reader into `out`, or take the one that was made of the same.

    Args:
        readers: Where the last of each kind is; None: nowhere.
        kind: Of the reader.
        recipe: What `made_of` says.
        out: Its folder.
        make: Makes it. Returns what is told of it.
    """
    if readers is None:
        return make(out)
    last = readers / kind
    if _is_of(last, recipe):
        told: Told = json.loads((last / TOLD).read_text())
        if told["kept"]:
            shutil.copytree(last / MADE, out)
        return told | {"taken_again": True}
    shutil.rmtree(last, ignore_errors=True)
    told = make(out)
    last.mkdir(parents=True)
    if told["kept"]:
        shutil.copytree(out, last / MADE)
    (last / TOLD).write_text(json.dumps(told))
    with replacing(last / MADE_OF) as file:  # the last: what a kill leaves is not taken
        file.write(recipe.encode())
    return told


def _is_of(last: Path, recipe: str) -> bool:
    try:
        return (last / MADE_OF).read_text() == recipe
    except FileNotFoundError:
        return False
