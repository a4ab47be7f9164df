"""The recorded sample traffic (samples/README.md says what a file holds) as bytes that can be sent and compared."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from plait.common.errors import UserError
from plait.fakes.answers import Answer, End, Piece, dump
from plait.fakes.http1 import HOP_BY_HOP, Header

_PIECES: Final = 12
"""Into how many pieces a recorded stream is cut: the recordings keep its bytes and its end, not its rhythm."""
_NOT_SENT: Final = HOP_BY_HOP | {"host", "content-length"}
_NOT_ANSWERED: Final = HOP_BY_HOP | {"content-length", "content-encoding"}
_ENDS: Final[dict[str, End]] = {"cut_by_server": "cut", "client_disconnected": "hold"}


@dataclass(frozen=True)
class Recording:
    """One recorded exchange. Times are unix seconds of the recording."""

    scenario: str
    number: int
    started: float
    ended: float
    method: str
    target: str
    headers: list[Header]
    """Those that travel from end to end; a player adds the rest."""
    body: bytes | None
    status: int
    answer_headers: list[Header]
    answer_body: bytes
    outcome: str
    truth: dict[str, Any]

    @property
    def name(self) -> str:
        """`scenario/number`."""
        return f"{self.scenario}/{self.number}"

    @property
    def streamed(self) -> bool:
        """Whether the answer is an event stream."""
        return any(name == "content-type" and "event-stream" in value for name, value in self.answer_headers)

    def answer(self, speed: float | None = None) -> Answer:
        """The recorded answer; `speed` 1 takes as long as it took, 10 a tenth, None no time at all."""
        seconds = (self.ended - self.started) / speed if speed else 0.0
        end = _ENDS.get(self.outcome, "complete")
        if not self.streamed:
            whole = (Piece(self.answer_body),) if self.answer_body else ()
            return Answer(self.status, tuple(self.answer_headers), whole, end, head_wait=seconds)
        size = max(1, -(-len(self.answer_body) // _PIECES))
        whole = (Piece(self.answer_body),)
        answer = Answer(self.status, tuple(self.answer_headers), whole, end, chunked=True)
        return answer.cut_every(size, seconds / _PIECES)


def samples_folder() -> Path:
    """Where the repository keeps the recorded exchanges.

    Raises:
        UserError: this is an installation without a checkout.
    """
    for parent in Path(__file__).resolve().parents:
        found = parent / "samples" / "recorded"
        if found.is_dir():
            return found
    raise UserError("no samples/recorded above this installation: run the demo from a checkout of the repository")


def load(folder: Path) -> dict[str, list[Recording]]:
    """Scenarios by name, each with its exchanges in the order in which they arrived."""
    scenarios = {
        part.name: [_recording(part.name, path) for path in sorted(part.glob("*.json"))]
        for part in sorted(folder.iterdir())
        if part.is_dir()
    }
    return {name: found for name, found in scenarios.items() if found}


def _recording(scenario: str, path: Path) -> Recording:
    raw = json.loads(path.read_text(encoding="utf-8"))
    response = raw["response"]
    return Recording(
        scenario=scenario,
        number=raw["seq"],
        started=raw["t"],
        ended=response["t_end"],
        method=raw["method"],
        target=raw["path"] + (f"?{raw['query']}" if raw["query"] else ""),
        headers=[(name, value) for name, value in raw["headers"] if name.lower() not in _NOT_SENT],
        body=None if raw["body"] is None else dump(raw["body"]),
        status=response["status"],
        answer_headers=[(name, value) for name, value in response["headers"].items() if name not in _NOT_ANSWERED],
        answer_body=_answer_body(response),
        outcome=response["outcome"],
        truth=raw["truth"],
    )


def _answer_body(response: dict[str, Any]) -> bytes:
    if "sse" in response:
        return str(response["sse"]).encode()
    return dump(response["body"]) if response.get("body") else b""
