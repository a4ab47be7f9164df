"""The `plait` command. Each command imports what it needs when it is called: `plait --version` takes no time."""

from __future__ import annotations

import asyncio
import logging
import shlex
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NoReturn
from uuid import UUID

from cyclopts import (
    App,
    CoercionError,
    CycloptsError,
    CycloptsPanel,
    Parameter,
    UnknownCommandError,
    UnusedCliTokensError,
    validators,
)

from plait.cli.terminal import Console
from plait.common.errors import DependencyDown, UserError, WrongUsage

if TYPE_CHECKING:
    from plait.cli.doctor import Finding
    from plait.cli.home import Home


def _told(error: CycloptsError) -> Any:
    """As cyclopts tells it, but for words that are too many, parts of ids, and with all commands, in order."""
    if isinstance(error, UnusedCliTokensError):
        command = shlex.join(["plait", *(error.command_chain or ())])
        return CycloptsPanel(f"Too many words: {shlex.join(error.unused_tokens or ())}. See `{command} --help`.")
    if isinstance(error, CoercionError) and error.target_type is UUID and error.token:
        return CycloptsPanel(
            f"`{error.token.value}` is no whole id: its page on the dashboard has a button that copies it."
        )
    if not isinstance(error, UnknownCommandError) or error.app is None:
        return CycloptsPanel(error)
    commands = sorted(name for name in error.app if not name.startswith("-"))
    return CycloptsPanel(f"{str(error).split(' Available commands:')[0]} Commands: {', '.join(commands)}.")


app = App(
    name="plait",
    help="A self-hosted gateway for Claude traffic that braids it into conversations.",
    version=lambda: version("plait-cli"),
    result_action="return_value",
    suppress_keyboard_interrupt=False,
    error_formatter=_told,
)
out = Console()
err = Console(stderr=True)

dead_letters = App(name="dead-letters", help="Records that no retry would mend.")
app.command(dead_letters)
_TRANSFERS: Final = "plait.cli.commands.transfers"
app.command("plait.cli.commands.client:client", help="Print what a client of the gateway needs, or set it up.")
app.command("plait.cli.commands.spool:app", name="spool", help="The gateway's spool: what waits on disk to be shipped.")
app.command("plait.cli.commands.credentials:credentials", help="List domains and the state of their credentials.")
app.command("plait.cli.commands.keys:app", name="keys", help="Make, list and disable keys of clients and readers.")
app.command("plait.cli.commands.login:login", help="Log a domain in at Claude; show and refresh logins.")
app.command(f"{_TRANSFERS}:export", help="Write recorded exchanges to a file.")
app.command(f"{_TRANSFERS}:import_", name="import", help="Take exchanges of a file into the record.")
app.command("plait.cli.commands.links:app", name="links", help="Why exchanges are linked as they are; linking anew.")
app.command("plait.cli.commands.prices:app", name="prices", help="What tokens cost; costs anew after new prices.")
app.command("plait.cli.commands.notices:app", name="notices", help="Try where notices go: Slack, or a webhook.")
app.command("plait.cli.commands.recounting:recount", help="Make the sums of usage anew from the record.")
app.command("plait.cli.commands.deleting:delete", help="Delete exchanges and all that was kept of them.")
app.command("plait.cli.commands.audit:audit", help="Show what administrators did through the read API.")
app.command("plait.cli.commands.analysing:analyze", help="Have a conversation analysed, and show what comes of it.")
app.command("plait.cli.commands.analysing:app", name="analyses", help="Analyses: list, show, try again, and who asked.")
app.command("plait.cli.commands.resuming:resume", help="Go on from a recorded exchange in Claude Code.")
app.command("plait.cli.commands.searching:app", name="search", help="The index of the full-text search.")
app.command(f"{_TRANSFERS}:replay", help="Publish the events of recorded exchanges once more.")

Port = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=65535))]
PartName = Literal["gateway", "shipper", "linker", "ledger", "analyzer", "notifier", "api", "dashboard"]


