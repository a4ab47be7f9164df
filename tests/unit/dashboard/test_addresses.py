"""Where a login may lead to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from plait.dashboard.front.addresses import own_address, same_origin


@pytest.mark.parametrize("own", ["/", "/conversation?id=1&branch=main", "/request?id=1#m3", "/?q=a%20b"])
def test_own_pages_are_led_to(own: str) -> None:
    assert own_address(own) == own


@pytest.mark.parametrize(
    "foreign",
    [
        *("", "https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example"),
        *("javascript:alert(1)", "/\t/evil.example", "/\n/evil.example", " /", "conversation", "/login", "/logout?x=1"),
        *("/%0d%0aset-cookie:a=b\r\n", "/" + "a" * 3000, "/\x85/evil"),
    ],
)
def test_everything_else_leads_to_the_front(foreign: str) -> None:
    assert own_address(foreign) == "/"


@given(st.text())
def test_what_is_led_to_is_always_a_path_of_this_host(wanted: str) -> None:
    address = own_address(wanted)
    assert address.startswith("/")
    assert not address.startswith(("//", "/\\"))
    assert not set(address) & set("\r\n\t\\")


@pytest.mark.parametrize(
    ("origin", "same"),
    [
        ("http://board.test:3001", True),
        ("https://BOARD.test:3001", True),
        ("http://board.test", False),
        ("http://localhost:3001", False),
        ("http://board.test:3001.evil.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_only_the_host_itself_is_the_same_origin(origin: str, same: bool) -> None:
    assert same_origin(Headers({"host": "board.test:3001", "origin": origin})) is same
