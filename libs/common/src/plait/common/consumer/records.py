"""What a consumer's loop and a service say to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from plait.common.events import Event


@dataclass(frozen=True)
class Record:
    """One decoded record with its place."""

    topic: str
    partition: int
    offset: int
    event: Event


@dataclass(frozen=True)
class Rejected:
    """A record that no retry will mend, and why."""

    record: Record
    reason: str


class Processor(Protocol):
    """What a service does with a batch."""

    async def process(self, batch: Sequence[Record]) -> Sequence[Rejected]:
        """Store a batch in one transaction, all of it but what is returned as rejected; offsets are committed after.

        May be called again with the same records, or with a part of them: every write is keyed by exchange id.

        Raises:
            DependencyDown: nothing was stored; the consumer pauses and calls again with the same batch.
            Exception: nothing was stored, for no known reason; the consumer looks for the record at fault.
        """
        ...
