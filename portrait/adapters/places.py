"""Places: folders and URLs where files lie, of which one shop's can be emptied."""

import fsspec

from portrait.errors import FileUnreadableError


def empty_place(url: str) -> int:
    """Delete all that lies in a place, and the place itself. Returns how many files there were.

    Raises:
        FileUnreadableError: Something cannot be deleted.
    """
    files, root = fsspec.core.url_to_fs(url)
    try:
        files.invalidate_cache()
        if not files.exists(root):
            return 0
        count = len(files.find(root))
        files.rm(root, recursive=True)
    except OSError as error:
        msg = f"{url}: not everything can be deleted ({type(error).__name__})."
        raise FileUnreadableError(msg) from error
    return count
