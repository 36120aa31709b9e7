"""Upgrades: offers to go on in another protocol, which we do not take up.

RFC 9110, section 7.8: a server may ignore an Upgrade. Every Java client sends one with its first
request. The parser stops at the end of such a head, for somebody else to read what follows. So the
head is told to it again, without the offer: then it goes on to the body, and to the next request.
"""

from collections.abc import Iterable

from httptools import HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

OFFER = frozenset({b"upgrade", b"http2-settings"})  # headers, and what Connection says of them


class Parser(HttpRequestParser):
    """The parser of a connection; at an offer it gives its place to a fresh one.

    The same one would not do: it keeps what it knows of the offer's Connection header.
    """

    def __init__(self, protocol: HttpToolsProtocol) -> None:
        super().__init__(protocol)
        self.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
        self._protocol = protocol

    def feed_data(self, data: bytes) -> None:  # type: ignore[override] # as a transport hands it over
        """Read; a head that offers an upgrade is told again, before what follows it.

        The protocol has its part in this: it takes no head, and no end, of who `should_upgrade()`.
        """
        try:
            super().feed_data(data)
        except HttpParserUpgrade as stop:
            ours = self._protocol
            told = (self.get_method(), ours.url, self.get_http_version(), ours.headers)
            ours.parser = Parser(ours)
            ours.parser.feed_data(head_without_offer(*told))
            ours.parser.feed_data(data[stop.args[0] :])


def head_without_offer(
    method: bytes, target: bytes, version: str, headers: Iterable[tuple[bytes, bytes]]
) -> bytes:
    """Write the head of a request as it would be without its Upgrade."""
    lines = [b"%b %b HTTP/%b" % (method, target, version.encode())]
    for name, value in headers:
        kept = _without_offer(value) if name.lower() == b"connection" else value
        if name.lower() not in OFFER and (kept or not value):
            lines.append(b"%b: %b" % (name, kept))
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _without_offer(connection: bytes) -> bytes:
    tokens = [token.strip() for token in connection.split(b",")]
    return b", ".join(token for token in tokens if token.lower() not in OFFER)
