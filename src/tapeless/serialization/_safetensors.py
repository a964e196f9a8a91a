"""The safetensors format: a header of JSON, and the tensors one after the other.

What other programs write is read, and they read what is written here. Besides, a file of `save` has in its
``__metadata__`` how the tensors were nested and all that is no tensor, and a CRC-32 of each tensor, as the format has
no check of its own.
Source: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
from math import prod
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from tapeless._core.tensor_base import wrap

from ._error import FileError, check, damaged, is_count
from ._kinds import KINDS, Kind
from ._source import Source, crc32
from ._storages import as_bytes
from ._tree import Decoder, Encoder, read_json

MAX_HEADER = 100_000_000
METADATA, TREE, SUMS, OWN_SUM = "__metadata__", "tapeless", "tapeless.crc32", "tapeless.metadata_crc32"

# In the order of alignment, in which tensors are written backwards. Bits of one element, and how it is read.
_BITS = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}
_NAMES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "F8_E5M2": "float8_e5m2", "F8_E4M3": "float8_e4m3fn",
    "F8_E8M0": "float8_e8m0fnu", "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz", "I16": "int16",
    "U16": "uint16", "F16": "float16", "BF16": "bfloat16", "I32": "int32", "U32": "uint32", "F32": "float32",
    "C64": "complex64", "F64": "float64", "I64": "int64", "U64": "uint64",
}  # fmt: skip
_RANK = {name: rank for rank, name in enumerate(_NAMES)}
_CODE = {name: code for code, name in _NAMES.items()}


class Info(NamedTuple):
    """What the header says of a tensor; `begin` and `end` count from the start of the data."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def kind(self) -> Kind:
        """How the elements are read; raises `FileError` for floats of 4 and 6 bits."""
        if self.dtype in _BITS:
            damaged(f"elements of {_BITS[self.dtype]} bits ({self.dtype}) are not read")
        return KINDS[_NAMES[self.dtype]]


class Container:
    """The header of a safetensors file, checked whole, and its tensors when they are asked for."""

    def __init__(self, source: Source) -> None:
        self.source = source
        header = self._header()
        metadata = header.pop(METADATA, {})
        if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
            damaged("its __metadata__ is something else than names and strings")
        self.metadata: dict[str, str] = metadata
        self.infos = {name: _info(name, entry) for name, entry in header.items()}
        self._check_places()
        self.sums = self._own()

    def _header(self) -> dict[str, Any]:
        size = self.source.size
        check(size >= 8, f"it has {size} bytes, and the length of a header alone takes 8")
        length = int.from_bytes(self.source.read(0, 8), "little")
        check(length <= MAX_HEADER, f"its header is said to have {length} bytes; {MAX_HEADER} are allowed")
        check(8 + length <= size, f"its header is said to have {length} bytes, the whole file has {size}")
        self.start = 8 + length
        raw = self.source.read(8, length)
        check(raw[:1] == b"{", "its header does not begin with '{'")
        header = read_json(_utf8(raw).rstrip(" "))
        check(isinstance(header, dict), "its header is no JSON object")
        return header  # type: ignore[no-any-return]

    def _check_places(self) -> None:
        """The tensors must follow one another from the first byte to the last."""
        place = 0
        for name, info in sorted(self.infos.items(), key=lambda item: (item[1].begin, item[1].end)):
            if info.begin != place:
                what = "overlaps the one before" if info.begin < place else "leaves a hole before it"
                damaged(f"the tensor {name!r} begins at byte {info.begin} of the data, which {what}")
            place = info.end
        data = self.source.size - self.start
        check(place == data, f"its tensors have {place} bytes, the data {data}")

    def _own(self) -> dict[str, int]:
        """Return the CRC-32 of each tensor, if the file has them, after checking the rest of the metadata."""
        if not self.metadata.keys() & {TREE, SUMS, OWN_SUM}:
            return {}
        sums = read_json(self.metadata.get(SUMS, "null"))
        own = crc32((self.metadata.get(TREE, "") + self.metadata.get(SUMS, "")).encode("utf-8", "surrogatepass"))
        fine = isinstance(sums, dict) and sums.keys() == self.infos.keys() and self.metadata.get(OWN_SUM) == str(own)
        check(fine, "its __metadata__ is damaged (it has another CRC-32 than when it was written)")
        return sums  # type: ignore[no-any-return]

    def raw(self, name: str, verify: bool = True) -> tuple[Info, Any]:
        """Return what the header says of a tensor, and its bytes."""
        info = self.infos[name]
        data = self.source.array(self.start + info.begin, info.end - info.begin)
        if verify and name in self.sums and self.sums[name] != _sum(name, info.dtype, info.shape, data):
            damaged(f"the tensor {name!r} is damaged (it has another CRC-32 than when it was written)")
        return info, data

    def array(self, name: str, verify: bool = True) -> Any:
        """Return a tensor as an array; raises `FileError` if it is not what was written."""
        if name not in self.infos:
            damaged(f"it has no tensor {name!r}")
        info, data = self.raw(name, verify)
        return info.kind.read(data).reshape(info.shape)


