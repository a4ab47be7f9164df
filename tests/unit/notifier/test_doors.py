"""Where notices may go."""

from __future__ import annotations

import socket
from typing import Any

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from plait.notifier.channels import Refused
from plait.notifier.channels.doors import Resolver, check, is_public, undelivered

SLACK = "https://hooks.slack.com/services/T/B/x"


@pytest.mark.parametrize(
    "url", [SLACK, "https://hooks.slack.com:443/services/T/B/x", "https://HOOKS.slack.com/services/T/B/x"]
)
def test_slack_is_known(url: str) -> None:
    assert check(url, ()) == url


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.slack.com/services/T/B/x", "https alone"),
        ("https://hooks.slack.com:8443/services/T/B/x", "https alone"),
        ("https://hooks.slack.com.evil.test/x", "not among"),
        ("https://hooks.slack.com@evil.test/x", "user name"),
        ("https://me:pw@hooks.slack.com/x", "user name"),
        ("https://evil.test/hooks.slack.com", "not among"),
        ("https://127.0.0.1/x", "not among"),
        ("https://[::1]/x", "not among"),
        ("https://2130706433/x", "not among"),
        ("file:///etc/passwd", "no https address"),
        ("hooks.slack.com/services", "no https address"),
        ("", "no https address"),
        ("https://[broken", "no address"),
        ("https://hooks.slack.com:port/x", "no address"),
    ],
)
def test_nothing_else_is(url: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        check(url, ())


def test_what_the_operator_names_may_be_plain_and_private() -> None:
    assert check("http://10.0.0.7:8080/hook", {"10.0.0.7"})
    with pytest.raises(Refused):
        check("http://10.0.0.8:8080/hook", {"10.0.0.7"})


def test_what_the_operator_names_with_a_port_may_be_that_port_alone() -> None:
    assert check("http://10.0.0.7:8080/hook", {"10.0.0.7:8080"})
    assert check("http://chat.test/hook", {"chat.test:80"})
    for url in ("http://10.0.0.7:8081/hook", "http://10.0.0.7/hook", "https://10.0.0.7/hook"):
        with pytest.raises(Refused):
            check(url, {"10.0.0.7:8080"})


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("3.68.124.168", True),
        ("2600:1f14::1", True),
        ("10.1.2.3", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("192.168.0.1", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:3.68.124.168", True),
        ("64:ff9b::10.0.0.1", False),
        ("64:ff9b::3.68.124.168", True),
        ("2002:7f00:1::1", False),
        ("2002:344:7ca8::1", True),
        ("::127.0.0.1", False),
        ("no address", False),
    ],
)
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(address) is public


class Liar:
    """A name server that says what it is told to."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[Any]:
        return [{"hostname": host, "host": one, "port": port, "family": family} for one in self._addresses]

    async def close(self) -> None:
        pass


async def test_a_known_name_that_leads_inside_is_refused() -> None:
    for addresses in (("10.0.0.1",), ("3.68.124.168", "127.0.0.1")):
        with pytest.raises(OSError, match="not public"):
            await Resolver((), Liar(*addresses)).resolve("hooks.slack.com", 443)  # type: ignore[arg-type]
    found = await Resolver((), Liar("3.68.124.168")).resolve("hooks.slack.com", 443)  # type: ignore[arg-type]
    assert found[0]["host"] == "3.68.124.168"


async def test_a_name_that_the_operator_gave_may_lead_inside() -> None:
    found = await Resolver({"hooks.slack.com"}, Liar("10.0.0.1")).resolve("hooks.slack.com")  # type: ignore[arg-type]
    assert found[0]["host"] == "10.0.0.1"


@pytest.mark.parametrize(
    ("cause", "says"),
    [
        (socket.gaierror(-2, "Name or service not known"), "its name is not known"),
        (OSError("a.test stands for an address that is not public"), "a.test stands for an address that is not public"),
        (OSError(113, "Connect call failed ('10.0.0.1', 443)"), "no route to host"),
    ],
)
def test_why_nothing_was_reached_is_told_without_the_address(cause: OSError, says: str) -> None:
    key = ConnectionKey("a.test", 443, True, True, None, None, None)
    assert str(undelivered(aiohttp.ClientConnectorError(key, cause))) == f"no answer: {says}"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (TimeoutError(), "it took too long"),
        (aiohttp.ServerDisconnectedError(), "the connection was closed"),
        (LookupError("latin-9"), "LookupError"),
    ],
)
def test_why_an_answer_did_not_come_whole_is_told(error: Exception, says: str) -> None:
    assert str(undelivered(error)) == f"no answer: {says}"
