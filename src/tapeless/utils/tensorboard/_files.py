"""Event files: records with checksums (TFRecord), each an encoded `Event`.

A record is its length (8 bytes), the masked CRC-32C of the length, the data, and the masked CRC-32C of the data.
Source: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
"""

from __future__ import annotations

import itertools
import os
import socket
import struct
import time
from typing import Any

from ._protobuf import double, integer, message, text


def _table() -> list[int]:
    """The CRC-32C of each byte, by Castagnoli's polynomial, bits reversed."""
    entries = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        entries.append(value)
    return entries


_TABLE = _table()
_COUNTER = itertools.count()


def crc32c(data: bytes) -> int:
    """Return the CRC-32C (RFC 3720) of `data`.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    crc, table = 0xFFFFFFFF, _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def masked_crc(data: bytes) -> bytes:
    """Return the checksum as it stands in the file: rotated and shifted, since CRCs of CRCs are weak."""
    crc = crc32c(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def record(data: bytes) -> bytes:
    """Return one record of the file."""
    length = struct.pack("<Q", len(data))
    return length + masked_crc(length) + data + masked_crc(data)


class EventFile:
    """One event file in a folder, which is made when it does not exist.

    >>> import tapeless as tl
    >>> writer = tl.utils.tensorboard.FileWriter("runs/example")
    >>> writer.log_dir
    'runs/example'
    >>> writer.close()
    """

    def __init__(self, log_dir: Any, flush_secs: float = 120, filename_suffix: str = "") -> None:
        self.log_dir = os.fspath(log_dir)
        os.makedirs(self.log_dir, exist_ok=True)
        now = time.time()
        name = f"events.out.tfevents.{int(now):010d}.{socket.gethostname()}.{os.getpid()}.{next(_COUNTER)}"
        self.path = os.path.join(self.log_dir, name + filename_suffix)
        self._file, self._flush_secs, self._flushed = open(self.path, "wb"), flush_secs, now  # noqa: SIM115
        self._write(double(1, now) + text(3, "brain.Event:2"))
        self.flush()

    def _write(self, event: bytes) -> None:
        if self._file.closed:  # PyTorch's goes on after close(), too
            self._file = open(self.path, "ab")  # noqa: SIM115
        self._file.write(record(event))

    def add(self, summary: bytes, step: int | None, walltime: float | None) -> None:
        """Write an encoded summary, with its step and the time."""
        now = time.time() if walltime is None else walltime
        event = double(1, now) + (b"" if step is None else integer(2, int(step))) + message(5, summary)
        self._write(event)
        if time.time() - self._flushed > self._flush_secs:
            self.flush()

    def flush(self) -> None:
        """Hand over to the operating system what is still in memory."""
        if not self._file.closed:
            self._file.flush()
        self._flushed = time.time()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
