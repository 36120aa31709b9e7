"""The audit log as files beside the archive, one JSON object a line, where nobody trims it.

audit/1764235200000.0-1764235260000.3.jsonl     named by the first and the last line's place
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from portrait.access.audit import Placed
from portrait.archive.archive import ArchiveUnavailableError
from portrait.files import replacing

FOLDER = "audit"
_NAME = re.compile(r"\d+\.\d+-(\d+)\.(\d+)\.jsonl")


class AuditFiles:
    """An `AuditArchive` by URL: a path, or whatever fsspec can reach."""

    def __init__(self, url: str) -> None:
        self._fs, root = fsspec.core.url_to_fs(url)
        self._folder = f"{root.rstrip('/')}/{FOLDER}"
        self._is_local = isinstance(self._fs, LocalFileSystem)

    def newest(self) -> str | None:
        """Return the place of the newest line."""
        with _translated():
            self._fs.invalidate_cache()
            names = [path.rsplit("/", 1)[-1] for path in self._fs.find(self._folder)]
        places = [
            (int(named[1]), int(named[2])) for name in names if (named := _NAME.fullmatch(name))
        ]
        return "{}-{}".format(*max(places)) if places else None

    def write(self, lines: Sequence[Placed]) -> None:
        """Put a file there, whole or not at all."""
        first, last = (lines[at].place.replace("-", ".") for at in (0, -1))
        path = f"{self._folder}/{first}-{last}.jsonl"
        content = b"".join(b"%b\n" % line.model_dump_json().encode() for _, line in lines if line)
        with _translated():
            if self._is_local:
                with replacing(Path(path)) as file:
                    file.write(content)
            else:
                self._fs.pipe_file(path, content)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        msg = f"{FOLDER}: {error}"
        raise ArchiveUnavailableError(msg) from error
