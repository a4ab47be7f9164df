"""Writes one exchange into the spool, step by step, and never says that a record is whole when it is not."""

from __future__ import annotations

import time
from typing import Protocol

from plait.common.masking import Masker, without_scheme
from plait.gateway.access.access import Admission
from plait.gateway.access_log import AccessLog, Line
from plait.gateway.metrics import exchange_began, exchange_ended
from plait.gateway.relay.call import Call, refusal_line
from plait.gateway.relay.fields import Fields
from plait.gateway.relay.refusals import Refusal
from plait.gateway.spool.frames import LongFrame
from plait.gateway.spool.records import Answer, End, Ending, Head, LongRequest, Piece, Record, Request


class Spool(Protocol):
    """Where captures go."""

    def record(self, exchange: bytes, record: Record | LongFrame) -> bool:
        """Write a record; False when it was dropped."""
        ...


class Capture:
    """The record of one exchange, appended as it happens.

    Without its request nothing else is written. When a later record is dropped the rest is not written either, and
    the end says `capture_lost`.
    """

    __slots__ = (
        "_admission", "_began", "_bytes_in", "_call", "_coming", "_exchange", "_first_byte_ms", "_known", "_log",
        "_masker", "_open", "_partial", "_size", "_spool", "_status", "ended",
    )  # fmt: skip

    def __init__(self, spool: Spool, masker: Masker, exchange: bytes, log: AccessLog, call: Call | None = None) -> None:
        """`exchange`: the id's bytes. `call`: for one whose request is not recorded; its refusal is logged."""
        self._spool = spool
        self._masker = masker
        self._log = log
        self._exchange = exchange
        self._known: list[bytes] = []
        """Secrets of this exchange: Claude may give them back."""
        self._call = call
        self._admission: Admission | None = None
        self._bytes_in = 0
        self._coming: LongRequest | None = None
        """A request that is not whole."""
        self._began = time.perf_counter()
        self._open = False
        self._partial = False
        self._status: int | None = None
        self._first_byte_ms: float | None = None
        self._size = 0
        self.ended = False

    def request(self, call: Call, admission: Admission, body: bytes) -> None:
        """The request, before upstream has it; its secrets are masked here."""
        self._begin(call, admission)
        self._bytes_in = len(body)
        self._open = self._append(self._request(call, admission, body))

    def request_begins(self, call: Call, admission: Admission, size: int) -> None:
        """A request whose body of `size` bytes is still coming; its record is made as it comes."""
        self._begin(call, admission)
        self._coming = LongRequest(self._exchange, self._request(call, admission, b""), size)

    def request_piece(self, data: bytes) -> None:
        """Bytes of the body, as long as nothing has been told of the answer."""
        if self._coming is not None:
            self._coming.add(data)

    def request_ends(self) -> None:
        """The request as far as it has come; what is told of the answer does it too."""
        if self._coming is not None:
            self._bytes_in = self._coming.came
            record, self._coming = self._coming.record(), None
            self._open = self._append(record)

    def _begin(self, call: Call, admission: Admission) -> None:
        self._known = [without_scheme(value) for _, value in admission.add]
        self._call, self._admission = call, admission
        self._began = call.began
        exchange_began()

    def _request(self, call: Call, admission: Admission, body: bytes) -> Request:
        headers = self._masker.fields(call.fields, self._known)  # learns secrets, which the query may hold too
        return Request(
            started_at=call.started_at,
            domain=admission.domain,
            method=call.method,
            path=call.path.decode("latin-1"),
            query=self._masker.query(call.query.decode("latin-1"), self._known),
            headers=headers,
            body=body,
            tag=call.tag,
            client_address=call.client_address,
            account_id=admission.account_id,
            key_name=admission.key_name,
        )

    def again(self, exchange: bytes, call: Call, body: bytes) -> Capture:
        """The record of a further attempt at the same call."""
        assert self._admission is not None
        fresh = Capture(self._spool, self._masker, exchange, self._log)
        fresh.request(call, self._admission, body)
        return fresh

    def head(self, status: int, fields: Fields) -> None:
        """Status and fields of the answer."""
        if self._coming is not None:
            self.request_ends()
        self._status = status
        self._follow(Head(self._now(), status, self._masker.fields(fields, self._known)))

    def piece(self, data: bytes) -> None:
        """Bytes of the answer, before the client gets them."""
        now = self._now()
        if self._first_byte_ms is None:
            self._first_byte_ms = now
        self._size += len(data)
        self._follow(Piece(now, data))

    def at_once(self, status: int, fields: Fields, data: bytes) -> None:
        """A whole answer in one piece, before the client gets it; in place of `head`, `piece` and `end`."""
        if self._coming is not None:
            self.request_ends()
        now = self._now()
        self._status, self._size = status, len(data)
        if data:
            self._first_byte_ms = now
        self._end(End(now, Ending.WHOLE, answer=Answer(status, self._masker.fields(fields, self._known), data)), now)

    def end(self, ending: Ending, error_type: str = "", message: str = "") -> None:
        """The end, before the client gets the last byte. Only the first one counts."""
        if self.ended:
            return
        if self._coming is not None:
            self.request_ends()
        if self._partial and ending is Ending.WHOLE:
            ending, error_type, message = Ending.CAPTURE_LOST, "capture_lost", "the spool had no room for the answer"
        now = self._now()
        self._end(End(now, ending, error_type, message), now)

    def _end(self, end: End, now: float) -> None:
        self.ended = True
        if self._call is not None and self._admission is not None:
            self._tell(self._call, self._admission, end.ending, now)
        if self._open:
            self._append(end)

    def own_answer(self, refusal: Refusal, fields: Fields, body: bytes, ending: Ending) -> None:
        """An answer of the gateway itself."""
        self._log.refused(refusal_line(refusal, self._exchange, self._call))
        self.head(refusal.status, fields)
        self.piece(body)
        self.end(ending, refusal.type, refusal.message)

    def _tell(self, call: Call, admission: Admission, ending: Ending, now: float) -> None:
        line = Line(
            ended_at=call.started_at + now / 1000,
            exchange=self._exchange,
            domain=admission.domain,
            key_name=admission.key_name,
            method=call.method,
            path=call.path.decode("latin-1"),
            status=self._status,
            ending=ending,
            bytes_in=self._bytes_in,
            bytes_out=self._size,
            first_byte_ms=self._first_byte_ms,
            duration_ms=now,
        )
        exchange_ended(line)
        self._log.note(line)

    def _follow(self, record: Head | Piece) -> None:
        if self._open and not self._partial:
            self._partial = not self._append(record)

    def _append(self, record: Record | LongFrame) -> bool:
        return self._spool.record(self._exchange, record)

    def _now(self) -> float:
        return round((time.perf_counter() - self._began) * 1000, 3)
