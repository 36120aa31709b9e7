"""A small identity provider: `python -m tests.support.issuer_process PORT FILE`.

It answers every question with what the file holds for its path, read anew for each.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    """Answers with what is in the file."""

    state = Path()

    def do_GET(self) -> None:
        """Answer."""
        held = json.loads(self.state.read_text()).get(self.path)
        body = json.dumps(held).encode()
        self.send_response(404 if held is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    Handler.state = Path(sys.argv[2])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
