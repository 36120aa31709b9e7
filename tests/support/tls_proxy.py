"""TLS in front of a server that has none: the Redis of the pip package was built without.

`python -m tests.support.tls_proxy PORT CERTIFICATE TARGET`, both ports on loopback.
"""

import asyncio
import ssl
import sys
from asyncio import StreamReader, StreamWriter
from contextlib import suppress

LOOPBACK = "127.0.0.1"
AT_ONCE = 65_536  # bytes


async def serve(port: int, certificate: str, target: int) -> None:
    """Pass on what comes, for ever."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    async def connected(reader: StreamReader, writer: StreamWriter) -> None:
        there, back = await asyncio.open_connection(LOOPBACK, target)
        await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))

    server = await asyncio.start_server(connected, LOOPBACK, port, ssl=context)
    await server.serve_forever()


async def _pass_on(source: StreamReader, target: StreamWriter) -> None:
    with suppress(ConnectionError):
        while some := await source.read(AT_ONCE):
            target.write(some)
            await target.drain()
    target.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
