"""A client that sends exactly the bytes it is told to, and notes exactly what comes back."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from plait.fakes.http1 import BUFFER_BYTES, BrokenMessage, Header, body_pieces, encode_head, header, read_head

REQUEST_ID = "x-request-id"


@dataclass
class Received:
    """An answer as its client saw it. Times are `time.monotonic()` seconds."""

    started: float
    status: int = 0
    headers: list[Header] = field(default_factory=list)
    body: bytes = b""
    whole: bool = False
    """Whether the answer ended as its framing said."""
    arrivals: list[tuple[float, int]] = field(default_factory=list)
    """When bytes of the body came, and how many."""
    ended: float = 0.0
    error: str | None = None
    """Why the answer is not whole."""

    @property
    def request_id(self) -> str | None:
        """The exchange id that the gateway gave."""
        return header(self.headers, REQUEST_ID)


async def call(
    port: int,
    method: str,
    target: str,
    headers: list[Header],
    body: bytes | None = None,
    *,
    leave_after: int | None = None,
    within: float = 60.0,
    host: str = "127.0.0.1",
) -> Received:
    """One call on a connection of its own to `host`; `leave_after`: close after so many bytes of the answer's body;
    `within`: seconds for all of it.

    Never raises for what the server does: `Received` says what went wrong.
    """
    received = Received(started=time.monotonic())
    framing = [] if body is None else [("content-length", str(len(body)))]
    raw = encode_head(f"{method} {target} HTTP/1.1", [*headers, *framing]) + (body or b"")
    try:
        async with asyncio.timeout(within):
            await _exchange((host, port), raw, received, bodiless=method == "HEAD", leave_after=leave_after)
    except TimeoutError:
        received.error = f"no whole answer within {within:g} s"
    except (BrokenMessage, OSError) as error:
        received.error = str(error) or type(error).__name__
    received.ended = time.monotonic()
    return received


async def _exchange(
    address: tuple[str, int], raw: bytes, received: Received, *, bodiless: bool, leave_after: int | None
) -> None:
    reader, writer = await asyncio.open_connection(*address, limit=BUFFER_BYTES)
    try:
        writer.write(raw)
        head = await read_head(reader)
        while head.start.split()[1].startswith("1"):
            head = await read_head(reader)
        received.status, received.headers = int(head.start.split()[1]), head.headers
        if not (bodiless or received.status in (204, 304)):
            async for piece in body_pieces(reader, head, until_close=True):
                received.arrivals.append((time.monotonic(), len(piece)))
                received.body += piece
                if leave_after is not None and len(received.body) >= leave_after:
                    return
        received.whole = True
    finally:
        writer.close()
