"""A small language model over HTTP, as OpenAI's API has it: it says what a test wants."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Chat:
    """What it does, and what it was sent."""

    url: str = ""
    says: str = ""
    body: bytes | None = None  # instead of an answer of its form
    status: int = 200
    pause: float = 0.0  # seconds before it answers
    sent: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)


@contextmanager
def chatting(chat: Chat) -> Iterator[Chat]:
    """Run it on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            chat.sent.append({"path": self.path, **json.loads(self.rfile.read(length))})
            chat.keys.append(self.headers["authorization"])
            time.sleep(chat.pause)
            answer = {"choices": [{"message": {"role": "assistant", "content": chat.says}}]}
            body = json.dumps(answer).encode() if chat.body is None else chat.body
            self.send_response(chat.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    chat.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield chat
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
