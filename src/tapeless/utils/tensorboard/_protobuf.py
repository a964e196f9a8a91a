"""Protocol buffers, as far as event files need them: fields of numbers, texts, lists and messages.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct
from collections.abc import Iterable


def varint(value: int) -> bytes:
    """Return an integer in groups of seven bits, the lowest first; negative ones as 64 bits.

    >>> varint(300)
    b'\\xac\\x02'
    """
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def integer(field: int, value: int) -> bytes:
    """Return an integer field (wire type 0)."""
    return varint(field << 3) + varint(value)


def double(field: int, value: float) -> bytes:
    """Return a field of 64 bits (wire type 1)."""
    return varint(field << 3 | 1) + struct.pack("<d", value)


def single(field: int, value: float) -> bytes:
    """Return a field of 32 bits (wire type 5); what is too large for them is infinite."""
    try:
        packed = struct.pack("<f", value)
    except OverflowError:
        packed = struct.pack("<f", float("inf") if value > 0 else float("-inf"))
    return varint(field << 3 | 5) + packed


def message(field: int, data: bytes) -> bytes:
    """Return a field of bytes (wire type 2): a message within this one, for example."""
    return varint(field << 3 | 2) + varint(len(data)) + data


def text(field: int, value: str) -> bytes:
    """Return a field of text, in UTF-8."""
    return message(field, value.encode("utf-8", "surrogateescape"))


def doubles(field: int, values: Iterable[float]) -> bytes:
    """Return a packed list of 64-bit numbers."""
    values = list(values)
    return message(field, struct.pack(f"<{len(values)}d", *values))
