"""Secrets and personal data are found in many spellings, what looks like them stays, and no text takes long."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

from plait.common.redaction import KINDS, SECRETS, Redactor
from tests.unit.common.redaction_table import HARMLESS, SECRET

ALL = Redactor(KINDS)
MISSED = ("PGPASSWORD='0peN sesame' psql", "the password is swordfish")
"""What is known not to be found: words that only their sense tells from others."""
MEGA = 1 << 20
DOCS = Path(__file__).parents[3] / "docs" / "analysis.md"


@pytest.mark.parametrize(("kind", "text", "secret"), [each for each in SECRET if each[1] not in MISSED])
def test_a_secret_is_found_as_what_it_is(kind: str, text: str, secret: str) -> None:
    found: Counter[str] = Counter()
    without = ALL.text(text, found)
    assert secret in text
    assert secret not in without
    assert f"[redacted:{kind}]" in without
    assert found[kind] > 0


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_one_stays(text: str) -> None:
    assert ALL.text(text) == text


def test_the_figures_of_the_documentation_are_those_of_the_tables() -> None:
    found = sum(secret not in ALL.text(text) for _, text, secret in SECRET)
    wrong = sum(ALL.text(text) != text for text in HARMLESS)
    assert (len(SECRET), len(HARMLESS)) == (60, 60)
    assert found == len(SECRET) - len(MISSED)
    recall, precision = found / len(SECRET), found / (found + wrong)
    assert f"recall {recall:.0%}, precision {precision:.0%}" in DOCS.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    [
        *("hunter2", "4111111111111112", "GB30 WEST 1234 5698 7654 32", "+1 2", "a@b", "sk-", "MA 02110-1301"),
        *(
            "a jwt-bearer exchange.",
            "x-api-key: _API_KEY",
            "token: imdsv2_session_token",
            "TOKEN = 'request-type/at'",
            "api_key: _AzureApiKeyT",
        ),
        *("Bearer github_pat_XXXX", "postgres://user:password@host", "password = ':****'", "api_key: sk-ant-…"),
    ],
)
def test_bare_words_wrong_check_digits_short_ones_and_names_stay(text: str) -> None:
    assert ALL.text(f"it is {text} here") == f"it is {text} here"


def test_what_stands_around_a_secret_stays() -> None:
    text = "DE89 3704 0044 0532 0130 00 BIC COBADEFF, postgres://bo:hunter2@db/x; mail \\nbo@example.com, done"
    assert ALL.text(text) == (
        "[redacted:ibans] BIC COBADEFF, postgres://bo:[redacted:passwords]@db/x; mail \\n[redacted:emails], done"
    )


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("""pw = "it's2cold", b = "c\"""", """pw = "[redacted:passwords]", b = "c\""""),
        (r'{"password": "a\\b\"c9", "d": "e"}', r'{"password": "[redacted:passwords]", "d": "e"}'),
        (r"{\"secret\": \"q8Lk3vN2\", \"d\": \"e\"}", r"{\"secret\": \"[redacted:passwords]\", \"d\": \"e\"}"),
        ("password='never closed9", "password='never closed9"),
    ],
)
def test_quoted_secrets_end_where_their_quotes_do(text: str, without: str) -> None:
    assert ALL.text(text) == without


@pytest.mark.parametrize(
    "text",
    [
        "DB_PASS={}",
        "smtp_pw: '{}'",
        "git clone https://{}@github.com/a/b",
        "<server><password>{}</password></server>",
        "sshpass -p {} ssh h",
        "docker login -u me -p {} r.example",
    ],
)
def test_common_places_of_passwords(text: str) -> None:
    assert Redactor(SECRETS).text(text.format("Zx9Kq2Lm7Vb4Nn8Pp3Rr")) == text.format("[redacted:passwords]")


@pytest.mark.parametrize(
    "text",
    [
        "n_pass=1000",
        "two_pass: lexer",
        "by_pass=true",
        "test_pass=test_results.xml",
        "https://me.you@host.example/x",
        "postgres://a-very-long-user-name-123@host",
        "<token>string</token>",
        "<password>${env.PW}</password>",
        "docker login && docker run -p 8080:80 x",
    ],
)
def test_places_that_look_like_these(text: str) -> None:
    assert Redactor(SECRETS).text(text) == text


def test_only_what_was_asked_for_is_taken_out_and_an_unknown_kind_is_named() -> None:
    text = "bo@example.com, password=hunter2"
    assert Redactor(["emails"]).text(text) == "[redacted:emails], password=hunter2"
    assert Redactor(SECRETS).text(text) == "bo@example.com, password=[redacted:passwords]"
    assert not Redactor([])
    assert Redactor([]).text(text) == text
    with pytest.raises(ValueError, match="e-mails cannot be redacted: there are private-keys, tokens,"):
        Redactor(["e-mails"])


@with_settings(deadline=None)
@given(st.lists(st.one_of(st.sampled_from([text for _, text, _ in SECRET]), st.sampled_from(HARMLESS), st.text())))
def test_what_was_redacted_stays_as_it_is(parts: list[str]) -> None:
    once = ALL.text("\n".join(parts))
    assert ALL.text(once) == once


@pytest.mark.parametrize(
    "unit",
    [
        *(" ", "0 ", "+1 ", "4111 ", "a@", "a@a.", "a [at] ", "a://a:", "--password ", "password='", "token: "),
        *("curl -u ", "mysql -p", "cookie: a=", "eyJaaaaaaaa.", "-----BEGIN PRIVATE KEY-----a ", "sk-", "DE89 "),
    ],
)
def test_a_hostile_text_takes_time_by_its_length(unit: str) -> None:
    """A tenth of a second or so; by the square it would be hours."""
    text = unit * (MEGA // 8 // len(unit))
    began = time.process_time()
    ALL.text(text)
    assert time.process_time() - began < 10