def main(arguments: list[str] | None = None) -> None:
    """Entry point: exits 0 when it went well, 1 with a reason on stderr when not, 2 when it was called wrongly."""
    logging.getLogger().addHandler(logging.NullHandler())  # libraries' complaints: the reason is told by us, once
    try:
        sys.exit(app(arguments, exit_on_error=False, print_error=True, error_console=err) or 0)
    except CycloptsError:
        sys.exit(2)
    except WrongUsage as error:
        fail(str(error), status=2)
    except (UserError, DependencyDown) as error:
        fail(str(error))
    except ValueError as error:
        from pydantic import ValidationError

        if not isinstance(error, ValidationError):
            raise
        from plait.cli.settings import UpSettings
        from plait.cli.settings_errors import sentences

        fail(" ".join(sentences(error, UpSettings)))


def fail(reason: str, *, status: int = 1) -> NoReturn:
    """Say why on stderr, and exit."""
    err.print(f"plait: {reason}", style="red", highlight=False, markup=False, soft_wrap=True)
    sys.exit(status)


@app.command
def up(
    *,
    home: Path | None = None,
    gateway_port: Port = 3000,
    dashboard_port: Port = 3001,
    api_port: Port = 3002,
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
    from plait.cli.settings import UpSettings

    folder = (home or UpSettings().plait_home).expanduser().resolve()
    _say_start(f"Plait on {folder}")
    from plait.cli.plan import Options
    from plait.cli.up import up as run_up

    options = Options(folder, host, gateway_port, dashboard_port, api_port, dashboard, broker, processes)
    asyncio.run(run_up(options, out))


@app.command
def demo(
    *,
    exit_: Annotated[bool, Parameter("--exit", negative="")] = False,
    home: Path | None = None,
    gateway_port: Port | None = None,
    dashboard_port: Port | None = None,
    api_port: Port | None = None,
    host: str = "127.0.0.1",
    dashboard: bool = True,
    broker: Literal["embedded", "kafka"] = "embedded",
    processes: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Run everything, and send recorded traffic of real clients through it to a scripted Claude.

    Args:
        exit_: Stop when all of it has arrived; exits 1 when something has not.
        home: Folder of all state; default a new one that is removed afterwards.
        gateway_port: Where clients send their requests; default 3000, or a free one.
        dashboard_port: Where the dashboard listens; default 3001, or a free one.
        api_port: Where the read API listens; default 3002, or a free one.
        host: Address to listen on.
        dashboard: Run the dashboard.
        broker: The embedded broker, or a real Apache Kafka (needs Java 17 and Maven).
        processes: Give each part a process of its own.
    """
    _say_start("Plait's demo")
    from plait.cli import demo as shows
    from plait.cli.plan import Options

    with shows.home_or_temporary(home) as folder:
        usual = Options(folder, host, dashboard=dashboard, broker=broker, one_process_each=processes)
        options = shows.with_free_ports(usual, gateway=gateway_port, dashboard=dashboard_port, api=api_port)
        return 0 if asyncio.run(shows.demo(options, out, leave=exit_)) else 1


@app.command
def run(part: PartName) -> int:
    """Run one part in the foreground, with settings from the environment and a `.env` file.

    Args:
        part: Which one.
    """
    from plait.cli import hosting, parts

    return hosting.host([parts.part(part)])


@app.command
def migrate(*, home: Path | None = None) -> None:
    """Bring the database to the tables of this version.

    Args:
        home: Whose `plait up` is meant when DATABASE_URL is not set.
    """
    from plait.cli import database, target

    url = target.database_url(target.home(home))
    applied = asyncio.run(database.bring_up_to_date(url))
    for each in applied:
        out.print(f"applied {each.number:04} {each.name}")
    out.print(f"{database.without_secret(url)} is up to date.")


@app.command
def topics(*, check: bool = False, home: Path | None = None) -> int:
    """Create the topics that are missing, or only look; exits 1 when they are not as they must be.

    Args:
        check: Only look.
        home: Whose `plait up` is meant when KAFKA_BOOTSTRAP_SERVERS is not set.
    """
    from plait.cli import target
    from plait.cli import topics as known

    states = asyncio.run(known.look(target.broker(target.home(home)), create=not check))
    for state in states:
        has = "missing" if state.partitions is None else f"partitions: {state.partitions}"
        must = "" if state.is_good else f", must have {state.topic.partitions}"
        _mark(state.is_good, f"{state.topic.name:<22} {has}{must}")
    return 0 if all(state.is_good for state in states) else 1


@app.command
def lag(*, home: Path | None = None) -> None:
    """Show how many records each consumer has not settled yet.

    Args:
        home: Whose `plait up` is meant when KAFKA_BOOTSTRAP_SERVERS is not set.
    """
    from plait.cli import lag as lags
    from plait.cli import target

    found = asyncio.run(lags.measure(target.broker(target.home(home))))
    _print_table(["group", "topic", "committed", "lag"], [[f.group, f.topic, f.committed, f.records] for f in found])


@dead_letters.command(name="list")
def list_dead_letters(*, home: Path | None = None) -> None:
    """Show what was put aside, and why; never its content.

    Args:
        home: Whose `plait up` is meant when KAFKA_BOOTSTRAP_SERVERS is not set.
    """
    from plait.cli import dead_letters, target

    found = asyncio.run(dead_letters.read(target.broker(target.home(home))))
    if not found:
        out.print("No dead letters.")
        return
    rows = [
        [f"{f.at:%Y-%m-%d %H:%M:%S}", f.letter.place, f.letter.service, f.letter.size, f.letter.error] for f in found
    ]
    _print_table(["put aside (UTC)", "place", "by", "bytes", "because"], rows)


@dead_letters.command
def resend(
    *places: str, all_: Annotated[bool, Parameter("--all", negative="")] = False, home: Path | None = None
) -> None:
    """Publish records again on the topics that they came from.

    Args:
        places: Which, as `list` shows them: topic-partition-offset.
        all_: All of them.
        home: Whose `plait up` is meant when KAFKA_BOOTSTRAP_SERVERS is not set.
    """
    from plait.cli import dead_letters, target
    from plait.common import deadletters

    if bool(places) == all_:
        err.print("plait: name the places to resend, or give --all", style="red")
        sys.exit(2)
    settings = target.broker(target.home(home))
    letters = dead_letters.choose(asyncio.run(dead_letters.read(settings)), places)
    asyncio.run(deadletters.resend(settings, letters))
    out.print(f"{len(letters)} sent again.")


@app.command
def doctor(*, deep: Annotated[bool, Parameter(negative="")] = False, home: Path | None = None) -> int:
    """Check everything, and say how to repair what is wrong; exits 1 when something is.

    Args:
        deep: Read the whole record, too: is every message what its name says, every exchange complete and linked, and
            every token counted? Takes as long as the record is large.
        home: Folder of all state; default PLAIT_HOME, else ~/.local/share/plait.
    """
    from plait.cli import target
    from plait.cli.doctor import examine

    findings = asyncio.run(examine(target.home(home)))
    if deep:
        findings += _examined_deep(target.home(home))
    for each in findings:
        _mark(each.good, f"{each.check:<13} {each.says}" + (f"\n{'':<16}→ {each.repair}" if each.repair else ""))
    return 0 if all(each.good for each in findings) else 1


def _examined_deep(home: Home) -> list[Finding]:
    from plait.cli import deep

    with err.status("") as status:
        return asyncio.run(deep.examine(home, lambda check, seen: status.update(f"{check} {seen or ''}")))


@app.command
def settings(*, markdown: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Show every setting with its value, its origin, its default and what it means; exits 1 when one cannot be used.

    The values are those that a part started now, from this folder, would use; one that runs already, and the addresses
    that `plait up` gives to its parts, may be others.

    Args:
        markdown: Print docs/settings.md instead, without values.
    """
    from plait.cli import settings_table, wrong_settings

    if markdown:
        sys.stdout.write(settings_table.markdown())
        return 0
    settings_table.show(out, Path.cwd())
    wrong = dict.fromkeys([*wrong_settings.of_environment(Path.cwd()), *wrong_settings.of_parts()])
    for sentence in wrong:
        err.print(f"plait: {sentence}", style="red", highlight=False, markup=False, soft_wrap=True)
    return 1 if wrong else 0


def _say_start(what: str) -> None:
    """Said before the imports that take a second."""
    out.print(f"Starting {what} ...", style="dim", highlight=False, markup=False, soft_wrap=True)


def _mark(good: bool, text: str) -> None:
    out.print(f"{'[green]✓[/]' if good else '[red]✗[/]'} ", end="", highlight=False)
    out.print(text, highlight=False, markup=False, soft_wrap=True)


def _print_table(head: list[str], rows: Sequence[Sequence[object]]) -> None:
    from plait.cli.tables import print_table

    print_table(out, head, rows)


if __name__ == "__main__":
    main()
