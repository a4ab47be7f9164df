"""Every metric of the gateway, in one typed place."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

EXCHANGES: Final = Counter(
    "plait_gateway_exchanges_total",
    "Exchanges that were relayed to Claude, by the status that the client got (none: it left before) and their ending.",
    ["status", "ending"],
)

IN_FLIGHT: Final = Gauge("plait_gateway_exchanges_in_flight", "Exchanges that have begun and not ended.")

FIRST_BYTE_SECONDS: Final = Histogram(
    "plait_gateway_first_byte_seconds",
    "From a request's head to the first byte of its answer's body.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600),
)

SPOOL_DROPPED: Final = Counter(
    "plait_spool_dropped_total",
    "Records that were not written. full: our own bound; disk: the system refused.",
    ["reason"],
)

SHIPPED: Final = Counter("plait_shipper_events_total", "Events that the broker has acknowledged.", ["topic"])

BROKER_UP: Final = Gauge("plait_shipper_broker_up", "1 while the broker is reached, 0 while the spool waits for it.")

SPOOL_BYTES: Final = Gauge("plait_spool_bytes", "Disk that the spool's segments take, shipped or not.")
