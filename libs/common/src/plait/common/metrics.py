"""Every metric of Plait's consumers, in one typed place. All are served by `plait.common.health`."""

from __future__ import annotations

from typing import Final, Literal

from prometheus_client import Counter, Gauge, Histogram

State = Literal["starting", "running", "paused", "stalled", "stopped"]

CONSUMER_LAG: Final = Gauge(
    "plait_consumer_lag_records",
    "Records in a partition that this member owns and has not committed yet.",
    ["group", "topic", "partition"],
)

CONSUMER_RECORDS: Final = Counter(
    "plait_consumer_records_total",
    "Records settled: stored, or put aside as dead letters. Repeats count again.",
    ["group", "topic"],
)

CONSUMER_DEAD_LETTERS: Final = Counter(
    "plait_consumer_dead_letters_total",
    "Records that no retry would mend.",
    ["group"],
)

CONSUMER_BATCH_SECONDS: Final = Histogram(
    "plait_consumer_batch_seconds",
    "From a batch in hand to its offsets committed, pauses included.",
    ["group"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
)

CONSUMER_STATE: Final = Gauge(
    "plait_consumer_state",
    "1 for the state a consumer is in, 0 for the others. Paused: a dependency is down. "
    "Stalled: nearly every record is refused, so none is put aside.",
    ["group", "state"],
)

CONSUMER_JOINS: Final = Counter(
    "plait_consumer_joins_total",
    "Times a consumer joined its group anew: at its start, and after a broker was gone.",
    ["group"],
)

NOTICES: Final = Counter(
    "plait_notices_total",
    "Notices by what became of them: delivered; refused: by the other side, or by our rules on addresses; given_up: "
    "after the last attempt; expired: too old by then; void: nothing left to tell, or nowhere; broken: in the making.",
    ["kind", "result"],
)

ANALYSES: Final = Counter(
    "plait_analyses_total",
    "Attempts at analyses by what became of them: completed; failed: for good; put_off: to be tried again; given_up: "
    "the job was another's by then, or was deleted, or the database was away.",
    ["result"],
)

ANALYSIS_SECONDS: Final = Histogram(
    "plait_analysis_seconds",
    "From a job in hand to what became of it.",
    buckets=(1, 2.5, 5, 10, 20, 40, 60, 120, 240, 600),
)
