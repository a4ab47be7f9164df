"""uvicorn's connection with a bound on the head of a request: by itself it holds whatever comes before a head ends."""

from __future__ import annotations

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_BYTES: Final = 64 * 1024
_REFUSAL: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedHead(HttpToolsProtocol):
    """Ends a connection whose head is larger; what came in one piece with the end of a head may be."""

    _size = 0
    """Bytes of a head that has not ended."""
    _in_head = True
    _begins = False
    """Whether a request ended within what came last."""

    def data_received(self, data: bytes) -> None:
        """Bytes came from the client."""
        self._begins = False
        super().data_received(data)
        if not self._in_head or self._begins:
            return
        self._size += len(data)
        if self._size > MOST_BYTES and not self.transport.is_closing():
            if self.cycle is None or self.cycle.response_complete:
                self.transport.write(_REFUSAL)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head, self._size = False, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole; the next may begin."""
        self._in_head, self._begins = True, True
        super().on_message_complete()
