"""A trial notice, sent at once: whether a domain's ways out lead anywhere."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct

from plait.common.access.domains import DEFAULT
from plait.common.ids import new_exchange_id
from plait.notifier.channels import Refused, Undelivered
from plait.notifier.channels.doors import check, new_session
from plait.notifier.directory import Directory
from plait.notifier.main import open_channel
from plait.notifier.notice import Link, Notice
from plait.notifier.routes import Route, Routes, SlackRoute
from plait.notifier.settings import ChannelSettings


class Tried(Struct, frozen=True):
    """What came of one way out."""

    lane: str
    fault: str
    """Empty: it got there."""


async def send_trial(settings: ChannelSettings, domain: str) -> list[Tried]:
    """Send one notice by each of a domain's ways out; none: nothing is set up for it, or it is muted."""
    routes = Routes(settings, Directory(settings.credentials_dir).look())
    notice = _notice(settings, domain)
    found = []
    async with new_session(settings.allowed_hosts) as session:
        for lane, route in routes.of(domain).items():
            try:
                await open_channel(route, session, settings).send(notice)
            except (Refused, Undelivered) as error:
                found.append(Tried(lane, str(error)))
            else:
                found.append(Tried(lane, ""))
    return found


def ways_out(settings: ChannelSettings) -> dict[str, str]:
    """Why nothing can go by each way out that is set up, by lane; empty: it can, as far as the address tells.

    Blocks: it reads the folder of credentials.
    """
    table = Directory(settings.credentials_dir).look()
    routes = Routes(settings, table)
    found = {lane: route for domain in (DEFAULT, *table.names) for lane, route in routes.of(domain).items()}
    return {lane: _fault_of(route, settings) for lane, route in found.items()}


def _fault_of(route: Route, settings: ChannelSettings) -> str:
    url = route.webhook_url if isinstance(route, SlackRoute) else route.url
    try:
        check(url, settings.allowed_hosts)
    except Refused as refusal:
        return str(refusal)
    return ""


def _notice(settings: ChannelSettings, domain: str) -> Notice:
    title = f"Notices of {domain} arrive here"
    return Notice(
        id=str(new_exchange_id()),
        kind="trial",
        domain=domain,
        at=datetime.now(UTC),
        title=title,
        sections=(f":wave: {title}", "Sent by `plait notices test`."),
        footer=(domain,),
        link=Link("Open the dashboard", settings.dashboard_url),
    )
