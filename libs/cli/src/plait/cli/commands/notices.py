"""`plait notices` as the terminal sees it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from plait.cli import target, wrong_settings
from plait.cli.domains import named
from plait.cli.terminal import Console
from plait.common.access.domains import DEFAULT
from plait.common.errors import UserError
from plait.notifier.channels.webhook import doubt_of
from plait.notifier.settings import ChannelSettings, Settings
from plait.notifier.trial import send_trial

out = Console()
app = App(name="notices", help="Notices in Slack and at a webhook.")


@app.command(name="test")
def send(
    domain: str | None = None, *, home: Annotated[Path | None, Parameter(help="Whose `plait up` is meant.")] = None
) -> int:
    """Send a trial notice where a domain's notices go, with the settings of this environment; exits 1 when one is lost.

    Args:
        domain: Whose; default: any without settings of its own.
    """
    if wrong := wrong_settings.of_class(Settings, os.environ):
        raise UserError(" ".join(wrong))
    folder = target.credentials(target.home(home))
    settings = ChannelSettings(credentials_dir=folder)
    tried = asyncio.run(send_trial(settings, named(domain) if domain else DEFAULT))
    if not tried:
        whose = f" of {domain}" if domain else ""
        raise UserError(
            f"Notices{whose} go nowhere: set SLACK_WEBHOOK_URL, or put a `slack` block into the credential file of the "
            "domain. Domains that are muted, or have `personal` in their names, tell nothing."
        )
    for one in tried:
        mark, said = ("[red]✗[/]", one.fault) if one.fault else ("[green]✓[/]", "the trial notice was taken")
        out.print(f"{mark} ", end="", highlight=False)
        out.print(f"{one.lane}: {said}", highlight=False, markup=False, soft_wrap=True)
    if settings.webhook_secret and (doubt := doubt_of(settings.webhook_secret.get_secret_value())):
        out.print(f"WEBHOOK_SECRET: {doubt}.", highlight=False, markup=False, soft_wrap=True)
    return 1 if any(one.fault for one in tried) else 0
