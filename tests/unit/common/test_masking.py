"""What is a secret is never kept; what is none is kept as it came."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common.masking import Masker, holds_secret, is_secret

MASKER = Masker(b"k" * 32)
SECRETS = ["Authorization", "x-api-key", "COOKIE", "Set-Cookie", "Proxy-Authorization"]
LIKE = ["X-Auth-Token", "x-secret-thing", "MyPassword", "x-goog-api-key", "x_api_key", "apikey", "access_token"]
PLAIN = ["anthropic-version", "anthropic-ratelimit-tokens-remaining", "x-ratelimit-limit-tokens", "user-agent", ""]
VALUES = st.binary(min_size=12)
NAMES = [name.encode() for name in SECRETS + LIKE + PLAIN]


@pytest.mark.parametrize("name", SECRETS + LIKE)
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)
    assert is_secret(name.upper())


@pytest.mark.parametrize("name", PLAIN)
def test_names_of_others(name: str) -> None:
    assert not is_secret(name)


@given(VALUES)
def test_a_secret_is_in_no_part_of_its_mark(secret: bytes) -> None:
    mark = MASKER.fields([(b"x-api-key", secret)])[0][1]
    assert secret not in mark
    assert mark.rpartition(b"masked:")[2].isalnum()
    assert len(mark.rpartition(b"masked:")[2]) == 16


@given(VALUES, VALUES)
def test_equal_secrets_and_only_those_have_equal_marks(one: bytes, other: bytes) -> None:
    assert MASKER.mark(one) == MASKER.mark(one)
    assert (MASKER.mark(one) == MASKER.mark(other)) == (one == other)


def test_a_key_has_the_same_mark_with_and_without_its_scheme() -> None:
    assert MASKER.mark(b"Bearer sk-1") == b"Bearer " + MASKER.mark(b"sk-1")


def test_marks_depend_on_the_installation() -> None:
    assert MASKER.mark(b"sk-1") != Masker(b"other").mark(b"sk-1")


@given(st.lists(st.tuples(st.sampled_from(NAMES), VALUES)))
def test_headers_keep_order_names_and_what_is_no_secret(headers: list[tuple[bytes, bytes]]) -> None:
    masked = MASKER.fields(headers)
    assert [name for name, _ in masked] == [name for name, _ in headers]
    for (name, before), (_, after) in zip(headers, masked, strict=True):
        if holds_secret(name):
            assert before != after


def test_a_key_is_masked_under_every_name_of_its_request() -> None:
    fields = [(b"x-note", b"see sk-ant-0123"), (b"Authorization", b"Bearer sk-ant-0123"), (b"x-other", b"plain")]
    mark = MASKER.mark(b"sk-ant-0123")
    assert MASKER.fields(fields) == [
        (b"x-note", b"see " + mark),
        (b"Authorization", b"Bearer " + mark),
        (b"x-other", b"plain"),
    ]


@given(st.lists(st.tuples(st.sampled_from([name.encode() for name in PLAIN]), VALUES)))
def test_fields_without_secrets_stay_as_they_are(fields: list[tuple[bytes, bytes]]) -> None:
    assert MASKER.fields(fields) == fields


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", ""),
        ("beta=true", "beta=true"),
        ("a=%20&&b&token=", "a=%20&&b&token="),
        ("x=1&api_key=s3cret&y=2", f"x=1&api_key={MASKER.mark(b's3cret').decode()}&y=2"),
        ("api%5Fkey=s3cret", f"api%5Fkey={MASKER.mark(b's3cret').decode()}"),
        ("access_token=a=b", f"access_token={MASKER.mark(b'a=b').decode()}"),
    ],
)
def test_queries(query: str, wanted: str) -> None:
    assert MASKER.query(query) == wanted


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126)))
def test_a_query_without_secrets_stays_as_it_is(query: str) -> None:
    if not any(is_secret(word) for word in query.replace("%", "").replace("&", "=").split("=")) and "%" not in query:
        assert MASKER.query(query) == query


def test_what_is_known_to_be_secret_is_masked_wherever_it_stands() -> None:
    known = [b"sk-known-1"]
    asked = MASKER.fields([(b"x-api-key", b"sk-found-2"), (b"x-a", b"is sk-known-1")], known)
    assert known == [b"sk-known-1", b"sk-found-2"]
    assert asked[1] == (b"x-a", b"is " + MASKER.mark(b"sk-known-1"))
    assert MASKER.fields([(b"x-echo", b"sk-found-2")], known) == [(b"x-echo", MASKER.mark(b"sk-found-2"))]
    assert MASKER.query("a=sk-found-2&b=kept", known) == f"a={MASKER.mark(b'sk-found-2').decode()}&b=kept"
