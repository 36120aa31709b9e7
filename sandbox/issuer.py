"""A small identity provider on this machine, whose tokens the service reads.

`python -m sandbox.issuer PORT FILE` answers every question with what the file holds for its path,
read anew for each.
"""

import json
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from joserfc import jwk, jwt

from sandbox.listening import listening
from sandbox.ports import free_port
from sandbox.processes import python

AUDIENCE = "portrait"
LASTS = 300  # seconds, that a token is good


@dataclass(frozen=True)
class Issuer:
    """A provider that publishes one key, and what it would write."""

    url: str
    key: jwk.RSAKey

    def token(self, **changed: object) -> str:
        """Write a token for whoever reads profiles."""
        return self._by(self.key, **changed)

    def forged(self, **claims: object) -> dict[str, str]:
        """Return tokens that nobody is to be let in with, by what is wrong with each."""
        head, body, signature = self.token(**claims).split(".")
        none = jwt.encode({"alg": "HS256"}, {}, jwk.OctKey.import_key("a" * 32)).split(".")[0]
        unsigned = urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
        return {
            "unsigned": f"{head}.{body}.",
            "of no algorithm": f"{unsigned}.{body}.",
            "of another head": f"{none}.{body}.{signature}",
            "stranger": self._by(new_rsa(), **claims),
            "audience": self.token(**claims, aud="others"),
            "issuer": self.token(**claims, iss="https://evil.example"),
            "expired": self.token(**claims, exp=int(time.time()) - LASTS),
            "endless": self.token(**claims, exp=None),
            "a subject of several lines": self.token(**claims, sub="crm\nkey"),
            "cut": f"{head}.{body}.{signature[:-3]}",
        }

    def _by(self, key: jwk.RSAKey, /, **changed: object) -> str:
        said = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "crm",
            "exp": int(time.time()) + LASTS,
            "scope": "profiles:read",
            **changed,
        }
        return jwt.encode({"alg": "RS256", "kid": "one"}, said, key)


def new_rsa() -> jwk.RSAKey:
    """Make a key that calls itself as the provider's own does."""
    return jwk.RSAKey.generate_key(2048, {"kid": "one"}, private=True)


@contextmanager
def start_issuer(directory: Path) -> Iterator[Issuer]:
    """Start one; it ends with the context."""
    port, held, key = free_port(), directory / "issuer.json", new_rsa()
    url = f"http://127.0.0.1:{port}"
    found = {"issuer": url, "jwks_uri": f"{url}/keys"}
    published = {"keys": [key.as_dict(private=False)]}
    held.write_text(json.dumps({"/.well-known/openid-configuration": found, "/keys": published}))

    def command(taken: int) -> list[str]:
        return python("sandbox.issuer", str(taken), str(held))

    with listening(command, directory / "issuer.log", port):
        yield Issuer(url, key)


class _Handler(BaseHTTPRequestHandler):
    """Answers with what is in the file."""

    held = Path()

    def do_GET(self) -> None:
        """Answer."""
        found = json.loads(self.held.read_text()).get(self.path)
        body = json.dumps(found).encode()
        self.send_response(404 if found is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    _Handler.held = Path(sys.argv[2])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()
