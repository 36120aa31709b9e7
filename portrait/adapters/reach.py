"""Reach: why a server cannot be reached, in a sentence that says what to do."""

import asyncio
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

REDIS_PORT = 6379
ANSWER_SECONDS = 3.0  # of one address, to take a connection


async def why_unreachable(setting: str, server: str, addresses: Sequence[str]) -> str | None:
    """Try to connect; None if anybody takes the connection.

    Args:
        setting: Name of the variable that names the addresses.
        server: Who should be there, for people.
        addresses: Each `host:port`.
    """
    causes = await asyncio.gather(*map(_cause, addresses))
    if None in causes:
        return None
    told = "; ".join(f"{at}: {cause}" for at, cause in zip(addresses, causes, strict=True))
    return f"{setting}: {server} cannot be reached ({told}). Start it there, or say where it is."


def addresses_of(setting: str) -> list[str]:
    """Return every `host:port` of a URL, without its password, or of a list with commas."""
    if "//" not in setting:
        return [address.strip() for address in setting.split(",")]
    url = urlsplit(setting)
    return [f"{url.hostname}:{url.port or REDIS_PORT}"]


async def _cause(address: str) -> str | None:
    """Say what happens to who connects; None if nothing does."""
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except ValueError:
        return "no host:port"
    except socket.gaierror:
        return "the host is not known"
    except ConnectionRefusedError:
        return "nobody listens there"
    except TimeoutError:
        return f"no answer within {ANSWER_SECONDS:g} s"
    except OSError as error:
        return error.strerror or type(error).__name__
    writer.close()
    return None
