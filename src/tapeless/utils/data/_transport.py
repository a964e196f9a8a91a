"""Objects between processes over a pipe: pickled, large arrays as bare bytes beside the pickle.

A message is its tag and a list of sizes, then that many parts: the pickle, and the buffers that pickle protocol 5
leaves out of it (https://peps.python.org/pep-0574/). The receiver reads each buffer right into the memory that
the array then keeps, so that arrays arrive writable.
"""

from __future__ import annotations

import io
import os
import pickle
import struct
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

Parts = list[Any]  # bytes-like
Tag = tuple[int, int]  # epoch and task: known even when the message itself can't be unpickled

# Below this size a part of its own costs more than copying the bytes into the pickle.
_SMALL = 1 << 14
_PIPE_SIZE = 1 << 20  # what Linux grants to anyone
# A pipe of POSIX is a file; that of Windows keeps messages apart, and only `Connection` reads those.
_RAW = os.name == "posix"


def widen(connection: Connection) -> None:
    """Let a pipe hold a whole batch where the system can, so that writer and reader take turns less often."""
    if sys.platform == "linux" and fcntl is not None:
        with suppress(OSError):  # the user's share of pipe memory is used up
            fcntl.fcntl(connection.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_SIZE)


def pack(message: Any) -> Parts:
    """Pickle ``message`` into parts that stay as they are when its arrays change. Raises what pickling raises."""
    buffers: Parts = []

    def leave_out(buffer: pickle.PickleBuffer) -> bool:
        try:
            raw = buffer.raw()
        except BufferError:  # strided: goes into the pickle as a copy
            return True
        if raw.nbytes < _SMALL:
            return True
        # A dataset may fill the same array again before the parent has read this one.
        buffers.append(bytes(raw))
        return False

    file = io.BytesIO()
    ForkingPickler(file, 5, True, leave_out).dump(message)
    return [file.getbuffer(), *buffers]


def unpack(parts: Parts) -> Any:
    """Return the message that `pack` made these parts of."""
    return pickle.loads(parts[0], buffers=parts[1:])


def send(connection: Connection, parts: Parts, tag: Tag = (0, 0)) -> None:
    """Write a packed message. Raises OSError when nobody reads any more."""
    sizes = [memoryview(part).nbytes for part in parts]
    connection.send_bytes(struct.pack(f"<{2 + len(sizes)}q", *tag, *sizes))
    for part in parts:
        view = memoryview(part).cast("B")
        if not _RAW:
            connection.send_bytes(view)
            continue
        while view:
            view = view[os.write(connection.fileno(), view) :]


def receive(connection: Connection) -> tuple[Tag, Parts]:
    """Wait for a message; return its tag and parts. Raises EOFError, or OSError, when the writer is gone."""
    header = connection.recv_bytes()
    epoch, task, *sizes = struct.unpack(f"<{len(header) // 8}q", header)
    return (epoch, task), [_read(connection, size) for size in sizes]


def _read(connection: Connection, size: int) -> Any:
    memory = np.empty(size, np.uint8)
    view = memoryview(memory)  # type: ignore[arg-type]
    if not _RAW:
        connection.recv_bytes_into(view)
        return memory
    while view:
        count = os.readv(connection.fileno(), [view])
        if count == 0:
            raise EOFError
        view = view[count:]
    return memory
