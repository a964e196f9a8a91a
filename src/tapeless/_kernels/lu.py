"""LU by elimination, of whole batches of matrices at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def eliminate(A: Any, pivot: bool) -> tuple[Any, Any]:
    """Return the factors in one matrix (L below the diagonal, U on and above it) and LAPACK's pivots, from 1.

    With `pivot`, step k swaps row k with the one that has the largest element in column k.
    """
    LU = np.array(A)
    m, n = LU.shape[-2:]
    k = min(m, n)
    flat = LU.reshape(math.prod(LU.shape[:-2]), m, n)
    every = np.arange(len(flat))
    pivots = np.tile(np.arange(1, k + 1, dtype=np.int32), (len(flat), 1))
    for j in range(k):
        if pivot and len(flat):
            column = flat[:, j:, j]
            # LAPACK measures complex numbers by the sum of their parts.
            size = np.abs(column.real) + np.abs(column.imag) if column.dtype.kind == "c" else np.abs(column)
            best = size.argmax(-1) + j
            pivots[:, j] = best + 1
            flat[every, j], flat[every, best] = flat[every, best], flat[every, j].copy()
        top = flat[:, j, j, None]
        flat[:, j + 1 :, j] /= np.where(top == 0, 1, top)
        flat[:, j + 1 :, j + 1 :] -= flat[:, j + 1 :, j, None] * flat[:, None, j, j + 1 :]
    return flat.reshape(LU.shape), pivots.reshape(*LU.shape[:-2], k)


def row_order(pivots: Any, m: int) -> Any:
    """Return the rows of A in the order in which swaps leave them: ``A[order] = L U``."""
    flat = pivots.reshape(math.prod(pivots.shape[:-1]), pivots.shape[-1])
    order = np.tile(np.arange(m), (len(flat), 1))
    every = np.arange(len(flat))
    for i in range(flat.shape[-1]):
        other = flat[:, i] - 1
        order[every, i], order[every, other] = order[every, other], order[every, i].copy()
    return order.reshape(*pivots.shape[:-1], m)
