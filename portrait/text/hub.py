"""The hub: is an encoder that is named by its name to be had? Its own client asks for a minute."""

import socket
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from huggingface_hub import constants, try_to_load_from_cache

from portrait.errors import EncoderInvalidError

CONFIG = "config.json"  # every model has it
ANSWER_SECONDS = 5.0
HTTPS = 443


def require_obtainable(source: str) -> None:
    """Refuse what is no folder here, lies in no cache, and cannot be asked for.

    Args:
        source: A folder, or a name on the hub: `name` or `organisation/name`.

    Raises:
        EncoderInvalidError: With what is wrong.
    """
    if (Path(source) / CONFIG).exists():
        return
    if Path(source).is_dir():
        msg = f"the folder has no {CONFIG}"
        raise EncoderInvalidError(msg)
    if source.startswith((".", "/", "~")) or source.count("/") > 1:
        msg = "there is no such folder"
        raise EncoderInvalidError(msg)
    is_cached = isinstance(try_to_load_from_cache(source, CONFIG), str)
    if not (is_cached or constants.HF_HUB_OFFLINE or getproxies()):
        _require_hub()


def _require_hub() -> None:
    """Connect to the hub once, and soon give up; its own client tries for a minute."""
    at = urlsplit(constants.ENDPOINT)
    try:
        socket.create_connection((at.hostname, at.port or HTTPS), ANSWER_SECONDS).close()
    except OSError as error:
        msg = f"it is no folder here, and the hub at {at.hostname} cannot be reached"
        raise EncoderInvalidError(msg) from error
