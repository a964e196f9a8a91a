"""Where readers take bytes from: a file, memory, or a file mapped into memory; always within its bounds."""

from __future__ import annotations

import mmap
import os
import zlib
from typing import Any, BinaryIO

import numpy as np

from ._error import FileError, check


class Source:
    """Bytes 0 to `size` of a file: `read` gives some as bytes, `array` as an array of uint8."""

    size: int

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset` on; raises `FileError` where the file has fewer."""
        self._check(offset, length)
        return self._read(offset, length)

    def array(self, offset: int, length: int) -> Any:
        """Return the same as a writable array; only that of a `MappedSource` shares memory with others."""
        self._check(offset, length)
        return self._array(offset, length)

    def _check(self, offset: int, length: int) -> None:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise FileError(f"it ends after {self.size} bytes, before byte {offset + length} that it speaks of")

    def _read(self, offset: int, length: int) -> bytes:
        raise NotImplementedError

    def _array(self, offset: int, length: int) -> Any:
        raise NotImplementedError


class FileSource(Source):
    """An open file, read piece by piece."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = os.fstat(file.fileno()).st_size

    def _read(self, offset: int, length: int) -> bytes:
        self._file.seek(offset)
        data = self._file.read(length)
        check(len(data) == length, "it grew shorter while it was read")
        return data

    def _array(self, offset: int, length: int) -> Any:
        array = np.empty(length, np.uint8)
        view, done = memoryview(array), 0  # type: ignore[arg-type]
        self._file.seek(offset)
        while done < length:
            count = self._file.readinto(view[done:])  # type: ignore[attr-defined]
            check(count, "it grew shorter while it was read")
            done += count
        return array


class MemorySource(Source):
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def _read(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]

    def _array(self, offset: int, length: int) -> Any:
        return np.frombuffer(self._data, np.uint8, length, offset).copy()


class MappedSource(Source):
    """A file in the address space: pages are read when they are looked at, writes stay private."""

    def __init__(self, file: BinaryIO) -> None:
        self.size = os.fstat(file.fileno()).st_size
        # An empty file cannot be mapped.
        self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) if self.size else b""

    def _read(self, offset: int, length: int) -> bytes:
        return bytes(self._map[offset : offset + length])

    def _array(self, offset: int, length: int) -> Any:
        return np.frombuffer(self._map, np.uint8, length, offset)


def crc32(data: Any, start: int = 0) -> int:
    """Return the CRC-32 of an array's memory, or of bytes."""
    return zlib.crc32(data, start)


def as_dtype(data: Any, dtype: Any) -> Any:
    """View bytes as elements of `dtype`; copies only where they do not lie as the processor wants them."""
    dtype = np.dtype(dtype)
    if data.ctypes.data % dtype.alignment:
        data = data.copy()
    return data.view(dtype)
