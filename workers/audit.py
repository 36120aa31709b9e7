"""The audit log goes to files, beside the archive: Redis keeps its newest lines alone."""

import asyncio

import structlog

from portrait.access.audit import AuditArchive, AuditLog
from portrait.archive.archive import ArchiveUnavailableError
from portrait.errors import StoreUnavailableError
from portrait.outage import closes_within

EVERY_SECONDS = 60.0
LINES_AT_ONCE = 10_000

log = structlog.get_logger()


async def keep_audit(audit: AuditLog, files: AuditArchive, closing: asyncio.Event) -> None:
    """Write new lines to files until told to stop, and then once more."""
    is_closing = False
    while not is_closing:
        is_closing = await closes_within(closing, EVERY_SECONDS)
        try:
            while await keep_new(audit, files):
                pass
        except (StoreUnavailableError, ArchiveUnavailableError) as error:
            log.warning("audit_delayed", reason=str(error))


async def keep_new(audit: AuditLog, files: AuditArchive) -> int:
    """Write the lines that no file has yet, up to a bound. Returns how many.

    Where the files end says where to go on, so a crash loses none. Two workers at a time may write
    a line twice: each has its place.
    """
    lines = await audit.after(await asyncio.to_thread(files.newest), LINES_AT_ONCE)
    if lines:
        await asyncio.to_thread(files.write, lines)
        log.info("audit_kept", lines=len(lines))
    return len(lines)
