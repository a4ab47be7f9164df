"""The head of a message as a start line and fields, without a word on whether it is good: that is llhttp's to say."""

from __future__ import annotations

from plait.gateway.relay.fields import Fields


def split_head(head: bytes) -> tuple[bytes, Fields] | None:
    """Start line and fields of a whole head (with its empty line); None where a line is not one field."""
    lines = head[:-4].split(b"\r\n")
    if head.count(b"\n") != len(lines) + 1 or b"\r\n " in head or b"\r\n\t" in head:
        return None
    pairs = [line.partition(b":") for line in lines[1:]]
    return lines[0], [(name, value.strip(b" \t")) for name, _, value in pairs]
