"""Left behind: what is found of Dora's marks, before she is forgotten and after, place by place.

The names of a few emptied keys stay on purpose: by them what comes late, or again, is passed over
(docs/decisions/0007 and 0048). What Kafka has ends by itself; the receipt says when.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.secure.marks import Found, in_files, in_redis, in_text
from demo.secure.shops import DEVICE, DORA, MARKS

# By the end of a key's name, whether it may be in the value, too: on which devices she was seen.
KEPT = {
    f"profile:{{{DORA}}}": False,
    f"profile:{{{DORA}}}:own": False,
    f"profile:{{anonymous:{DEVICE}}}": False,
    f"profile:{{anonymous:{DEVICE}}}:own": False,
    f"unwanted:{{{DORA}}}": False,
    f"unwanted:{{anonymous:{DEVICE}}}": False,
    f"device:{{{DEVICE}}}": False,
    f"devices:{{{DORA}}}": True,
}
REDIS, ARCHIVE = "Redis, every key of every database", "archive, every file unpacked"
FILES = {
    ARCHIVE: ["archive/**/*.parquet", "archive/**/*.json"],
    "audit log, beside the archive": ["archive/**/audit/*"],
    "models and their cache": ["models/**/*", "cache/**/*"],
    "logs of all processes": ["*.log"],
}


@dataclass(frozen=True, slots=True)
class Search:
    """What was found in each place."""

    found: Mapping[str, Sequence[Found]]

    def left(self, place: str) -> list[Found]:
        """Return what should not be there."""
        return [each for each in self.found[place] if not is_kept(each)]

    def kept(self, place: str) -> set[str]:
        """Return the names that stay on purpose."""
        return {each.where for each in self.found[place] if is_kept(each)}

    @property
    def all_left(self) -> list[Found]:
        """What should not be there, anywhere."""
        return [each for place in self.found for each in self.left(place)]


def is_kept(found: Found) -> bool:
    """Say whether something stays on purpose."""
    key = found.where.split(": ", 1)[-1]
    return key in KEPT and (found.is_name or KEPT[key])


def search(redis: str, folder: Path, metrics: str) -> Search:
    """Look everywhere.

    Args:
        redis: Its URL.
        folder: Where everything else is, the broker's own files and our receipts aside.
        metrics: As the service told them last.
    """
    places: dict[str, Sequence[Found]] = {REDIS: in_redis(redis, MARKS)}
    for place, patterns in FILES.items():
        files = {file for each in patterns for file in folder.glob(each) if file.is_file()}
        places[place] = in_files(folder, files, MARKS)
    places["metrics of the service"] = in_text("metrics", metrics, MARKS)
    return Search(places)


def table(before: Search, after: Search) -> str:
    """Lay out both searches."""
    lines = [f"    {'':<38} before  after"]
    for place in before.found:
        kept = len(after.kept(place))
        said = f"   and {kept} names on purpose" if kept else ""
        lines.append(
            f"    {place:<38} {len(before.found[place]):6} {len(after.left(place)):6}{said}"
        )
    lines += [f"      left: {each.where} ({each.mark})" for each in after.all_left]
    return "\n".join(lines)