def _utf8(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise FileError(f"its header is no UTF-8 ({error})") from None


def _info(name: str, entry: Any) -> Info:
    """Read and check one entry of the header."""
    fine = isinstance(entry, dict) and {"dtype", "shape", "data_offsets"} <= entry.keys()
    check(fine, f"its header has no dtype, shape and data_offsets for {name!r}")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    check(isinstance(dtype, str) and (dtype in _NAMES or dtype in _BITS), f"{name!r} has the unknown dtype {dtype!r}")
    check(isinstance(shape, list) and all(map(is_count, shape)), f"{name!r} has the shape {shape!r}")
    fine = isinstance(offsets, list) and len(offsets) == 2 and all(map(is_count, offsets))
    check(fine and offsets[0] <= offsets[1], f"{name!r} has the data_offsets {offsets!r}")
    check(len(shape) <= 64, f"{name!r} has {len(shape)} dimensions; NumPy has 64")
    bits = _BITS.get(dtype) or 8 * KINDS[_NAMES[dtype]].size
    check(prod(max(n, 1) for n in shape) < 2**60, f"{name!r} has the shape {shape}, more than any memory holds")
    size, rest = divmod(prod(shape) * bits, 8)
    if rest or size != offsets[1] - offsets[0]:
        damaged(f"{name!r} is {dtype} of shape {shape}, so {size} bytes, and its data_offsets are {offsets}")
    return Info(dtype, tuple(shape), *offsets)


def _sum(name: str, dtype: str, shape: Any, data: Any) -> int:
    """Return the CRC-32 of a tensor and of what the header says of it."""
    return crc32(data, crc32(f"{name}\0{dtype}\0{list(shape)}".encode("utf-8", "surrogatepass")))


def read_state(container: Container, verify: bool = True) -> Any:
    """Return what `write_state` wrote; for files of other programs, a dict of the tensors in the order of the file."""

    def fetch(name: str) -> Any:
        if name + _COMPLEX128 in container.infos:
            return container.array(name + _COMPLEX128, verify).view(np.complex128)[..., 0]
        return container.array(name, verify)

    if TREE in container.metadata:
        return Decoder(fetch).decode(container.metadata[TREE])
    names = sorted(container.infos, key=lambda name: container.infos[name].begin)
    return {name: wrap(container.array(name, verify)) for name in names}


# The format has no complex128: such a tensor is written as float64 with one more dimension of 2.
_COMPLEX128 = "#complex128"


def write_state(file: BinaryIO, state: Any) -> None:
    """Write a state: its tensors by their names, the rest as metadata."""
    encoder = Encoder(state, lambda name: name != METADATA and not name.endswith(_COMPLEX128))
    arrays = {}
    for name, array in encoder.arrays.items():
        if array.dtype == np.complex128:
            name, array = name + _COMPLEX128, np.stack([array.real, array.imag], -1)
        arrays[name] = array
    write_arrays(file, arrays, {"format": "pt"}, encoder.text)


def write_arrays(file: BinaryIO, arrays: dict[str, Any], metadata: dict[str, str], tree: str | None = None) -> None:
    """Write contiguous arrays by name; raises `ValueError` for names and dtypes that the format has not."""
    header: dict[str, Any] = {METADATA: metadata} if metadata or tree else {}
    place, data, sums = 0, [], {}
    for name, array in sorted(arrays.items(), key=lambda item: (-_rank(*item), item[0])):
        array = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)
        code, raw = _CODE[array.dtype.name], as_bytes(array)
        header[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": [place, place + len(raw)]}
        if tree is not None:
            sums[name] = _sum(name, code, array.shape, raw)
        data.append(raw)
        place += len(raw)
    if tree is not None:
        text = json.dumps(sums, separators=(",", ":"))
        own = crc32((tree + text).encode("utf-8", "surrogatepass"))
        header[METADATA] = {**metadata, TREE: tree, SUMS: text, OWN_SUM: str(own)}
    encoded = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    encoded += b" " * (-len(encoded) % 8)
    if len(encoded) > MAX_HEADER:
        raise ValueError(
            f"cannot save the state: all that is no tensor takes {len(encoded)} bytes, and safetensors allows "
            f"{MAX_HEADER}; make tensors of long lists of numbers"
        )
    file.write(len(encoded).to_bytes(8, "little") + encoded)
    for raw in data:
        file.write(memoryview(raw))


def _rank(name: str, array: Any) -> int:
    if name == METADATA:
        raise ValueError(f"a tensor cannot have the name {METADATA!r}, which the format keeps for itself")
    if array.dtype.name not in _CODE:
        raise ValueError(f"safetensors has no {array.dtype.name}, which the tensor {name!r} is; convert it first")
    return _RANK[_CODE[array.dtype.name]]
