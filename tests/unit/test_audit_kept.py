"""The audit log goes to files, each line once, in its order."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from portrait.access.audit import AuditArchive, AuditLine, Placed
from portrait.adapters.audit_files import AuditFiles
from portrait.archive.archive import ArchiveUnavailableError
from tests.support.memory_keys import MemoryAudit
from workers import audit as keeping
from workers.audit import keep_audit, keep_new


def line(number: int) -> AuditLine:
    at = datetime(2026, 11, 27, 9, number, tzinfo=UTC)
    return AuditLine(at=at, who="anybody", what="PUT /rules", status=200, request_id=str(number))


async def log_of(count: int) -> MemoryAudit:
    log = MemoryAudit()
    for number in range(count):
        await log.add(line(number))
    return log


def kept(folder: Path) -> list[AuditLine]:
    files = sorted((folder / "audit").iterdir())
    lines = [each for file in files for each in file.read_text().splitlines()]
    return [AuditLine.model_validate(json.loads(each)) for each in lines]


async def test_every_line_is_kept_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "LINES_AT_ONCE", 2)
    log, closing = await log_of(5), asyncio.Event()
    closing.set()
    await keep_audit(log, AuditFiles(str(tmp_path)), closing)
    await log.add(line(5))

    await keep_audit(log, AuditFiles(str(tmp_path)), closing)

    assert kept(tmp_path) == [line(number) for number in range(6)]


@pytest.mark.parametrize("url", ["memory://{}", "{}"])
def test_files_say_where_they_end(url: str, tmp_path: Path) -> None:
    files: AuditArchive = AuditFiles(url.format(tmp_path / uuid4().hex))
    assert files.newest() is None

    files.write([Placed("999-7", line(0)), Placed("1000-2", None)])
    files.write([Placed("1000-11", line(1))])

    assert files.newest() == "1000-11"


async def test_what_is_away_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "EVERY_SECONDS", 0.01)
    log, closing = await log_of(1), asyncio.Event()
    log.is_down = True
    task = asyncio.create_task(keep_audit(log, AuditFiles(str(tmp_path)), closing))
    await asyncio.sleep(0.1)
    log.is_down = False
    closing.set()

    await task

    assert kept(tmp_path) == [line(0)]


async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("a file")

    with pytest.raises(ArchiveUnavailableError):
        await keep_new(await log_of(1), AuditFiles(str(tmp_path)))
