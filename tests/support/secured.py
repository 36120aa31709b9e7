"""A Redis that lets in one user, over TLS alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis

from sandbox.listening import listening
from sandbox.processes import python
from sandbox.servers import start_redis
from tests.support.certificates import Certificates

USER, PASSWORD = "portrait", "geheim-4711"
# What deploy/README.md asks for.
RULES = ("~*", "&*", "+@all", "-@admin", "-@dangerous", "+info")


@contextmanager
def start_secured_redis(directory: Path, certificates: Certificates) -> Iterator[str]:
    """Yields its URL without user and password: `host:port/0?ssl_ca_certs=…`."""
    with start_redis(directory) as url:
        port = url.rsplit(":", 1)[1].removesuffix("/0")
        with Redis.from_url(url) as operator:
            operator.execute_command("ACL", "SETUSER", USER, "on", f">{PASSWORD}", *RULES)
            operator.execute_command("ACL", "SETUSER", "default", "off")

        def proxy(taken: int) -> list[str]:
            return python("tests.support.tls_proxy", str(taken), str(certificates.server), port)

        with listening(proxy, directory / "tls.log") as taken:
            yield f"127.0.0.1:{taken}/0?ssl_ca_certs={certificates.authority}"


def as_user(address: str, *, password: str = PASSWORD) -> str:
    """Return the URL of a secured Redis for who comes in."""
    return f"rediss://{USER}:{password}@{address}"
