"""Every metric of the gateway, in one typed place. What thousands of exchanges a second touch is a tally."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge

from plait.gateway.access_log import Line
from plait.gateway.tallies import Histogram, Tally

EXCHANGES: Final = Tally(
    "plait_gateway_exchanges_total",
    "Exchanges that were relayed to Claude, by the status that the client got (none: it left before) and their ending.",
    ["status", "ending"],
)

_BEGUN: Final = Tally("plait_gateway_exchanges_begun_total", "Exchanges whose request has come.")

IN_FLIGHT: Final = Gauge("plait_gateway_exchanges_in_flight", "Exchanges that have begun and not ended.")
IN_FLIGHT.set_function(lambda: sum(_BEGUN.counts.values()) - sum(EXCHANGES.counts.values()))

FIRST_BYTE_SECONDS: Final = Histogram(
    "plait_gateway_first_byte_seconds",
    "From a request's head to the first byte of its answer's body.",
    (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600),
)

OVERHEAD_SECONDS: Final = Histogram(
    "plait_gateway_overhead_seconds",
    "What the relay itself adds. request: from a whole request in hand, or the beginning of a long one, to its "
    "write upstream, without the wait for a connection; answer: from the answer's first bytes in hand to their write "
    "to the client.",
    (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1),
    label="side",
    values=("request", "answer"),
)
OVERHEAD_REQUEST: Final = OVERHEAD_SECONDS.series("request")
OVERHEAD_ANSWER: Final = OVERHEAD_SECONDS.series("answer")

BYTES: Final = Tally(
    "plait_gateway_bytes_total",
    "Bytes of the bodies of exchanges that have ended; in: requests, out: answers.",
    ["way"],
)

REFUSALS: Final = Tally("plait_gateway_refusals_total", "Answers of the gateway in Claude's place.", ["reason"])

UPSTREAM_RETRIES: Final = Tally(
    "plait_gateway_upstream_retries_total",
    "Attempts that were repeated (UPSTREAM_RETRIES), by their status.",
    ["status"],
)

CREDENTIAL_FILES: Final = Gauge(
    "plait_gateway_credential_files",
    "Credential files; broken: the last good content is in use, if there was any.",
    ["state"],
)

TOKEN_REFRESHES: Final = Tally(
    "plait_gateway_token_refreshes_total",
    "Refreshes of OAuth tokens. found: another process had done it; refused: somebody has to log in again; "
    "unavailable: it is tried again.",
    ["result"],
)

SPOOL_DROPPED: Final = Counter(
    "plait_spool_dropped_total",
    "Records that were not written. full: our own bound; disk: the system refused.",
    ["reason"],
)

_in, _out = ("in",), ("out",)
_first_byte = FIRST_BYTE_SECONDS.series()


def exchange_began() -> None:
    """An exchange's request has come."""
    _BEGUN.counts[()] += 1


def exchange_ended(line: Line) -> None:
    """An exchange that began has ended so."""
    EXCHANGES.add(line.status, line.ending)
    sizes = BYTES.counts
    sizes[_in] = sizes.get(_in, 0) + line.bytes_in
    sizes[_out] = sizes.get(_out, 0) + line.bytes_out
    if line.first_byte_ms is not None:
        _first_byte.observe(line.first_byte_ms / 1000)
