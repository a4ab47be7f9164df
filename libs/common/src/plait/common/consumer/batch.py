"""A batch on its way through a processor: bad records are found and put aside, good ones are never lost with them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

import structlog

from plait.common.consumer.decoding import Raw, decode
from plait.common.consumer.records import Processor, Record, Rejected
from plait.common.deadletters import DeadLetters, of_record
from plait.common.errors import BadRecord, DependencyDown, PlaitError

_log = structlog.get_logger()

_ATTEMPTS: Final = 3
"""How often a processor gets a batch that it fails on for no known reason, before the batch is split."""


class NearlyAllBad(PlaitError):
    """Nearly every record is refused: what is at fault is not the records, so none is put aside."""


class Tally:
    """Remembers how the last records fared, and says when it is no longer the records that are at fault."""

    def __init__(self, *, last: int = 200, least: int = 20, share: float = 0.9) -> None:
        self._least = least
        self._share = share
        self._bad: deque[bool] = deque(maxlen=last)

    def add(self, good: int, bad: int) -> None:
        """Count a batch.

        Raises:
            NearlyAllBad: at least `least` of the last records were bad, and `share` of them; it is not counted.
        """
        known = deque(self._bad, maxlen=self._bad.maxlen)
        known.extend([False] * good + [True] * bad)
        refused = sum(known)
        if bad and refused >= self._least and refused >= self._share * len(known):
            raise NearlyAllBad(f"{refused} of the last {len(known)} records are refused")
        self._bad = known


class Handler:
    """Gives batches to a processor and what is refused to the dead letters."""

    def __init__(self, processor: Processor, dead_letters: DeadLetters, service: str) -> None:
        self._processor = processor
        self._dead_letters = dead_letters
        self._service = service
        self._tally = Tally()

    async def handle(self, raws: Sequence[Raw]) -> int:
        """Returns when every record is stored or a dead letter; how many became dead letters.

        Raises:
            DependencyDown: not every record is; call again with the same batch.
            NearlyAllBad: nothing was put aside; call again later with the same batch.
        """
        records, refused = _decode_all(raws)
        rejected = await self._process(records, _ATTEMPTS) if records else []
        refused |= {_place(r.record): r.reason for r in rejected}
        self._tally.add(len(raws) - len(refused), len(refused))
        letters = [of_record(raw, self._service, refused[_place(raw)]) for raw in raws if _place(raw) in refused]
        await self._dead_letters.publish(letters)
        for letter in letters:
            _log.error("dead letter", topic=letter.topic, partition=letter.partition, offset=letter.offset)
        return len(letters)

    async def _process(self, batch: Sequence[Record], attempts: int) -> list[Rejected]:
        """Process a batch; one that fails again and again is halved until the records at fault stand alone."""
        failure = await self._attempt(batch, attempts)
        if not isinstance(failure, Exception):
            return list(failure)
        if len(batch) == 1:
            return [Rejected(batch[0], f"{type(failure).__name__}: {failure}")]
        middle = len(batch) // 2
        return [*await self._process(batch[:middle], 1), *await self._process(batch[middle:], 1)]

    async def _attempt(self, batch: Sequence[Record], attempts: int) -> Sequence[Rejected] | Exception:
        for number in range(1, attempts + 1):
            try:
                return await self._processor.process(batch)
            except DependencyDown:
                raise
            except Exception as error:
                _log.warning("batch failed", error=type(error).__name__, records=len(batch), attempt=number)
                failure = error
        return failure


def _place(record: Raw | Record) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset


def _decode_all(raws: Sequence[Raw]) -> tuple[list[Record], dict[tuple[str, int, int], str]]:
    records, refused = [], {}
    for raw in raws:
        try:
            records.append(decode(raw))
        except BadRecord as error:
            refused[_place(raw)] = str(error)
    return records, refused
