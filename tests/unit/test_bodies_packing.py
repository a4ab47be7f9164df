"""Packed values come back, and old ones stay readable."""

from __future__ import annotations

import hashlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.common import packing
from plait.common.blobs import ZSTD, ZSTD_MESSAGE, shelve, unshelve
from plait.common.dictionaries import MESSAGES
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


def test_the_messages_dictionary_never_changes_either() -> None:
    assert hashlib.sha256(MESSAGES).hexdigest() == "a117ad254ef160c465bd05c01f9bd26185172d5a388f7c46fbd98b7277b508b3"


def test_a_short_message_is_kept_in_less_with_the_dictionary() -> None:
    content = [{"text": "Where does this function return?", "type": "text"}]
    message = msgspec.json.encode({"content": content, "role": "user"})
    encoding, kept = shelve(message)
    assert encoding == ZSTD_MESSAGE
    assert len(kept) * 3 < len(message) * 2
    assert unshelve(encoding, kept) == message


@pytest.mark.parametrize("encoding", [ZSTD, ZSTD_MESSAGE])
@pytest.mark.parametrize("data", [b"", b"no frame"])
def test_a_damaged_blob_is_an_error(encoding: int, data: bytes) -> None:
    with pytest.raises(ValueError, match="not a zstd frame"):
        unshelve(encoding, data)


@given(st.binary(max_size=300) | st.integers(60_000, 70_000).map(lambda size: b"ab" * (size // 2)))
def test_any_blob_comes_back(data: bytes) -> None:
    assert unshelve(*shelve(data)) == data
