"""Every metric of the shipper: the relay has none of them, so that none of its processes says 0 for another."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge

SHIPPED: Final = Counter("plait_shipper_events_total", "Events that the broker has acknowledged.", ["topic"])

BROKER_UP: Final = Gauge("plait_shipper_broker_up", "1 while the broker is reached, 0 while the spool waits for it.")

SPOOL_BYTES: Final = Gauge("plait_spool_bytes", "Disk that a spool's segments take, shipped or not.", ["spool"])

SPOOL_BEHIND_BYTES: Final = Gauge("plait_spool_behind_bytes", "Bytes of a spool that were not shipped yet.", ["spool"])

SPOOL_BEHIND_SECONDS: Final = Gauge(
    "plait_spool_behind_seconds", "For how long a spool has not been shipped to its end; 0 when it is.", ["spool"]
)

SPOOL_RUNNING: Final = Gauge(
    "plait_spool_running_exchanges", "Exchanges of a spool that were shipped as far as they are.", ["spool"]
)

SPOOL_DAMAGED: Final = Counter("plait_spool_damaged_total", "Records that could not be read, and were skipped.")

SET_ASIDE: Final = Counter(
    "plait_shipper_set_aside_total", "Exchanges that no event could be made of, or that killed the shipper."
)
