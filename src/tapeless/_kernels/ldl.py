"""LDL of symmetric and Hermitian matrices, in LAPACK's compact form (Bunch and Kaufman, 1977), lower triangle."""

from __future__ import annotations

from typing import Any

import numpy as np

from .optional import scipy


def factor(A: Any, hermitian: bool) -> tuple[Any, Any, Any]:
    """Return L and D in one matrix, pivots and LAPACK's report, for each matrix of a batch."""
    complex_ = A.dtype.kind == "c"
    routine = f"{'he' if hermitian and complex_ else 'sy'}trf"
    (run,) = scipy("linalg", "linalg.ldl_factor").get_lapack_funcs((routine,), (A,))
    n = A.shape[-1]
    LD = np.zeros(A.shape, A.dtype)
    pivots = np.zeros(A.shape[:-1], np.int32)
    info = np.zeros(A.shape[:-2], np.int32)
    for place in np.ndindex(*A.shape[:-2]):
        if n:
            whole, found, report = run(A[place], lower=1)
            LD[place], pivots[place], info[place] = np.tril(whole), found, report
    return LD, pivots, info


def solve(LD: Any, pivots: Any, B: Any, hermitian: bool) -> Any:
    """Return X with ``L D L^T X = B`` (L^H with `hermitian`), one matrix after the other."""
    batch = np.broadcast_shapes(LD.shape[:-2], B.shape[:-2])
    LD = np.broadcast_to(LD, (*batch, *LD.shape[-2:]))
    pivots = np.broadcast_to(pivots, (*batch, pivots.shape[-1]))
    X = np.broadcast_to(B, (*batch, *B.shape[-2:])).copy()
    for place in np.ndindex(*batch):
        _solve_one(LD[place], pivots[place], X[place], hermitian)
    return X


def _solve_one(LD: Any, pivots: Any, X: Any, hermitian: bool) -> None:
    """Undo the swaps, L and D from the top, then the transpose of L from the bottom; a negative pivot marks a 2x2
    block."""
    turn = np.conj if hermitian else (lambda x: x)
    blocks, k, n = [], 0, len(pivots)
    while k < n:
        size = 1 if pivots[k] > 0 else 2
        blocks.append((k, size))
        k += size
    for k, size in blocks:
        last = k + size - 1
        _swap(X, last, abs(pivots[k]) - 1)
        X[last + 1 :] -= LD[last + 1 :, k : last + 1] @ X[k : last + 1]
        D = LD[k : last + 1, k : last + 1].copy()
        if size == 2:
            D[0, 1] = turn(D[1, 0])
        if hermitian and D.dtype.kind == "c":
            np.fill_diagonal(D, D.diagonal().real)
        X[k : last + 1] = np.linalg.solve(D, X[k : last + 1])
    for k, size in reversed(blocks):
        last = k + size - 1
        X[k : last + 1] -= turn(LD[last + 1 :, k : last + 1]).T @ X[last + 1 :]
        _swap(X, last, abs(pivots[k]) - 1)


def _swap(X: Any, i: int, j: int) -> None:
    if i != j:
        X[[i, j]] = X[[j, i]]
