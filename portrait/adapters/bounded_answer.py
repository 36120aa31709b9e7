"""Answers over HTTP that are read up to a bound: whoever answers may send without end."""

import httpx


async def read_bounded(answer: httpx.Response, most: int) -> bytes | None:
    """Read an answer's body; None if it is larger than so many bytes."""
    body = bytearray()
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > most:
            return None
    return bytes(body)
