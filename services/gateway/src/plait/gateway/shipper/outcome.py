"""What the end of an exchange means (linking.md, "Outcome")."""

from __future__ import annotations

from typing import Any, Final

from plait.common.events import Fault, Outcome
from plait.common.folding import Fold
from plait.gateway.spool.records import End, Ending

_FIRST_REFUSAL: Final = 400
_OURS: Final[dict[Ending, Outcome]] = {Ending.REFUSED: "rejected", Ending.NO_ANSWER: "failed"}
_LEFT: Final = (Ending.GATEWAY_LOST, Ending.CLIENT_GONE, Ending.DRAINED)


def judge(
    end: End, status: int | None, value: Any, stream: Fold | None, *, message_due: bool
) -> tuple[Outcome, Fault | None]:
    """Outcome and cause. `value`: the answer if it is JSON; `stream`: the folded events if it is an event stream.

    A client that left after message_stop has the whole answer, whatever became of the connection, and one that left
    after the head of a refusal was refused. A stream that ends without any message, where one is due, is no answer.
    """
    if stream is not None and stream.stopped and stream.error is None and end.ending is not Ending.DRAINED:
        return "complete", None
    if end.ending in _OURS:
        return _OURS[end.ending], Fault(end.error_type, end.message)
    if status is not None and status >= _FIRST_REFUSAL:
        return "failed", _refusal(value, status)
    if end.ending in _LEFT:
        return "aborted", Fault(end.error_type, end.message)
    if status is None:
        return "failed", Fault(end.error_type, end.message)
    if stream is not None and stream.error is not None:
        return "interrupted" if stream.started else "failed", Fault(stream.error.type, stream.error.message)
    if end.ending is not Ending.WHOLE:
        return "interrupted", Fault(end.error_type, end.message)
    if stream is not None and stream.started:
        return "interrupted", Fault("upstream_cut", "the stream ended before message_stop")
    if stream is not None and message_due:
        return "failed", Fault("no_message", "the stream ended without a message")
    return "complete", None


def _refusal(value: Any, status: int) -> Fault:
    error = value.get("error") if isinstance(value, dict) else None
    if not isinstance(error, dict):
        return Fault("http_error", f"status {status}")
    return Fault(str(error.get("type", "http_error")), str(error.get("message", "")))
