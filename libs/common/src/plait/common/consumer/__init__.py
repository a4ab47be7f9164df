"""The one way to consume: batches, commit after the transaction, dead letters, pause while a dependency is down.

`consume` is the loop (docs/adr/0003-consumers.md); a service gives it a `Processor`.
"""

from plait.common.consumer.loop import consume
from plait.common.consumer.records import Processor, Record, Rejected

__all__ = ["Processor", "Record", "Rejected", "consume"]
