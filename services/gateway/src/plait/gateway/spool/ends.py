"""Ends that the spool itself writes, where nobody lived to write one or a record of the answer was lost."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from plait.gateway.spool.frames import Frame
from plait.gateway.spool.records import End, Ending, from_frame, to_frame

_GATEWAY_LOST: Final = End(None, Ending.GATEWAY_LOST, "gateway_lost", "the gateway ended before the answer did")


def gateway_lost(exchange: bytes) -> Frame:
    """The end of an exchange that was open when the gateway died."""
    return to_frame(exchange, _GATEWAY_LOST)


def capture_lost(frame: Frame, why: str = "the spool had no room for the answer") -> Frame:
    """The end of an exchange of which a record is missing: what would have been whole is not."""
    end = from_frame(frame)
    if not isinstance(end, End) or end.ending is not Ending.WHOLE:
        return frame
    lost = replace(end, ending=Ending.CAPTURE_LOST, error_type="capture_lost", message=why, answer=None)
    return to_frame(frame.exchange, lost)


def end_lost(exchange: bytes) -> Frame:
    """The end of an exchange whose own was damaged on disk."""
    return to_frame(exchange, End(None, Ending.CAPTURE_LOST, "capture_lost", "its end was damaged in the spool"))
