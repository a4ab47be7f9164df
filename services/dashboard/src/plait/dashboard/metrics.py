"""Every metric of the dashboard, served on METRICS_PORT."""

from __future__ import annotations

from typing import Final

from prometheus_client import Gauge, Histogram

RERUN_SECONDS: Final = Histogram(
    "plait_dashboard_rerun_seconds",
    "One run of a page's script on the server, from its first line to its last: queries, rendering, handing over.",
    ["page"],
    buckets=(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30),
)

LISTENERS: Final = Gauge("plait_dashboard_live_listeners", "Open pages that hear what happens.")
