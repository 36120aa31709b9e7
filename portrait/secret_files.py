"""Secrets by file: a setting that is a secret may lie in a file, which `…_FILE` names instead.

An environment is read by whoever sees the process, and repeated by tools that describe containers;
a file has an owner. Docker and Kubernetes lay their secrets down as files.
"""

import stat
from collections.abc import Mapping
from pathlib import Path

from portrait.errors import SettingsInvalidError

SUFFIX = "_FILE"
MOST_BYTES = 65_536  # of a secret: whoever names a large file by mistake is told
LAID_DOWN = Path("/run/secrets")  # of a container alone, whatever the modes in there say


def file_of(variable: str, environment: Mapping[str, str]) -> Path | None:
    """Return the file that is named for a variable; None if there is none."""
    named = environment.get(variable + SUFFIX)
    return None if named is None else Path(named)


def read_secret(variable: str, environment: Mapping[str, str]) -> str | None:
    """Return the secret that lies in a file for a variable; None if no file is named.

    A line break at its end is not part of it.

    Raises:
        SettingsInvalidError: The variable is there as well, or the file is missing, unreadable or
            empty. What it holds is not repeated.
    """
    file = file_of(variable, environment)
    if file is None:
        return None
    name = variable + SUFFIX
    if variable in environment:
        msg = f"{name}: there is {variable}, too; set one of them."
        raise SettingsInvalidError(msg)
    try:
        with file.open("rb") as opened:
            held = opened.read(MOST_BYTES + 1)
        secret = held.decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = "there is no such file" if isinstance(error, FileNotFoundError) else _why(error)
        msg = f"{name}: {why}."
        raise SettingsInvalidError(msg) from None
    if not secret or len(held) > MOST_BYTES:
        msg = f"{name}: the file is {'larger than a secret is' if secret else 'empty'}."
        raise SettingsInvalidError(msg)
    return secret


def is_exposed(file: Path) -> bool:
    """Say whether anybody on the machine may read a file."""
    if file.absolute().is_relative_to(LAID_DOWN):
        return False
    return bool(file.stat().st_mode & stat.S_IROTH)


def _why(error: Exception) -> str:
    return f"the file cannot be read ({type(error).__name__})"
