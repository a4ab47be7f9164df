"""What a comparison needs: the upstream, nginx and our gateway before it, all running, and what is sent."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from plait.cli.program import free_port
from tests.bench import certificates, nginx, streaming
from tests.bench.gateway import HAS_LANE, Gateway, gateway
from tests.bench.pinning import DRIVING, MEASURED
from tests.bench.turns import Way

DIRECT, NGINX, PLAIT, WITHOUT_LANE = "direct", "nginx", "Plait", "Plait, BYTE_LANE=off"

ANSWER = json.dumps({
    "id": "msg_01", "type": "message", "role": "assistant", "model": "claude-opus-5-5",
    "content": [{"type": "text", "text": "x" * 750}], "stop_reason": "end_turn", "stop_sequence": None,
    "usage": {"input_tokens": 230, "output_tokens": 190},
}).encode()  # fmt: skip
STREAM = b"".join(map(streaming.event, range(streaming.EVENTS)))

LEAST_BYTES = min(len(ANSWER), len(STREAM))


def body(size: int) -> str:
    """A call of about that many bytes."""
    call = {"model": "claude-opus-5-5", "max_tokens": 256, "messages": [{"role": "user", "content": "y" * size}]}
    return json.dumps(call)


@dataclass(frozen=True)
class Stage:
    """Ways to the same upstream by name, direct first; the gateways among them."""

    folder: Path
    upstream: str
    ways: dict[str, Way]
    gateways: dict[str, Gateway]


@contextmanager
def stage(*, tls: bool = False, without_lane: bool = False, events: bool = False) -> Iterator[Stage]:
    """The ways direct, through nginx and through us; `tls`: to the upstream; `without_lane`: also that, if we can.

    `events`: an upstream that answers everything with a stream, each event written by itself; else nginx, at once.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plait-bench-")))
        shown = certificates.make(folder / "certificates") if tls else None
        trust = {"SSL_CERT_FILE": str(shown.authority)} if shown else {}
        there, between = free_port(), free_port()
        if events:
            stack.enter_context(streaming.upstream(there, DRIVING))
        else:
            stack.enter_context(nginx.upstream(folder / "upstream", there, DRIVING, ANSWER, STREAM, tls=shown))
        address = f"{'https' if tls else 'http'}://127.0.0.1:{there}"
        theirs = stack.enter_context(nginx.proxy(folder / "proxy", between, MEASURED, there, tls=shown))
        gateways = {PLAIT: stack.enter_context(gateway(folder / "spool", address, **trust))}
        if without_lane and HAS_LANE:
            slower = gateway(folder / "spool-without-lane", address, BYTE_LANE="off", **trust)
            gateways[WITHOUT_LANE] = stack.enter_context(slower)
        ours = {name: Way(f"http://127.0.0.1:{one.port}", one.process.pid) for name, one in gateways.items()}
        ways = {DIRECT: Way(address), NGINX: Way(f"http://127.0.0.1:{between}", theirs), **ours}
        yield Stage(folder, address, ways, gateways)
