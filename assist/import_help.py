"""Import help texts: each file becomes one of the desk's, in place of what it was before."""

from collections.abc import Iterable
from pathlib import Path

from portrait.errors import FileUnreadableError
from portrait.helpdesk.pages import read_page
from portrait.helpdesk.passages import MOST_PASSAGES, Passage, write_passages
from portrait.helpdesk.read_desk import HELP, read_desk


def import_help(desk: Path, files: Iterable[Path]) -> dict[str, int]:
    """Read all files, then write all of them. Returns how many passages each has.

    Raises:
        FileUnreadableError: One cannot be read, two have the same name, or there is too much in
            them; nothing was written.
        SettingsInvalidError: The desk cannot be read.
    """
    others = {passage.id: passage.source for passage in read_desk(desk).passages}
    read: dict[str, list[Passage]] = {}
    for path in files:
        if path.name in read:
            msg = f"{path}: there is another file of that name: they would replace each other"
            raise FileUnreadableError(msg)
        read[path.name] = read_page(path)
    kept = {id for id, source in others.items() if source not in read}
    total = len(kept | {passage.id for passages in read.values() for passage in passages})
    if total > MOST_PASSAGES:
        msg = f"The help desk would have {total} passages; {MOST_PASSAGES} is the most."
        raise FileUnreadableError(msg)
    for name, passages in read.items():
        write_passages(desk / HELP / f"{name}.jsonl", passages)
    return {name: len(passages) for name, passages in read.items()}
