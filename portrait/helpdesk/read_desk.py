"""Read a desk: a folder, checked as a whole; what is wrong is told with its file and line."""

from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path

from portrait.errors import SettingsInvalidError
from portrait.helpdesk.desk import Desk, IntentsFile, RepliesFile, RulesFile
from portrait.helpdesk.passages import MOST_PASSAGES, Passage, read_passages
from portrait.yaml_file import Place, YamlFile

SETTING = "PORTRAIT_HELP_DESK"
INTENTS, REPLIES, RULES, HELP = "intents.yml", "replies.yml", "rules.yml", "help"
LARGEST_FILE = 4_194_304  # bytes

Stamp = tuple[tuple[str, int, int], ...]  # of each file: name, ns of its last change, bytes


def files_of(folder: Path) -> list[Path]:
    """Return the files of a desk that are there, in a fixed order."""
    written = [folder / INTENTS, folder / REPLIES, folder / RULES]
    return [*(path for path in written if path.is_file()), *sorted((folder / HELP).glob("*.jsonl"))]


def stamp_of(folder: Path) -> Stamp:
    """Return what is different once a file of the desk is."""
    try:
        stats = [(path.name, path.stat()) for path in files_of(folder)]
    except OSError:  # one is being replaced just now
        return ()
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def read_desk(folder: Path) -> Desk:
    """Read a desk.

    Raises:
        SettingsInvalidError: Something in it cannot be; says which file and line, and why.
    """
    try:
        return _read(folder)
    except OSError as error:
        msg = f"{SETTING}: {folder} cannot be read ({type(error).__name__})"
        raise SettingsInvalidError(msg) from error


def _read(folder: Path) -> Desk:
    files = files_of(folder)
    _check_sizes(folder, files)
    intents_file = YamlFile.open(folder / INTENTS, SETTING)
    replies_file = YamlFile.open(folder / REPLIES, SETTING)
    rules_file = YamlFile.open(folder / RULES, SETTING) if folder / RULES in files else None
    intents = intents_file.read(IntentsFile)
    replies = replies_file.read(RepliesFile)
    rules = RulesFile() if rules_file is None else rules_file.read(RulesFile)
    ids = [intent.id for intent in intents.intents]
    for file, place, what in (
        *((intents_file, *each) for each in _repeated("intents", ids)),
        *((replies_file, *each) for each in _repeated("replies", [r.id for r in replies.replies])),
        *((replies_file, *each) for each in _astray(replies, set(ids))),
        *((rules_file, *each) for each in _unknown_in_rules(rules, set(ids))),
    ):
        if file is not None:
            raise file.wrong(place, what)
    return Desk(
        _version(files),
        intents.intents,
        replies.constants,
        replies.replies,
        rules,
        _passages(folder),
    )


def _check_sizes(folder: Path, files: Iterable[Path]) -> None:
    for name in (INTENTS, REPLIES):
        if folder / name not in files:
            msg = f"{SETTING}: {folder} has no {name}"
            raise SettingsInvalidError(msg)
    for path in files:
        if path.suffix == ".yml" and path.stat().st_size > LARGEST_FILE:
            msg = f"{SETTING}: {path} is larger than {LARGEST_FILE} bytes"
            raise SettingsInvalidError(msg)


def _repeated(list_name: str, ids: list[str]) -> Iterator[tuple[Place, str]]:
    counts = Counter[str]()
    for number, id in enumerate(ids):
        counts[id] += 1
        if counts[id] > 1:
            yield (list_name, number, "id"), f"`{id}` stands there before"


def _astray(file: RepliesFile, intents: set[str]) -> Iterator[tuple[Place, str]]:
    """Yield replies to what nobody asks, and slots of constants that there are none of."""
    for number, reply in enumerate(file.replies):
        if reply.intent not in intents:
            yield ("replies", number, "intent"), f"`{reply.intent}` is not in {INTENTS}"
        for slot, source in reply.slots.items():
            kind, _, name = source.partition(".")
            if kind == "constant" and name not in file.constants:
                place = ("replies", number, "slots", slot)
                yield place, f"{slot}: there is no constant `{name}`"


def _unknown_in_rules(rules: RulesFile, intents: set[str]) -> Iterator[tuple[Place, str]]:
    for number, rule in enumerate(rules.hand_over):
        for name in sorted(rule.intents - intents):
            yield ("hand_over", number, "intents"), f"`{name}` is not in {INTENTS}"


def _passages(folder: Path) -> tuple[Passage, ...]:
    """Read all help texts; a passage that is there twice counts once."""
    found: dict[str, Passage] = {}
    for path in sorted((folder / HELP).glob("*.jsonl")):
        found |= {passage.id: passage for passage in read_passages(path)}
    if len(found) > MOST_PASSAGES:
        msg = f"{SETTING}: {folder / HELP} has {len(found)} passages; {MOST_PASSAGES} is the most"
        raise SettingsInvalidError(msg)
    return tuple(found.values())


def _version(files: Iterable[Path]) -> str:
    """Name what is written: sixteen hexadecimal digits."""
    digest = blake2b(digest_size=8)
    for path in files:
        digest.update(f"{path.name}:{path.stat().st_size}:".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
