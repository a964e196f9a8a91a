"""PyTorch's files: zip archives with a pickle and the storages, and the sequence of pickles from before 1.6.

Source: https://docs.pytorch.org/docs/stable/notes/serialization.html
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

from ._error import FileError, check, damaged, is_count
from ._kinds import Kind
from ._pickler import Pickler
from ._rebuild import Names, Storage, StorageType, build
from ._source import Source
from ._state import arrays_in
from ._storages import Layout, as_bytes
from ._unpickler import Machine
from ._zip import Archive, Writer

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
# Where a storage was, and whether it may come to the CPU: raises where not.
Restore = Callable[[Any, str], None]
MAX_PICKLE = 1 << 30


def is_archive(archive: Archive) -> bool:
    """Is a zip archive one of PyTorch's?"""
    return any(name.endswith("/data.pkl") or name == "data.pkl" for name in archive.entries)


def read_archive(archive: Archive, restore: Restore, verify: bool) -> Any:
    """Return the state in a zip archive of PyTorch."""
    (pickle,) = [name for name in archive.entries if name.split("/")[-1] == "data.pkl" and name.count("/") < 2] or [""]
    root = pickle.removesuffix("data.pkl")
    if f"{root}constants.pkl" in archive.entries or any(name.startswith(f"{root}code/") for name in archive.entries):
        damaged(
            "it is a TorchScript archive, a program and not a state; in PyTorch, "
            "torch.save(torch.jit.load(file).state_dict(), other) makes a state of it"
        )
    if any(entry.method for entry in archive.entries.values()):
        damaged("it is compressed, which PyTorch's archives never are")
    text = lambda name: archive.read(root + name).tobytes() if root + name in archive.entries else b""
    version, order = text("version").strip(), text("byteorder") or b"little"
    check(version.isdigit() and int(version[:9]) >= 2, f"its version is {version[:20]!r}")
    check(order in (b"little", b"big"), f"its byte order is {order[:20]!r}")
    data = archive.entries[pickle]
    check(data.size <= MAX_PICKLE, f"its pickle has {data.size} bytes")
    storages = Storages(archive, root, order == b"big", restore, verify)
    return Machine(archive.read(pickle).tobytes(), Names().resolve, storages.get, build).run()


class Storages:
    """The storages of an archive by key; each is read once, so what shared memory does so again."""

    def __init__(self, archive: Archive, root: str, big: bool, restore: Restore, verify: bool) -> None:
        self._archive, self._root, self._big = archive, root, big
        self._restore, self._verify = restore, verify
        self._known: dict[str, Storage] = {}
        self._lengths: dict[str, int] = {}

    def get(self, pid: Any) -> Storage:
        """Return the storage that a persistent id means; raises `FileError` if it is another than it says."""
        kind, key, location, count = persistent_id(pid, 5)
        entry = self._archive.entries.get(f"{self._root}data/{key}")
        if entry is None:
            raise FileError(f"the storage {key!r} is missing")
        length = count * (1 if kind is None else kind.size)
        if length != entry.size:
            damaged(f"the storage {key!r} is said to have {count} elements, {length} bytes, and has {entry.size} bytes")
        if key not in self._known:
            data = self._archive.read(entry.name, self._verify)
            self._restore(data, location)
            self._known[key] = Storage(data, kind, self._big)
        return self._known[key].of_kind(kind)


def persistent_id(pid: Any, length: int) -> tuple[Kind | None, str, str, int]:
    """Return kind, key, location and number of elements in a persistent id."""
    fine = type(pid) is tuple and len(pid) >= length and pid[0] == "storage" and type(pid[1]) is StorageType
    check(fine, "a persistent id is not that of a storage")
    kind, key, location, count = pid[1].kind, pid[2], pid[3], pid[4]
    check(type(key) is str and type(location) is str and is_count(count), "a persistent id is damaged")
    return kind, key, location, count


def write_archive(file: BinaryIO, state: Any) -> None:
    """Write a state as a zip archive that PyTorch opens with ``weights_only=True``."""
    layout = Layout(arrays_in(state, numpy=False)[0])
    pickle = Pickler(layout).dump(state)
    writer = Writer(file)
    writer.add("archive/data.pkl", pickle)
    writer.add("archive/.format_version", b"1")
    writer.add("archive/.storage_alignment", b"64")
    writer.add("archive/byteorder", sys.byteorder.encode())
    for number, storage in enumerate(layout.storages):
        writer.add(f"archive/data/{number}", as_bytes(storage))
    writer.add("archive/version", b"3\n")
    writer.close()


