"""A small schema registry: `python -m tests.support.registry_process PORT FILE`.

What it holds is in the file, as `registries.py` writes it, and read anew for each request.
"""

import base64
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

UNREADABLE = "message Readable { string by_people = 1; }"  # of Protobuf, unless it is asked for


class Handler(BaseHTTPRequestHandler):
    """Answers the two questions that are asked of a registry."""

    protocol_version = "HTTP/1.1"
    state = Path()

    def do_GET(self) -> None:
        """Answer with a schema, by its number or by its subject and version."""
        held = json.loads(self.state.read_text())
        url = urlsplit(self.path)
        if (answer := held.get("answer")) is not None:
            self._answer(answer["status"], answer["body"].encode())
        elif not self._is_known(held.get("user")):
            self._answer(401, b'{"error_code": 40101, "message": "Unauthorized"}')
        else:
            parts = [unquote(part) for part in url.path.strip("/").split("/")]
            self._find(
                held, parts, is_serialised="serialized" in parse_qs(url.query).get("format", "")
            )

    def _find(self, held: dict[str, Any], parts: list[str], *, is_serialised: bool) -> None:
        match parts:
            case ["schemas", "ids", id]:
                found, code = held["schemas"].get(id), 40403
            case ["subjects", subject, "versions", version]:
                found, code = held["subjects"].get(f"{subject}/{version}"), 40401
            case _:
                self._answer(404, b"<html>Not Found</html>")
                return
        if found is None:
            self._answer(404, json.dumps({"error_code": code, "message": "not found"}).encode())
            return
        if found.get("schemaType") == "PROTOBUF" and not is_serialised:
            found = found | {"schema": UNREADABLE}
        self._answer(200, json.dumps(found).encode())

    def _is_known(self, user: str | None) -> bool:
        sent = self.headers.get("Authorization", "").removeprefix("Basic ")
        return user is None or base64.b64decode(sent).decode() == user

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve until told to stop."""
    port, file = sys.argv[1:]
    Handler.state = Path(file)
    ThreadingHTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main()
