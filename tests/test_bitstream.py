"""The file: its layout, and every way in which it can be wrong."""

from __future__ import annotations

import os
import struct
import zlib

import numpy as np
import pytest
from conftest import smooth_picture

import explorer
from explorer import bitstream
from explorer.bitstream import HEADER_BYTES, Header
from explorer.condition import level_of
from explorer.images import InputError


@pytest.fixture(scope="module")
def data(mae) -> bytes:
    return mae.encode(smooth_picture(40, 70), 512)


def resealed(data: bytes, offset: int, new: bytes) -> bytes:
    """A change that somebody made on purpose: with a checksum that fits."""
    fields = bytearray(data[: HEADER_BYTES - 4])
    fields[offset : offset + len(new)] = new
    payload = data[HEADER_BYTES:]
    return bytes(fields) + struct.pack(">I", zlib.crc32(payload, zlib.crc32(fields))) + payload


def test_layout(mae, data):
    assert HEADER_BYTES == 23
    header, payload = bitstream.unpack(data)
    assert header == Header(mae.version, 70, 40, level_of(512))
    assert bitstream.pack(header, payload) == data
    assert data[:5] == b"MAE\x89\x01" and data[5:9].hex() == mae.version


BAD = {
    "zero bytes": lambda d: b"",
    "one byte": lambda d: d[:1],
    "header cut": lambda d: d[:10],
    "header only": lambda d: d[:HEADER_BYTES],
    "last byte missing": lambda d: d[:-1],
    "half": lambda d: d[: len(d) // 2],
    "a byte too many": lambda d: d + b"\0",
    "not ours: PNG": lambda d: b"\x89PNG\r\n\x1a\n" + bytes(100),
    "not ours: text": lambda d: b"MAE, or so it says" + bytes(100),
    "not ours: zeros": lambda d: bytes(1000),
    "magic flipped": lambda d: bytes([d[0] ^ 1]) + d[1:],
    "bit flip in the id": lambda d: d[:6] + bytes([d[6] ^ 4]) + d[7:],
    "bit flip in the size": lambda d: d[:10] + bytes([d[10] ^ 4]) + d[11:],
    "bit flip in λ": lambda d: d[:14] + bytes([d[14] ^ 1]) + d[15:],
    "bit flip in the length": lambda d: d[:18] + bytes([d[18] ^ 1]) + d[19:],
    "bit flip in the checksum": lambda d: d[:20] + bytes([d[20] ^ 1]) + d[21:],
    "bit flip in the payload": lambda d: d[:40] + bytes([d[40] ^ 1]) + d[41:],
    "newer version": lambda d: resealed(d, 4, b"\x03"),
    "unknown checkpoint": lambda d: resealed(d, 5, b"\xde\xad\xbe\xef"),
    "no width": lambda d: resealed(d, 9, b"\0\0"),
    "no height": lambda d: resealed(d, 11, b"\0\0"),
    "huge size": lambda d: resealed(d, 9, b"\xff\xff\xff\xff"),
    "no payload": lambda d: bitstream.pack(bitstream.unpack(d)[0], b""),
    "payload of zeros": lambda d: bitstream.pack(bitstream.unpack(d)[0], bytes(len(d))),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_one_sentence_and_never_a_picture(data, case):
    broken = BAD[case](data)
    with pytest.raises(InputError) as caught:
        explorer.decode(broken)
    message = str(caught.value)
    assert message.endswith(".") and "\n" not in message and "Traceback" not in message


@pytest.mark.parametrize("seed", range(40))
def test_one_flipped_bit_anywhere_is_noticed(data, seed):
    rng = np.random.default_rng(seed)
    broken = bytearray(data)
    broken[rng.integers(len(data))] ^= 1 << rng.integers(8)
    with pytest.raises(InputError):
        explorer.decode(bytes(broken))


@pytest.mark.parametrize("name", ["folder", "pipe", "/dev/zero", "absent.mae", "zero\0byte.mae"])
def test_what_is_no_file_is_one_sentence_at_once(tmp_path, name):
    """A pipe is waited for for ever, and some devices never end."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for read in (bitstream.read, explorer.receive):
        with pytest.raises(InputError, match=r"^[^\n]+\.$"):
            read(tmp_path / name)


def test_of_what_is_no_mae_file_no_more_is_read_than_says_so(tmp_path, data):
    path = tmp_path / "large.mae"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # takes no room on the disk
    with pytest.raises(InputError, match=r"^This is not a \.mae file; .+\.$"):
        explorer.receive(path)
    path.write_bytes(data)
    assert bitstream.read(path) == bitstream.read(str(path)) == bitstream.read(data) == data
