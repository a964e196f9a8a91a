"""How loops are compiled: for one thread, cached on disk, with as much freedom for LLVM as the results allow."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from ..threads import pool

# Sums may be reordered, products and sums fused, divisions made multiplications by a reciprocal: all change the
# last bits only. Not `nnan`, `ninf` and `nsz`: loops must be right for NaN, infinity and -0, which training meets.
_FREEDOM = {"reassoc", "contract", "arcp"}


def _compile(function: Callable[..., Any], **options: Any) -> Any:
    """Compile for the types of each first call; for one thread, `_kernels.accelerated` says why."""
    options |= {"nogil": True, "error_model": "numpy"}  # without the lock; 1 / 0 is inf
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # there is no folder that Numba may write its cache to
        return numba.njit(**options)(function)


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a loop whose sums may be reordered."""
    return _compile(function, fastmath=_FREEDOM)


def compiled_exactly(function: Callable[..., Any]) -> Any:
    """Compile a function whose operations must stay in the order in which they are written."""
    return _compile(function, fastmath={"contract"})


def fits(first: Any, *others: Any) -> bool:
    """Whether arrays are what the loops are for: float32 or float64, all alike, in C order, of one shape."""
    dtype, shape = first.dtype, first.shape
    if dtype.char not in "fd" or not first.flags.c_contiguous:
        return False
    for other in others:
        if type(other) is not np.ndarray or other.dtype is not dtype or other.shape != shape:
            return False
        if not other.flags.c_contiguous:
            return False
    return True


_SHARE = 131072
"""Elements that are worth a thread: it takes up to 50 us to wake."""


def in_threads(loop: Any, count: int, elements: int, *args: Any) -> None:
    """Call ``loop(start, stop, *args)`` on ``range(count)``, in parts if that means so many elements."""
    spans = _spans(count, elements)
    if len(spans) == 1:
        loop(0, count, *args)
    else:
        pool.run(lambda span: loop(*span, *args), spans)


def each_element(loop: Any, cost: float, first: Any, *others: Any) -> None:
    """Call `loop` on flat views of arrays of one shape, or None, in parts if they are large; `cost` is in additions.

    The parts are slices, not indices from a start on: of those LLVM does not know that they are not negative, and
    looks at each, which is the end of vector instructions (1.6 in place of 0.6 ms for 100,000 values of GELU).
    """
    flat = [None if array is None else array.reshape(-1) for array in (first, *others)]
    spans = _spans(first.size, int(cost * first.size))
    if len(spans) == 1:
        loop(*flat)
    else:
        pool.run(lambda span: loop(*[None if array is None else array[slice(*span)] for array in flat]), spans)


def _spans(count: int, elements: int) -> list[tuple[int, int]]:
    parts = max(1, min(pool.size, elements // _SHARE, count))
    return list(itertools.pairwise([count * k // parts for k in range(parts + 1)]))
