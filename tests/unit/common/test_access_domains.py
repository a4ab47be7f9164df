"""One domain has one name, however a Host header, a file or a person spells it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common.access.domains import domain_named, domain_of

LABELS = st.from_regex("[a-z0-9_-]{1,20}", fullmatch=True)
NAMES = st.lists(LABELS, min_size=1, max_size=5).map(".".join).filter(lambda name: not name.split(".")[-1].isdigit())
PORTS = st.integers(0, 65535)


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        (b"API.Example.com", "api.example.com"),
        (b"api.example.com:8443", "api.example.com"),
        (b"api.example.com.", "api.example.com"),
        (b"api.example.com.:443", "api.example.com"),
        (b"api.example.com:", "api.example.com"),
        (b"XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        (b"my_gateway", "my_gateway"),
        (b"localhost:3000", "localhost:3000"),
        (b"LOCALHOST.:03000", "localhost:3000"),
        (b"localhost", "localhost"),
        (b"127.0.0.1:3000", "127.0.0.1:3000"),
        (b"127.0.0.1", "127.0.0.1"),
        (b"[::1]:3000", "[::1]"),
        (b"[0:0:0:0:0:0:0:1]", "[::1]"),
        (b"[2001:DB8::A]", "[2001:db8::a]"),
        (b"a" * 63, "a" * 63),
    ],
)
def test_a_host_is_put_into_its_normal_form(host: bytes, domain: str) -> None:
    assert domain_of(host) == domain


@pytest.mark.parametrize(
    "host",
    [
        b"",
        b".",
        b":3000",
        b"a..b",
        b".a",
        b"a.b..",
        b"a/b",
        b"../../etc/passwd",
        b"..",
        b"a b",
        b"a\tb",
        b"a:port",
        b"a:65536",
        b"a:1:2",
        b"a\x00b",
        b"a\n",
        b"user@a",
        b"a,b",
        b"*.example.com",
        b"caf\xc3\xa9.example",
        "a\u3002b".encode(),
        b"\xff",
        b"[::1",
        b"::1",
        b"[::1%25eth0]",
        b"[1.2.3.4]",
        b"[:::]",
        b"1.2.3",
        b"256.1.1.1",
        b"01.2.3.4",
        b"a" * 64,
        b"a." * 126 + b"aa",
        b"a" * 65536,
    ],
)
def test_what_is_no_host_is_no_domain(host: bytes) -> None:
    assert domain_of(host) is None


@given(st.binary(max_size=300))
def test_any_bytes_give_a_domain_that_could_be_a_file_name_or_none(host: bytes) -> None:
    domain = domain_of(host)
    assert domain is None or (0 < len(domain) < 260 and not set(domain) & set("/\\\0 *") and domain not in (".", ".."))


@given(st.from_regex(r"[A-Za-z0-9._:\[\]-]{0,40}", fullmatch=True))
def test_a_normal_form_is_its_own_normal_form(host: str) -> None:
    domain = domain_of(host.encode())
    assert domain is None or domain_of(domain.encode()) == domain


@given(NAMES, PORTS, st.booleans(), st.booleans())
def test_case_port_and_trailing_dot_make_no_other_domain(name: str, port: int, dot: bool, upper: bool) -> None:
    written = (name.upper() if upper else name) + "." * dot + f":{port}"
    kept = f":{port}" if name == "localhost" else ""
    assert domain_of(written.encode()) == name + kept


@given(st.integers(0, 2**128 - 1).map(IPv6Address), PORTS)
def test_every_spelling_of_an_ipv6_address_is_one_domain(address: IPv6Address, port: int) -> None:
    expected = f"[{address.compressed}]"
    assert domain_of(f"[{address.exploded.upper()}]:{port}".encode()) == expected
    assert domain_of(expected.encode()) == expected


@given(st.integers(0, 2**32 - 1).map(IPv4Address), PORTS)
def test_an_ipv4_address_keeps_its_port(address: IPv4Address, port: int) -> None:
    assert domain_of(f"{address}:{port}".encode()) == f"{address}:{port}"


@given(NAMES)
def test_a_file_and_a_host_of_one_name_meet(name: str) -> None:
    assert domain_named(name.upper()) == domain_of(name.encode())
    assert domain_named(f"*.{name}") == f"*.{name}"


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("_default", "_default"),
        ("*.Example.com", "*.example.com"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("*.bücher.example", "*.xn--bcher-kva.example"),
        ("a\u3002example", "a.example"),
        ("localhost:3000", "localhost:3000"),
        ("[::1]", "[::1]"),
        ("*.", None),
        ("*", None),
        ("*.*.example.com", None),
        ("a.*.example.com", None),
        ("*.0.0.1", None),
        ("*.[::1]", None),
        ("☃.example", None),
        ("a/b", None),
        ("", None),
    ],
)
def test_what_people_call_a_domain(text: str, domain: str | None) -> None:
    assert domain_named(text) == domain
