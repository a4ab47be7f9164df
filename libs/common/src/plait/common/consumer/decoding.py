"""From what a broker holds to events, or to the reason why a record is none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

import msgspec
from aiokafka.structs import ConsumerRecord

from plait.common import events
from plait.common.consumer.records import Record
from plait.common.deep import deeply
from plait.common.errors import BadRecord
from plait.common.topics import MAX_EVENT_BYTES

Raw: TypeAlias = "ConsumerRecord[bytes | None, bytes | None]"
"""A record as the broker gave it: bytes, nothing about it is known to be good."""


def decode(raw: Raw) -> Record:
    """The event of a record with its place. Headers are not looked at, so none can do harm.

    Raises:
        BadRecord: it has no value, is larger than any event may be, or is no event of a version known here. Its
            message may quote the record: for the dead letter, not for the log.
    """
    value = raw.value
    if value is None:
        raise BadRecord("record without value")
    if len(value) > MAX_EVENT_BYTES:
        raise BadRecord(f"{len(value)} bytes, an event has at most {MAX_EVENT_BYTES}")
    try:
        return Record(raw.topic, raw.partition, raw.offset, deeply(events.decode, value))
    except msgspec.ValidationError as error:
        raise BadRecord(f"not an event of a version known here: {error}") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise BadRecord("not JSON") from None


def slices(raws: Iterable[Raw], max_bytes: int) -> Iterator[list[Raw]]:
    """Cut a list into runs of at most `max_bytes` of values; one record alone may be larger."""
    run: list[Raw] = []
    size = 0
    for raw in raws:
        length = len(raw.value or b"")
        if run and size + length > max_bytes:
            yield run
            run, size = [], 0
        run.append(raw)
        size += length
    if run:
        yield run
