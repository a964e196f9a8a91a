"""How loops are compiled: for one thread, cached on disk, with as much freedom for LLVM as the results allow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

# Sums may be reordered, products and sums fused, divisions made multiplications by a reciprocal: all change the
# last bit only. Not `nnan` and `ninf`: loops must be right for NaN and infinity, which training meets.
_FREEDOM = {"reassoc", "contract", "arcp", "nsz"}


def _compile(function: Callable[..., Any], **options: Any) -> Any:
    """Compile for the types of each first call. One thread: see `_kernels.accelerated` for why."""
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
