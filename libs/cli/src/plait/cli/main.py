"""The `plait` command. Each command imports what it needs when it is called: `plait --version` takes no time."""

from __future__ import annotations

import asyncio
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal, NoReturn

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

from plait.common.errors import DependencyDown, UserError

app = App(
    name="plait",
    help="A self-hosted gateway for Claude traffic that braids it into conversations.",
    version=lambda: version("plait-cli"),
    result_action="return_value",
)
out = Console()
err = Console(stderr=True)

PartName = Literal["gateway", "shipper", "linker", "ledger", "analyzer", "notifier", "api", "dashboard"]


def main(arguments: list[str] | None = None) -> None:
    """Entry point: exits 0 when it went well, 1 with a reason on stderr when not, 2 when it was called wrongly."""
    try:
        sys.exit(app(arguments, exit_on_error=False, print_error=True, error_console=err) or 0)
    except CycloptsError:
        sys.exit(2)
    except (UserError, DependencyDown) as error:
        fail(str(error))
    except ValueError as error:
        from pydantic import ValidationError

        if not isinstance(error, ValidationError):
            raise
        from plait.cli.settings import explain

        fail(explain(error))


def fail(reason: str) -> NoReturn:
    """Say why on stderr, exit 1."""
    err.print(f"plait: {reason}", style="red", highlight=False, markup=False, soft_wrap=True)
    sys.exit(1)


@app.command
def up(
    *,
    home: Path | None = None,
    gateway_port: int = 3000,
    dashboard_port: int = 3001,
    api_port: int = 3002,
    host: str = "127.0.0.1",
    dashboard: bool = True,
    broker: Literal["embedded", "kafka"] = "embedded",
    processes: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Run everything in the foreground until Ctrl-C.

    Args:
        home: Folder of all state; default PLAIT_HOME, else ~/.local/share/plait.
        gateway_port: Where clients send their requests.
        dashboard_port: Where the dashboard listens.
        api_port: Where the read API listens.
        host: Address to listen on; anything but a loopback address opens Plait to the network.
        dashboard: Run the dashboard.
        broker: The embedded broker, or a real Apache Kafka (needs Java 17 and Maven).
        processes: Give each part a process of its own.
    """
    from plait.cli.plan import Options
    from plait.cli.settings import UpSettings
    from plait.cli.up import up as run_up

    options = Options(
        (home or UpSettings().plait_home).expanduser().resolve(), host, gateway_port, dashboard_port, api_port,
        dashboard, broker, processes,
    )  # fmt: skip
    asyncio.run(run_up(options, out))


@app.command
def run(part: PartName) -> int:
    """Run one part in the foreground, with settings from the environment only.

    Args:
        part: Which one.
    """
    from plait.cli import hosting, parts

    return hosting.host([parts.part(part)])


if __name__ == "__main__":
    main()
