"""Zip archives, read with suspicion and written plainly.

Readers of zip archives disagree about damaged or contrived ones, so this one takes only what leaves no choice: the
directory at the very end, local headers that say the same, entries that do not overlap, names without tricks.
Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ._error import FileError, check, damaged
from ._source import Source, crc32

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF
_UTF8, _ENCRYPTED, _SIZES_LATER = 0x800, 1, 8
_STORED, _DEFLATED = 0, 8

# Compressed archives may hold a thousand times their size; weights compress to a half, zeros to nothing.
MAX_RATIO, ALWAYS_FINE = 100, 1 << 28


class Entry(NamedTuple):
    """One file of an archive: where its data lie, how long they are, packed and unpacked."""

    name: str
    offset: int
    packed: int
    size: int
    crc: int
    method: int


class Archive:
    """The entries of a zip archive by name, after every check that needs no reading of their data."""

    def __init__(self, source: Source, compression: bool = False) -> None:
        self.source = source
        start, entries = _directory(source)
        self.entries: dict[str, Entry] = {}
        end = 0
        # In the order of the file, so that an overlap shows between neighbours.
        for entry in sorted(entries, key=lambda entry: entry.offset):
            check(entry.offset >= end, f"its entry {entry.name!r} overlaps the one before")
            entry = _locate(source, entry)
            end = entry.offset + entry.packed
            check(end <= start, f"its entry {entry.name!r} reaches into the directory")
            check(entry.name not in self.entries, f"it has two entries {entry.name!r}")
            if entry.method != _STORED and not (compression and entry.method == _DEFLATED):
                damaged(f"its entry {entry.name!r} is compressed (method {entry.method}), which this format never is")
            self.entries[entry.name] = entry
        total = sum(entry.size for entry in entries)
        if total > max(MAX_RATIO * source.size, ALWAYS_FINE):
            damaged(
                f"its {source.size} bytes would become {total}: a decompression bomb? If you know it is none, "
                "numpy.load opens it"
            )

    def read(self, name: str, verify: bool = True) -> Any:
        """Return the data of an entry as an array of bytes; raises `FileError` if they are not what was written."""
        entry = self.entries[name]
        data = self.source.array(entry.offset, entry.packed)
        if entry.method == _DEFLATED:
            data = _inflate(data, entry)
        if verify and crc32(data) != entry.crc:
            damaged(
                f"the data of its entry {name!r} are damaged (they have another CRC-32 than when they were written)"
            )
        return data


def _directory(source: Source) -> tuple[int, list[Entry]]:
    """Return where the central directory starts, and its entries, their offsets those of the local headers."""
    end, count, size, start = _find_end(source)
    if start + size != end:
        damaged(f"its directory is said to be bytes {start} to {start + size}, but ends at byte {end}")
    check(count * _CENTRAL.size <= size, f"its directory of {size} bytes cannot have {count} entries")
    data, place, entries = source.read(start, size), 0, []
    for _ in range(count):
        entry, place = _central_entry(data, place)
        entries.append(entry)
    check(place == size, f"its directory has more than the {count} entries that it counts")
    return start, entries


def _find_end(source: Source) -> tuple[int, int, int, int]:
    """Return the end of the directory, its number of entries, its size and its start."""
    tail = source.read(max(0, source.size - _END.size - _FULL16), min(source.size, _END.size + _FULL16))
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or len(tail) - place < _END.size:
        damaged("the end of the zip archive is missing: the file was cut off, or is no zip archive")
    _, disk, start_disk, here, count, size, start, comment = _END.unpack_from(tail, place)
    check(place + _END.size + comment == len(tail), "there are bytes after the end of the zip archive")
    check(disk == start_disk == 0 and here == count, "it is one of several parts of a zip archive")
    end = source.size - len(tail) + place
    if end >= _LOCATOR.size:
        mark, _, end64, disks = _LOCATOR.unpack(source.read(end - _LOCATOR.size, _LOCATOR.size))
        if mark == b"PK\x06\x07":
            check(disks <= 1, "it is one of several parts of a zip archive")
            return _read_end64(source, end64, end - _LOCATOR.size)
    return end, count, size, start


def _read_end64(source: Source, place: int, end: int) -> tuple[int, int, int, int]:
    mark, length, _, _, disk, start_disk, here, count, size, start = _END64.unpack(source.read(place, _END64.size))
    check(mark == b"PK\x06\x06" and place + 12 + length == end, "the large-file record at its end is damaged")
    check(disk == start_disk == 0 and here == count, "it is one of several parts of a zip archive")
    return place, count, size, start


def _central_entry(data: bytes, place: int) -> tuple[Entry, int]:
    check(len(data) - place >= _CENTRAL.size, "its directory is cut off")
    mark, _, _, flags, method, _, _, crc, packed, size, n, e, c, disk, _, _, offset = _CENTRAL.unpack_from(data, place)
    check(mark == b"PK\x01\x02", f"its directory is damaged at byte {place}")
    place += _CENTRAL.size
    after = place + n + e + c
    check(after <= len(data), "its directory is cut off")
    name = _name(data[place : place + n], flags)
    check(not flags & _ENCRYPTED, f"its entry {name!r} is encrypted")
    size, packed, offset = _wide(data[place + n : place + n + e], name, size, packed, offset)
    check(disk == 0, f"its entry {name!r} is in another file")
    check(method != _STORED or size == packed, f"its entry {name!r} has {packed} bytes and says that it has {size}")
    return Entry(name, offset, packed, size, crc, method), after


def _wide(extra: bytes, name: str, *sizes: int) -> tuple[int, ...]:
    """Replace what does not fit into 32 bits by what the extra field of large files says."""
    if _FULL32 not in sizes:
        return sizes
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        if kind == 1:
            missing = sizes.count(_FULL32)
            check(8 * missing <= length <= len(extra) - 4, f"the sizes of its entry {name!r} are cut off")
            wide = iter(struct.unpack_from(f"<{missing}Q", extra, 4))
            return tuple([next(wide) if size == _FULL32 else size for size in sizes])
        extra = extra[4 + length :]
    raise FileError(f"the sizes of its entry {name!r} are missing")


def _name(raw: bytes, flags: int) -> str:
    try:
        name = raw.decode("utf-8" if flags & _UTF8 or raw.isascii() else "cp437")
    except UnicodeDecodeError:
        raise FileError(f"the name {raw!r} in it is no text") from None
    if not is_entry_name(name):
        damaged(f"the name {name!r} in it would lead out of the archive")
    return name


def is_entry_name(name: str) -> bool:
    """Is `name` one that an archive may have: nothing that leads out of a folder?"""
    tricks = "\0" in name or "\\" in name or name.startswith("/") or ".." in name.split("/")
    return 0 < len(name) < 10_000 and not tricks


def _locate(source: Source, entry: Entry) -> Entry:
    """Return the entry with the offset of its data, after comparing it with its local header."""
    header = source.read(entry.offset, _LOCAL.size)
    mark, _, flags, method, _, _, crc, packed, size, n, e = _LOCAL.unpack(header)
    check(mark == b"PK\x03\x04", f"there is no entry at byte {entry.offset}, where its directory has {entry.name!r}")
    rest = source.read(entry.offset + _LOCAL.size, n + e)
    if _name(rest[:n], flags) != entry.name or method != entry.method:
        damaged(f"its entry {entry.name!r} is another one in the directory than in its place")
    if not flags & _SIZES_LATER:
        size, packed = _wide(rest[n:], entry.name, size, packed)
        if (crc, packed, size) != (entry.crc, entry.packed, entry.size):
            damaged(f"its entry {entry.name!r} has another size or CRC-32 in the directory than in its place")
    return entry._replace(offset=entry.offset + _LOCAL.size + n + e)


def _inflate(data: Any, entry: Entry) -> Any:
    engine = zlib.decompressobj(-15)
    try:
        plain = engine.decompress(memoryview(data), entry.size + 1)  # never more than was announced
    except zlib.error as error:
        raise FileError(f"its entry {entry.name!r} cannot be decompressed: {error}") from None
    if len(plain) != entry.size or not (engine.eof or not entry.size):
        damaged(f"its entry {entry.name!r} is not of the size that it says, {entry.size}")
    return np.frombuffer(plain, np.uint8).copy()


class Writer:
    """Writes a zip archive to a file: entries as they are, their data aligned, no time stamps."""

    limit = _FULL32  # from here on, sizes need the fields of large files

    def __init__(self, file: BinaryIO, align: int = 64) -> None:
        self._file, self._align = file, align
        self._place = 0
        self._directory: list[bytes] = []

    def add(self, name: str, *parts: Any) -> None:
        """Write one entry, the `parts` one after the other: bytes, or arrays of bytes."""
        raw, size, crc = name.encode(), sum(memoryview(part).nbytes for part in parts), 0
        for part in parts:
            crc = crc32(part, crc)
        flags = 0 if raw.isascii() else _UTF8
        large = size >= self.limit
        small = _FULL32 if large else size
        extra = struct.pack("<2H2Q", 1, 16, size, size) if large else b""
        # PyTorch maps files into memory, and wants its numbers at multiples of 64.
        padding = -(self._place + _LOCAL.size + len(raw) + len(extra) + 4) % self._align
        local = extra + struct.pack("<2sH", b"FB", padding) + b"Z" * padding
        version = 45 if large else 20
        common = (flags, _STORED, 0, 0x21, crc, small, small, len(raw))  # the first day that zip knows
        self._central(raw, version, common, size, large)
        self._write(_LOCAL.pack(b"PK\x03\x04", version, *common, len(local)) + raw + local)
        for part in parts:
            self._write(part)

    def _central(self, raw: bytes, version: int, common: Any, size: int, large: bool) -> None:
        wide = [size, size] if large else []
        place = self._place
        if place >= self.limit:
            wide, place = [*wide, place], _FULL32
        extra = struct.pack(f"<2H{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
        version = 45 if wide else version
        header = _CENTRAL.pack(b"PK\x01\x02", version, version, *common, len(extra), 0, 0, 0, 0, place)
        self._directory.append(header + raw + extra)

    def close(self) -> None:
        """Write the directory."""
        start, count = self._place, len(self._directory)
        directory = b"".join(self._directory)
        self._write(directory)
        if max(start, len(directory)) >= self.limit or count >= _FULL16:
            end = self._place
            record = _END64.pack(b"PK\x06\x06", _END64.size - 12, 45, 45, 0, 0, count, count, len(directory), start)
            self._write(record + _LOCATOR.pack(b"PK\x06\x07", 0, end, 1))
            count, start = min(count, _FULL16), min(start, _FULL32)
        self._write(_END.pack(b"PK\x05\x06", 0, 0, count, count, min(len(directory), _FULL32), start, 0))

    def _write(self, data: Any) -> None:
        self._file.write(data if isinstance(data, bytes) else memoryview(data))
        self._place += memoryview(data).nbytes
