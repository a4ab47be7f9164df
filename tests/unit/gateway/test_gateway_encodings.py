"""Undoing content encodings: any pieces, damage, and bombs."""

from __future__ import annotations

import gzip
import random
import resource
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from plait.gateway.encodings import MOST_DECODED, Undecodable, decoder_for

ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@given(st.sampled_from(sorted(ENCODERS)), st.binary(max_size=5000), st.integers(1, 999))
def test_any_pieces_give_the_whole(name: str, body: bytes, size: int) -> None:
    encoded = ENCODERS[name](body)
    decoder = decoder_for(name)
    pieces = [encoded[at : at + size] for at in range(0, len(encoded), size)]
    assert b"".join(map(decoder.feed, pieces)) == body


@given(st.binary(max_size=3000), st.integers(1, 999))
def test_deflate_without_its_header_in_any_pieces(body: bytes, size: int) -> None:
    raw = zlib.compressobj(wbits=-15)
    encoded = raw.compress(body) + raw.flush()
    decoder = decoder_for("deflate")
    assert b"".join(decoder.feed(encoded[at : at + size]) for at in range(0, len(encoded), size)) == body


def test_members_and_frames_one_after_another() -> None:
    assert decoder_for("gzip").feed(gzip.compress(b"one ") + gzip.compress(b"two")) == b"one two"
    frame = zstandard.ZstdCompressor().compress
    assert decoder_for("zstd").feed(frame(b"one ") + frame(b"two")) == b"one two"


def test_encodings_upon_encodings_are_not_undone() -> None:
    with pytest.raises(Undecodable, match="more than one"):
        decoder_for("gzip, BR")


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_damage_is_told(name: str) -> None:
    with pytest.raises(Undecodable):
        decoder_for(name).feed(b"\xff this is not encoded at all")


@pytest.mark.parametrize("name", ["gzip", "deflate", "zstd"])
def test_what_stood_before_the_damage_is_not_lost(name: str) -> None:
    decoder = decoder_for(name)
    with pytest.raises(Undecodable) as caught:
        decoder.feed(ENCODERS[name](b"all of it") + b"JUNK" * 9)
    assert caught.value.decoded == b"all of it"
    with pytest.raises(Undecodable) as caught:
        decoder.feed(ENCODERS[name](b"and more"))
    assert caught.value.decoded == b"", "behind damage nothing is trusted"


@pytest.mark.parametrize(("name", "bits"), [("gzip", 31), ("deflate", 15), ("deflate", -15)])
def test_of_a_damaged_body_the_beginning_is_kept(name: str, bits: int) -> None:
    body = random.Random(1).randbytes(10_000).hex().encode()
    encoder = zlib.compressobj(wbits=bits)
    no_block = b"\xff" * 9
    damaged = encoder.compress(body) + encoder.flush(zlib.Z_FULL_FLUSH) + no_block
    with pytest.raises(Undecodable) as caught:
        decoder_for(name).feed(damaged)
    assert body.startswith(caught.value.decoded)
    assert len(caught.value.decoded) > len(body) * 8 // 10


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_a_bomb_stops_at_the_bound(name: str) -> None:
    with pytest.raises(Undecodable):
        decoder_for(name, most=1000).feed(ENCODERS[name](b"\0" * 50_000))


@pytest.mark.parametrize("name", ["gzip", "br", "zstd"])
def test_a_bomb_takes_no_memory(name: str) -> None:
    """A gigabyte of zeros; of brotli it is 809 bytes, which come out of one call."""
    zeros = b"\0" * (1 << 24)
    compress: Any = {
        "gzip": zlib.compressobj(wbits=31).compress,
        "br": brotli.Compressor(quality=5, lgwin=24).process,
        "zstd": zstandard.ZstdCompressor().compressobj().compress,
    }[name]
    bomb = b"".join(compress(zeros) for _ in range(64))
    tracemalloc.start()
    decoder, before = decoder_for(name), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Undecodable, match="larger than an event can hold"):
        decoder.feed(bomb + b"\0" * 64)
    traced = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert traced < 4 * MOST_DECODED
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4 * MOST_DECODED // 1024


def test_an_unknown_encoding_is_named() -> None:
    with pytest.raises(Undecodable, match="snappy"):
        decoder_for("gzip, snappy")
