"""What a consumer is doing, told once per change: to the log, to the metrics, to whoever asks for its health."""

from __future__ import annotations

from typing import Final, get_args

import structlog

from plait.common.metrics import CONSUMER_STATE, State

_log = structlog.get_logger()

_STATES: Final[tuple[State, ...]] = get_args(State)
_consumers: dict[str, Status] = {}


class Status:
    """The state of one consumer of this process, and why it is in it."""

    def __init__(self, group: str) -> None:
        self.group = group
        self.state: State = "starting"
        self.reason = ""
        _consumers[group] = self

    @property
    def is_ready(self) -> bool:
        """Whether records flow."""
        return self.state == "running"

    def become(self, state: State, reason: str = "") -> None:
        """Change to a state; staying in one is not told again, whatever the reason."""
        if state == self.state:
            return
        self.state, self.reason = state, reason
        for known in _STATES:
            CONSUMER_STATE.labels(self.group, known).set(known == state)
        tell = _log.warning if state in ("paused", "stalled") else _log.info
        tell(f"consumer {state}", group=self.group, reason=reason)


def expect(group: str) -> None:
    """A consumer of this process will start: until it does, the process is not ready."""
    Status(group)


def expect_no_more(group: str) -> None:
    """A consumer that was expected has ended before it started."""
    known = _consumers.get(group)
    if known and known.state == "starting":
        known.become("stopped")


def consumers() -> list[Status]:
    """The consumers of this process: expected, running or stopped."""
    return list(_consumers.values())
