"""The operator's own prices: over the published list, beside it, and refused where they make no sense."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common.errors import UserError
from plait.common.pricing.book import price_book
from plait.common.pricing.cost import cost_of
from plait.common.pricing.listed import VERSION, listed_models
from plait.common.pricing.rates import Tariff
from plait.common.usage import MOST_TOKENS, Json, parse

AT = datetime(2026, 11, 1, tzinfo=UTC)
FILE = """
version = "contract"

[[price]]
model = "claude-opus-5-5*"
input = 3.2

[[price]]
model = "claude-opus-5-5*"
since = 2026-12-01
input = 3
output = 15

[[price]]
model = "claude-opus-5-5*"
geography = "us"
input = 4.4
output = 22

[[price]]
model = "house-model"
input = 1
output = 2
long_prompt = {above = 1000, input = 3}
"""


def dollars(folder: Path, usage: Json, model: str, at: datetime = AT, text: str = FILE) -> tuple[str, str, str] | None:
    path = folder / "prices.toml"
    path.write_text(text, encoding="utf-8")
    cost = cost_of(price_book(path), parse(usage), model, at)
    return (str(cost.total.normalize()), cost.models, cost.version) if cost else None


def test_own_prices_stand_over_the_list_and_the_list_fills_in(tmp_path: Path) -> None:
    used = {"input_tokens": 1_000_000, "output_tokens": 100_000}
    assert dollars(tmp_path, used, "claude-opus-5-5") == ("5.2", "claude-opus-5-5*", "contract")
    assert dollars(tmp_path, used, "claude-opus-5-5", datetime(2026, 12, 1, tzinfo=UTC)) == (
        "4.5", "claude-opus-5-5*", "contract"
    )  # fmt: skip
    assert dollars(tmp_path, {**used, "service_tier": "batch"}, "claude-opus-5-5") == ("3", "claude-opus-5-5", VERSION)
    assert dollars(tmp_path, {**used, "inference_geo": "us"}, "claude-opus-5-5") == (
        "6.6", "claude-opus-5-5*", "contract"
    )  # fmt: skip
    assert dollars(tmp_path, used, "claude-sonnet-5") == ("3", "claude-sonnet-5", VERSION)


def test_own_models_have_the_prices_that_are_told(tmp_path: Path) -> None:
    assert dollars(tmp_path, {"input_tokens": 1000}, "House-Model") == ("0.001", "house-model", "contract")
    assert dollars(tmp_path, {"input_tokens": 1001}, "house-model") == ("0.003003", "house-model", "contract")
    assert dollars(tmp_path, {"cache_read_input_tokens": 1}, "house-model") is None
    assert dollars(tmp_path, {"input_tokens": 1}, "house-model-2") is None


def test_the_example_of_the_manual_is_a_price_file(tmp_path: Path) -> None:
    manual = (Path(__file__).parents[3] / "docs" / "costs.md").read_text(encoding="utf-8")
    example = manual.split("```toml\n")[1].split("```")[0]
    used = {"input_tokens": 1_000_000}
    assert dollars(tmp_path, used, "house-model", text=example) == ("0.5", "house-model", "contract of July 2026")
    fast = {**used, "service_tier": "batch", "speed": "fast", "inference_geo": "us"}
    assert dollars(tmp_path, fast, "claude-opus-5-5", text=example) == (
        "6.4", "claude-opus-5-5*", "contract of July 2026"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x", "is no TOML"),
        ("price = []", ": `version` is missing."),
        ('version = ""\nprice = []', ": `version` must be a text of 1 to 100 characters."),
        ('version = "v"\n[[price]]\ninput = 1', ", [[price]] 1: `model` is missing."),
        ('version = "v"\n[[price]]\nmodel = "a"\ninputt = 1', ", [[price]] 1: there is no `inputt`."),
        ('version = "v"\nprice = [3]', ", [[price]] 1: it must be a table."),
        ('version = "v"\nprice = 3', ": `price` must be a list"),
        (
            'version = "v"\n[[price]]\nmodel = "a"\n[[price]]\nmodel = "b"\ninput = true',
            ", [[price]] 2: `input` must be a",
        ),
        ('version = "v"\n[[price]]\nmodel = "a"\nlong_prompt = {above = 0}', "`long_prompt.above` must be a whole"),
        ('version = "v"\n[[price]]\nmodel = "a"\nlong_prompt = {}', "`above` is missing in `long_prompt`."),
        ('version = "v"\n[[price]]\nmodel = "a"\ninput = -1', ", [[price]] 1: `input` must be dollars"),
        ('version = "v"\n[[price]]\nmodel = "a"\ninput = nan', "`input` must be dollars"),
        ('version = "v"\n[[price]]\nmodel = "a"\nlong_prompt = {above = 1, output = inf}', "`long_prompt.output`"),
        (
            'version = "v"\n[[price]]\nmodel = "a"\ninput = 1\nlong_prompt = {above = 1, input = 2, output = 3}',
            "`long_prompt.output` needs `output`",
        ),
        (
            'version = "v"\n[[price]]\nmodel = "a"\ninput = "much"',
            ", [[price]] 1: `input` must be a number of dollars.",
        ),
        (
            'version = "v"\n[[price]]\nmodel = "a"\nsince = 2026-01-01T10:00:00',
            ", [[price]] 1: `since` must be a day, such as",
        ),
        (
            'version = "v"\n[[price]]\nmodel = "a"\ntier = "gold"',
            ", [[price]] 1: `tier` must be standard, priority or batch.",
        ),
    ],
)
def test_what_is_no_price_is_refused_by_name(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as refused:
        price_book(path)
    assert told in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.toml cannot be read: No such file or directory\.$"):
        price_book(tmp_path / "none.toml")


def test_a_file_of_another_encoding_is_told(tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_bytes(b"# \xff")
    with pytest.raises(UserError, match=r"prices\.toml is no UTF-8: see byte 2\.$"):
        price_book(tmp_path / "prices.toml")


def test_the_list_prices_every_model_it_names() -> None:
    for rates in listed_models(Tariff(date(2026, 11, 1))):
        assert rates.input
        assert rates.output


COUNTS = st.integers(0, MOST_TOKENS)


@given(COUNTS, COUNTS, COUNTS, st.sampled_from(["claude-opus-5-5", "claude-haiku-4-5", "claude-fable-5-1"]))
def test_costs_are_exact_and_add_up(into: int, out: int, read: int, model: str) -> None:
    """What two exchanges of a flat price cost together is what one of both would cost."""
    book = price_book(None)

    def total(*counts: int) -> Decimal:
        names = ("input_tokens", "output_tokens", "cache_read_input_tokens")
        cost = cost_of(book, parse(dict(zip(names, counts, strict=True))), model, AT)
        assert cost
        return cost.total

    parts = total(into, 0, 0), total(0, out, 0), total(0, 0, read)
    assert total(into, out, read) == sum(parts)
    if into % 2 == 0:
        assert total(into // 2, 0, 0) * 2 == parts[0]
