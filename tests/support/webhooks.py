"""Whoever takes webhooks, as a real server on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Received(BaseHTTPRequestHandler):
    """Takes webhooks: refuses the first, as a server that is just starting would."""

    posts: list[tuple[dict[str, str], bytes]]
    refused = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        kind = type(self)
        status = 503 if kind.refused == 0 else 204
        if status == 503:
            kind.refused = 1
        else:
            kind.posts.append(({k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def receiving() -> Iterator[tuple[str, type[Received]]]:
    """Take webhooks at an address of this machine. Yields it, and what has arrived."""
    kind = type("OneTest", (Received,), {"posts": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/webhook", kind
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
