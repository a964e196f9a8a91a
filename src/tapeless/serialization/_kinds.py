"""Element kinds as files name them, and the kinds that NumPy lacks, decoded to float32.

bfloat16 is the upper half of a float32. Floats of 8 bits follow the Open Compute Project's formats
(https://arxiv.org/abs/2209.05433) and their FNUZ variants (https://arxiv.org/abs/2206.02915); E8M0 is a power of two.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ._error import damaged, is_count
from ._source import as_dtype


class Kind(NamedTuple):
    """How elements stand in a file: `stored` is their dtype there, `decode` makes what NumPy has of them."""

    name: str
    stored: Any
    decode: Callable[[Any], Any] | None = None
    pieces: int = 1  # a complex number is two

    @property
    def size(self) -> int:
        """The bytes of one element."""
        return int(self.stored.itemsize) * self.pieces

    def read(self, data: Any, swap: bool = False) -> Any:
        """Return the elements in `data`, an array of bytes, sharing its memory where nothing has to change."""
        unit = self.stored.newbyteorder("<") if self.stored.itemsize > 1 else self.stored
        if swap:  # complex numbers swap as their two halves, which NumPy's byte order does, too
            unit = unit.newbyteorder(">")
        array = as_dtype(data, unit)
        if not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder("="))
        return array if self.decode is None else self.decode(array)


def _bfloat16(bits: Any) -> Any:
    wide = bits.astype(np.uint32)
    wide <<= 16
    return wide.view(np.float32)


def _complex32(halves: Any) -> Any:
    return halves.astype(np.float32).view(np.complex64)


@cache
def float8_table(exponent: int, mantissa: int, bias: int, nan: str) -> Any:
    """Return the values of the 256 bit patterns of an 8-bit float.

    `nan` says which are no numbers: "ieee" keeps the highest exponent for infinities and NaNs, "fn" has one NaN (all
    ones) in either sign and no infinity, "fnuz" one NaN where minus zero would be.

    >>> float(float8_table(4, 3, 7, "fn")[0x7E])
    448.0
    """
    code = np.arange(256)
    field, fraction = (code >> mantissa) & (2**exponent - 1), code & (2**mantissa - 1)
    normal = (1 + fraction / 2**mantissa) * 2.0 ** (field - bias)
    value = np.where(field > 0, normal, fraction / 2**mantissa * 2.0 ** (1 - bias)) * np.where(code >> 7, -1.0, 1.0)
    magnitude = code & 0x7F
    if nan == "fnuz":
        value = np.where(code == 0x80, np.nan, value)
    elif nan == "fn":
        value = np.where(magnitude == 0x7F, np.nan, value)
    else:
        infinity = (2**exponent - 1) << mantissa
        value = np.where(magnitude == infinity, np.copysign(np.inf, value), value)
        value = np.where(magnitude > infinity, np.nan, value)
    return value.astype(np.float32)


def _float8(*form: Any) -> Callable[[Any], Any]:
    return lambda code: float8_table(*form)[code]


def _e8m0(code: Any) -> Any:
    value = np.ldexp(np.float32(1), code.astype(np.int32) - 127)
    return np.where(code == 255, np.float32(np.nan), value)


_PLAIN = "bool uint8 int8 int16 uint16 float16 int32 uint32 float32 complex64 float64 int64 uint64 complex128".split()

# By the names that PyTorch gives its dtypes.
KINDS = {name: Kind(name, np.dtype(name)) for name in _PLAIN} | {
    "bfloat16": Kind("bfloat16", np.dtype("uint16"), _bfloat16),
    "complex32": Kind("complex32", np.dtype("float16"), _complex32, 2),
    "float8_e4m3fn": Kind("float8_e4m3fn", np.dtype("uint8"), _float8(4, 3, 7, "fn")),
    "float8_e5m2": Kind("float8_e5m2", np.dtype("uint8"), _float8(5, 2, 15, "ieee")),
    "float8_e4m3fnuz": Kind("float8_e4m3fnuz", np.dtype("uint8"), _float8(4, 3, 8, "fnuz")),
    "float8_e5m2fnuz": Kind("float8_e5m2fnuz", np.dtype("uint8"), _float8(5, 2, 16, "fnuz")),
    "float8_e8m0fnu": Kind("float8_e8m0fnu", np.dtype("uint8"), _e8m0),
}
"""Every kind of element that can be read, by PyTorch's name of the dtype."""


def strided(flat: Any, size: Any, stride: Any, offset: Any) -> Any:
    """Return the view of `flat` by sizes, strides and offset in elements, once all of it is known to lie inside.

    Raises `FileError` for anything that reaches out of `flat`, or that no tensor could have.

    >>> strided(np.arange(6), (3, 2), (1, 3), 0)
    array([[0, 3],
           [1, 4],
           [2, 5]])
    """
    if len(size) != len(stride) or len(size) > 64 or not all(map(is_count, (*size, *stride, offset))):
        damaged(f"no tensor has sizes {_few(size)}, strides {_few(stride)} and offset {offset!r}")
    if prod(max(n, 1) for n in size) * flat.itemsize >= 2**62:
        damaged(f"a tensor of sizes {_few(size)} is more than any memory holds")
    if 0 in size:
        return np.empty(size, flat.dtype)
    last = offset + sum([(n - 1) * step for n, step in zip(size, stride)])
    if last >= len(flat):
        damaged(
            f"a tensor of sizes {_few(size)}, strides {_few(stride)} and offset {offset} reaches element {last} of a "
            f"storage of {len(flat)}"
        )
    steps = [step * flat.itemsize if n > 1 else flat.itemsize for n, step in zip(size, stride)]
    return np.ndarray(size, flat.dtype, flat, offset * flat.itemsize, steps)


def _few(numbers: Any) -> str:
    text = str(list(numbers[:8]))
    return text if len(numbers) <= 8 and len(text) < 200 else text[:200] + "..."