# --- before PyTorch 1.6 ----------------------------------------------------------------------------------------


def read_legacy(source: Source, restore: Restore) -> Any:
    """Return the state in a file of five pickles, and storages after them."""
    data = source.read(0, source.size)
    magic, place = _run(data, 0, Names(), _no_storage)
    check(type(magic) is int and magic == MAGIC, "it is a pickle, but none of PyTorch's")
    protocol, place = _run(data, place, Names(), _no_storage)
    check(type(protocol) is int and protocol == PROTOCOL, f"its protocol is {protocol!r:.20}, expected {PROTOCOL}")
    machine, place = _run(data, place, Names(), _no_storage)
    check(type(machine) is dict, "it does not say what machine wrote it")
    # The storages come after the object that needs them: it is read twice, first to find its end.
    wanted: dict[str, Any] = {}
    names = Names()
    names.dry = True
    start = place
    _, place = _run(data, start, names, lambda pid: _note(pid, wanted))
    keys, place = _run(data, place, Names(), _no_storage)
    check(type(keys) is list and all(type(key) is str for key in keys), "its list of storages is damaged")
    check(len(set(keys)) == len(keys) and set(keys) == set(wanted), "its list of storages is another than its tensors'")
    storages = {}
    for key in keys:
        kind, count, location = wanted[key]
        place = _read_storage(data, place, key, kind, count)
        raw = source.array(place, count * kind.size)
        restore(raw, location)
        storages[key] = Storage(raw, kind, False)  # little-endian whatever machine wrote it
        place += len(raw)
    check(place == len(data), "there are bytes after its last storage")
    return _run(data, start, Names(), lambda pid: _view(pid, storages))[0]


def _run(data: bytes, place: int, names: Names, persistent: Callable[[Any], Any]) -> tuple[Any, int]:
    machine = Machine(data, names.resolve, persistent, build, place)
    return machine.run(), machine.end


def _no_storage(pid: Any) -> Any:
    damaged("a persistent id where there are no tensors")


def _note(pid: Any, wanted: dict[str, Any]) -> Storage:
    kind, key, location, count = persistent_id(pid, 6)
    check(
        kind is not None and wanted.setdefault(key, (kind, count, location))[:2] == (kind, count), "two storages in one"
    )
    return Storage(np.empty(0, np.uint8), kind, False)


def _read_storage(data: bytes, place: int, key: str, kind: Kind, count: int) -> int:
    """Return where the data of a storage start, which its length comes before."""
    check(place + 8 <= len(data), f"the storage {key!r} is missing")
    length = int.from_bytes(data[place : place + 8], "little")
    check(length == count, f"the storage {key!r} is said to have {count} elements, and has {length}")
    check(place + 8 + count * kind.size <= len(data), f"the storage {key!r} is cut off")
    return place + 8


def _view(pid: Any, storages: dict[str, Storage]) -> Storage:
    """Return a storage, or the part of one that a persistent id of very old files means."""
    key = persistent_id(pid, 6)[1]
    if pid[5] is None:
        return storages[key]
    check(
        type(pid[5]) is tuple and len(pid[5]) == 3 and all(map(is_count, pid[5][1:])), "a part of a storage is damaged"
    )
    _, offset, size = pid[5]
    return storages[key].part(offset, size)


def write_legacy(file: BinaryIO, state: Any) -> None:
    """Write a state in the form from before PyTorch 1.6."""
    layout = Layout(arrays_in(state, numpy=False)[0])
    pickle = Pickler(layout, legacy=True).dump(state)
    empty = Layout([])
    little = sys.byteorder == "little"
    sizes = {"short": 2, "int": 4, "long": 4}
    info = {"protocol_version": PROTOCOL, "little_endian": little, "type_sizes": sizes}
    for value in (MAGIC, PROTOCOL, info):
        file.write(Pickler(empty).dump(value))
    file.write(pickle)
    file.write(Pickler(empty).dump([str(number) for number in range(len(layout.storages))]))
    for storage in layout.storages:
        file.write(len(storage).to_bytes(8, "little"))
        file.write(memoryview(as_bytes(storage.astype(storage.dtype.newbyteorder("<"), copy=False))))
