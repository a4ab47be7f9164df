"""Packed values come back, and old ones stay readable."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common import packing
from plait.common.events import Piece

text = st.text(st.characters(codec="utf-8"))


@given(st.binary(max_size=3000))
def test_any_bytes_come_back(data: bytes) -> None:
    packed = packing.pack(data)
    assert packing.unpack(packed) == data
    assert len(packed) <= len(data) + 1


def test_large_values_come_back() -> None:
    data = b"0123456789abcdef" * 100_000
    assert packing.unpack(packing.pack(data)) == data


@given(st.lists(st.tuples(text, text)))
def test_headers_come_back(headers: list[tuple[str, str]]) -> None:
    assert packing.unpack_headers(packing.pack_headers(headers)) == headers


@given(st.lists(st.builds(Piece, st.floats(0, 1e6), st.binary())))
def test_pieces_come_back(pieces: list[Piece]) -> None:
    assert packing.unpack_pieces(packing.pack_pieces(pieces)) == pieces


def test_familiar_headers_are_small() -> None:
    headers = [("user-agent", "claude-cli/2.1.329 (external, cli)"), ("anthropic-version", "2023-06-01")]
    assert len(packing.pack_headers(headers)) * 2 < len(json.dumps(headers))


@pytest.mark.parametrize("packed", [b"", b"\x07abc", b"\x01abc", b"\x02abc"])
def test_damage_is_an_error(packed: bytes) -> None:
    with pytest.raises(ValueError, match=r"packed in an unknown way|not a zstd frame"):
        packing.unpack(packed)


def test_the_dictionary_never_changes() -> None:
    """Rows packed with it could not be read any more. A better dictionary is a further way, with its own number."""
    assert (
        hashlib.sha256(packing._FAMILIAR).hexdigest()
        == "6fbb066f354da277f5ead746167d3831c9b419c586e316499166e7cb06f5eb29"
    )
