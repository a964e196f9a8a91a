"""Files that mean harm, built by hand, and the limits within which reading them must stay."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator


def archive(pickle: bytes, storages: dict[str, bytes] | None = None, version: bytes = b"3\n", **more: bytes) -> bytes:
    """An archive as PyTorch makes it, with any pickle and any storages."""
    entries = {"archive/data.pkl": pickle, "archive/version": version}
    entries |= {f"archive/data/{key}": data for key, data in (storages or {}).items()}
    return plain_zip(entries | {f"archive/{name}": data for name, data in more.items()})


def plain_zip(entries: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, data in entries.items():
            file.writestr(zipfile.ZipInfo(name), data, compress_type=method)
    return buffer.getvalue()


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value: int) -> bytes:
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def numbers(*values: int) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def named(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def pickled(body: bytes) -> bytes:
    return b"\x80\x02" + body + b"."


def storage(count: int = 4, key: str = "0", kind: str = "FloatStorage", location: str = "cpu") -> bytes:
    return b"(" + text("storage") + named("torch", kind) + text(key) + text(location) + number(count) + b"tQ"


def tensor(size: bytes, stride: bytes, offset: int = 0, of: bytes | None = None, tail: bytes = b"") -> bytes:
    """A tensor of storage 0 with any shape."""
    hooks = named("collections", "OrderedDict") + b")R"
    parts = (storage() if of is None else of) + number(offset) + size + stride + b"\x89" + hooks + tail
    return pickled(named("torch._utils", "_rebuild_tensor_v2") + b"(" + parts + b"tR")


def legacy(*pickles: bytes, rest: bytes = b"") -> bytes:
    """A file from before PyTorch 1.6: the three pickles at its start, then any others."""
    magic, protocol = pickled(number(0x1950A86A20F9469CFC6C)), pickled(number(1001))
    info = pickled(b"}" + text("little_endian") + b"\x88s")
    return magic + protocol + info + b"".join(pickles) + rest


def safetensors(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(raw) if length is None else length).to_bytes(8, "little") + raw + data


def npy(header: str, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    raw = header.encode()
    size = len(raw).to_bytes(2 if version[0] == 1 else 4, "little")
    return b"\x93NUMPY" + version + size + raw + data


def deflated(data: bytes) -> bytes:
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return engine.compress(data) + engine.flush()


@contextlib.contextmanager
def limits(seconds: float = 5.0, megabytes: float = 64.0) -> Iterator[None]:
    """Fail if the block takes longer, or ever holds more memory than it began with."""
    tracemalloc.start()
    start = time.perf_counter()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1] / 1e6
        took = time.perf_counter() - start
    finally:
        tracemalloc.stop()
    assert took < seconds, f"took {took:.1f} s"
    assert peak < megabytes, f"held {peak:.0f} MB"
