"""The embedded broker: Tansu, in memory. It forgets everything when it ends; the gateway's spool does not."""

from __future__ import annotations

from collections.abc import Mapping

from plait.cli.embedded.binaries import broker_program
from plait.cli.program import LOOPBACK, Program, listening, system_environment


def servers(port: int) -> str:
    """Bootstrap servers of a broker on `port`."""
    return f"{LOOPBACK}:{port}"


def prepare(port: int, *, env: Mapping[str, str] | None = None) -> Program:
    """The broker on `port`; it listens some 10 ms after its start.

    Raises:
        UserError: there is no build of it for this platform.
    """
    address = f"tcp://{LOOPBACK}:{port}"
    options = ("--storage-engine", "memory://tansu/", "--listener-url", address, "--advertised-listener-url", address)
    return Program(
        name="broker",
        argv=(str(broker_program()), "broker", *options, "--silent"),
        env=system_environment() | dict(env or {}),
        ready=lambda _: listening(port),
        grace=3.0,
    )
