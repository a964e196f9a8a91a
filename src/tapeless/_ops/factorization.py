"""Factorizations of matrices: Cholesky, QR, LU, LDL, and triangular equations.

Rules are in PyTorch's complex convention, with conjugate transposes. Sources: Murray, "Differentiation of the Cholesky
decomposition" (2016); Roberts and Roberts, "QR and LQ decomposition matrix backpropagation algorithms" (2020).
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import composite, store
from .._core.tensor_base import unwrap, wrap
from .._dtypes import int32
from .._kernels.dispatch import kernel
from .linear_algebra import LinAlgError, check_inexact, check_square, mH


def _half(x: Any) -> Any:
    """Return the lower triangle with half of the diagonal."""
    n = x.shape[-1]
    weights = np.tril(np.ones((n, n)), -1) + 0.5 * np.eye(n)
    return x * weights.astype(x.real.dtype)


class Cholesky(Function):
    """The lower factor L of ``A = L L^H``; public through `linalg.cholesky`."""

    numpy = np.linalg.cholesky
    conjugates = False

    def forward(self, A: Any) -> Any:
        try:
            result = np.linalg.cholesky(A)
            # LAPACK's own Cholesky notices NaN among the pivots, OpenBLAS's does not.
            failed = not np.isfinite(np.diagonal(result, 0, -2, -1)).all() and _failing_minor(A) is not None
        except np.linalg.LinAlgError:
            failed = True
        if failed:
            batch, minor = _failing_minor(A) or (0, 1)
            raise LinAlgError(
                f"linalg.cholesky: {f'(Batch element {batch}): ' if A.ndim > 2 else ''}The factorization could not be "
                "completed because the input is not positive-definite (the leading minor of order "
                f"{minor} is not positive-definite)."
            )
        return result

    def grad_A(self, g, result):
        inner = _half(mH(result) @ g)
        back = solve_triangle(mH(result), inner, True, False)  # L^-H inner, then that times L^-1
        whole = mH(solve_triangle(mH(result), mH(back), True, False))
        return (whole + mH(whole)) * 0.5


def _failing_minor(a: Any) -> tuple[int, int] | None:
    """Return which matrix is the first that is not positive definite, and the order of its first such minor."""
    pivots = map(_bad_pivot, np.asarray(a).reshape(-1, *a.shape[-2:]))
    return next(((i, k) for i, k in enumerate(pivots) if k), None)


def _bad_pivot(matrix: Any) -> int:
    """Return the order of the first minor that is not positive, by elimination, else 0."""
    rest = np.array(matrix)
    with np.errstate(all="ignore"):
        for k in range(len(rest)):
            pivot = rest[k, k].real
            if not pivot > 0:
                return k + 1
            column = rest[k + 1 :, k] / np.sqrt(pivot)
            rest[k + 1 :, k + 1 :] -= np.outer(column, column.conj())
    return 0


@composite("linalg.cholesky", methods="")
def linalg_cholesky(A: Any, *, upper: bool = False, out: Any = None) -> Any:
    """Return L with ``A = L L^H`` (or U with ``A = U^H U``) of positive-definite matrices; raises LinAlgError else.

    See https://docs.pytorch.org/docs/stable/generated/torch.linalg.cholesky.html

    >>> import tapeless as tl
    >>> tl.linalg.cholesky(tl.tensor([[4.0]]))
    tensor([[2.]])
    """
    check_square("linalg.cholesky", A)
    L = Cholesky.apply(A)
    result = L.mH if upper else L
    return result if out is None else store(result, out, "linalg.cholesky")


@composite("cholesky")
def cholesky(input: Any, upper: bool = False, *, out: Any = None) -> Any:
    """Return `linalg.cholesky` (the older name).

    >>> import tapeless as tl
    >>> tl.linalg.cholesky(tl.tensor([[4.0, 2.0], [2.0, 5.0]]))  # the name that PyTorch prefers
    tensor([[2., 0.],
            [1., 2.]])
    """
    check_square("cholesky", input)
    return linalg_cholesky(input, upper=upper, out=out)


CholeskyEx = namedtuple("CholeskyEx", "L info")


@composite("linalg.cholesky_ex", methods="")
def cholesky_ex(A: Any, *, upper: bool = False, check_errors: bool = False, out: Any = None) -> Any:
    """Return (`linalg.cholesky`, info): info is 0 where it succeeded, else the order of the minor that failed.

    >>> import tapeless as tl
    >>> L, info = tl.linalg.cholesky_ex(tl.tensor([[4.0, 2.0], [2.0, 5.0]]))
    >>> L, info
    (tensor([[2., 0.],
            [1., 2.]]), tensor(0, dtype=torch.int32))
    """
    check_square("linalg.cholesky_ex", A)
    try:
        pair = CholeskyEx(linalg_cholesky(A, upper=upper), wrap(np.zeros(tuple(A.shape)[:-2], int32)))
    except LinAlgError:
        if check_errors:
            raise
        info = np.array([_failing_or_zero(a) for a in unwrap(A).reshape(-1, *A.shape[-2:])], int32)
        pair = CholeskyEx(A.tril() if not upper else A.triu(), wrap(info.reshape(tuple(A.shape)[:-2])))
    return pair if out is None else CholeskyEx(*store(tuple(pair), tuple(out), "linalg.cholesky_ex"))


def _failing_or_zero(a: Any) -> int:
    """Return the order of the first minor that is not positive, else 0, as the factorization itself sees it."""
    try:
        if np.isfinite(np.diagonal(np.linalg.cholesky(a))).all():
            return 0
    except np.linalg.LinAlgError:
        return _bad_pivot(a) or 1
    return _bad_pivot(a)


@composite("cholesky_inverse")
def cholesky_inverse(L: Any, upper: bool = False, *, out: Any = None) -> Any:
    """Return the inverse of the matrix whose Cholesky factor is given.

    >>> import tapeless as tl
    >>> tl.cholesky_inverse(tl.tensor([[2.0, 0.0], [1.0, 4.0]]))
    tensor([[ 0.2656, -0.0312],
            [-0.0312,  0.0625]])
    """
    check_square("cholesky_inverse", L)
    factor = L.triu().mH if upper else L.tril()
    inverse = factor.inverse()
    result = inverse.mH @ inverse
    return result if out is None else store(result, out, "cholesky_inverse")


@composite("cholesky_solve")
def cholesky_solve(B: Any, L: Any, upper: bool = False, *, out: Any = None) -> Any:
    """Return X with ``A X = B``, where L is the Cholesky factor of A.

    >>> import tapeless as tl
    >>> tl.cholesky_solve(tl.tensor([[8.0], [32.0]]), tl.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[2.],
            [2.]])
    """
    if B.ndim < 2:
        raise RuntimeError(f"b should have at least 2 dimensions, but has {B.ndim} dimensions instead")
    if L.ndim < 2:
        raise RuntimeError(f"u should have at least 2 dimensions, but has {L.ndim} dimensions instead")
    if L.shape[-1] != L.shape[-2]:
        raise RuntimeError(
            f"A must be batches of square matrices, but they are {L.shape[-2]} by {L.shape[-1]} matrices"
        )
    if B.shape[-2] != L.shape[-1]:
        raise RuntimeError(
            f"Incompatible matrix sizes for cholesky_solve: each A matrix is {L.shape[-1]} by {L.shape[-1]} but each b "
            f"matrix is {B.shape[-2]} by {B.shape[-1]}"
        )
    factor = L.triu().mH if upper else L.tril()
    half = triangular(factor, B, upper=False)
    result = triangular(factor.mH, half, upper=True)
    return result if out is None else store(result, out, "cholesky_solve")


# -- Triangular equations --------------------------------------------------------------------------------


@kernel
def solve_triangle(A: Any, B: Any, upper: bool, unit: bool) -> Any:
    """Return X with ``A X = B`` by substitution, one row after the other, for whole batches; only a triangle is
    read."""
    n = A.shape[-1]
    shape = (*np.broadcast_shapes(A.shape[:-2], B.shape[:-2]), n, B.shape[-1])
    X = np.zeros(shape, np.result_type(A, B))
    order = range(n - 1, -1, -1) if upper else range(n)
    for i in order:
        done = slice(i + 1, n) if upper else slice(0, i)
        row = B[..., i, :] - np.squeeze(A[..., i : i + 1, done] @ X[..., done, :], -2)
        X[..., i, :] = row if unit else row / A[..., i, i, None]
    return X


class SolveTriangle(Function):
    """``A^-1 B`` of triangular A; public through `linalg.solve_triangular`."""

    numpy = staticmethod(solve_triangle)
    conjugates = False

    def forward(self, A: Any, B: Any, upper: bool, unit: bool) -> Any:
        self.upper, self.unit = upper, unit
        return solve_triangle(A, B, upper, unit)

    def grad_A(self, g, A, result):
        back = solve_triangle(mH(A), g, not self.upper, self.unit)
        whole = -(back @ mH(result))
        if self.upper:
            return np.triu(whole, 1 if self.unit else 0)
        return np.tril(whole, -1 if self.unit else 0)

    def grad_B(self, g, A):
        return solve_triangle(mH(A), g, not self.upper, self.unit)


def triangular(A: Any, B: Any, *, upper: bool, unit: bool = False) -> Any:
    """Return X with ``A X = B``."""
    return SolveTriangle.apply(A, B, upper, unit)


@composite("linalg.solve_triangular", methods="")
def solve_triangular(
    A: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False, out: Any = None
) -> Any:
    """Return X with ``A X = B`` (or ``X A = B``) for triangular A, of which only that triangle is read.

    >>> import tapeless as tl
    >>> tl.linalg.solve_triangular(tl.tensor([[2.0]]), tl.tensor([[4.0]]), upper=True)
    tensor([[2.]])
    """
    check_square("linalg.solve_triangular", A)
    if B.ndim < 2:
        raise RuntimeError("linalg.solve_triangular: The input tensor B must have at least 2 dimensions.")
    if left:
        result = triangular(A, B, upper=upper, unit=unitriangular)
    else:
        result = triangular(A.mT, B.mT, upper=not upper, unit=unitriangular).mT
    return result if out is None else store(result, out, "linalg.solve_triangular")


TriangularSolve = namedtuple("TriangularSolve", "solution cloned_coefficient")


@composite("triangular_solve")
def triangular_solve(
    b: Any, A: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False, *, out: Any = None
) -> Any:
    """Return (X with ``A X = b``, A); the older form of `linalg.solve_triangular`.

    >>> import tapeless as tl
    >>> b, A = tl.tensor([[2.0], [7.0]]), tl.tensor([[1.0, 0.0], [3.0, 1.0]])
    >>> tl.linalg.solve_triangular(A, b, upper=False)  # the name that PyTorch prefers
    tensor([[2.],
            [1.]])
    """
    for name, x in (("b", b), ("A", A)):
        if x.ndim < 2:
            raise RuntimeError(
                f"torch.triangular_solve: Expected {name} to have at least 2 dimensions, but it has {x.ndim} "
                "dimensions instead"
            )
    check_square("triangular_solve", A)
    matrix = A.mT if transpose else A
    X = triangular(matrix, b, upper=upper != transpose, unit=unitriangular)
    pair = TriangularSolve(X, A.clone())
    return pair if out is None else TriangularSolve(*store(tuple(pair), tuple(out), "triangular_solve"))


# -- QR --------------------------------------------------------------------------------------------------


def _plain_qr(A: Any, mode: str) -> tuple[Any, Any]:
    """Return Q and R of arrays, also of empty ones."""
    if A.shape[-1] and A.shape[-2]:
        return np.linalg.qr(A, "complete" if mode == "complete" else "reduced")
    m, n = A.shape[-2:]
    columns = m if mode == "complete" else min(m, n)
    Q = np.broadcast_to(np.eye(m, columns, dtype=A.dtype), (*A.shape[:-2], m, columns)).copy()
    return Q, np.zeros((*A.shape[:-2], columns, n), A.dtype)


def _qr(A: Any, mode: str) -> tuple[Any, Any]:
    """Return Q and R with their gradient: Gram-Schmidt on the numbers that LAPACK found.

    ``A = Q R`` determines R by Cholesky of ``A^H A`` up to phases, which the plain factors fix.
    """
    m, n = A.shape[-2:]
    Q, R = (wrap(np.asarray(x)) for x in _plain_qr(unwrap(A.detach()), mode))
    if not A.requires_grad or not A.numel():
        zero = (A * 0).sum() if A.requires_grad else 0
        return (Q + zero, R + zero) if A.requires_grad else (Q, R)
    k = min(m, n)
    if mode == "complete" and m > n:
        raise RuntimeError("The QR decomposition is not differentiable when mode='complete' and nrows > ncols")
    head = A[..., :k]
    phase = wrap(_phases(unwrap(R)[..., :k, :k]))
    square = Cholesky.apply(_hermitian(head.mH @ head)).mH * phase.unsqueeze(-1)
    Q1 = triangular(square.mH, head.mH, upper=False).mH
    R1 = square if n <= m else np.concatenate([square, Q1.mH @ A[..., k:]], -1)
    return _keep(Q1, Q), _keep(R1, R)


def _hermitian(x: Any) -> Any:
    return (x + x.mH) * 0.5


def _phases(R: Any) -> Any:
    diagonal = np.diagonal(R, 0, -2, -1)
    size = np.abs(diagonal)
    return np.where(size == 0, 1, diagonal / np.where(size == 0, 1, size))


def _keep(x: Any, exact: Any) -> Any:
    """Return a tensor with the exact values and the gradient of `x`."""
    return x + (exact - x.detach())


QR = namedtuple("QR", "Q R")


@composite("linalg.qr", methods="")
def linalg_qr(A: Any, mode: str = "reduced", *, out: Any = None) -> Any:
    """Return (Q, R) with ``A = Q R``, Q with orthonormal columns; `mode`: "reduced", "complete" or "r".

    See https://docs.pytorch.org/docs/stable/generated/torch.linalg.qr.html

    >>> import tapeless as tl
    >>> tl.linalg.qr(tl.tensor([[2.0]])).R.abs()
    tensor([[2.]])
    """
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'"
        )
    if A.ndim < 2:
        raise RuntimeError("linalg.qr: The input tensor A must have at least 2 dimensions.")
    check_inexact("linalg.qr", A)
    if mode == "r" and A.requires_grad:
        raise RuntimeError(
            "linalg_qr_backward: The derivative of qr is not implemented when mode='r'. Use mode='reduced' and drop Q."
        )
    Q, R = _qr(A, mode)
    pair = QR(Q.new_zeros((0,)) if mode == "r" else Q, R)
    return pair if out is None else QR(*store(tuple(pair), tuple(out), "linalg.qr"))


@composite("qr")
def qr(input: Any, some: bool = True, *, out: Any = None) -> Any:
    """Return `linalg.qr` (the older name); not `some` means complete.

    >>> import tapeless as tl
    >>> Q, R = tl.linalg.qr(tl.tensor([[3.0, 1.0], [4.0, 2.0]]))  # the name that PyTorch prefers
    >>> tl.allclose(Q @ R, tl.tensor([[3.0, 1.0], [4.0, 2.0]]))
    True
    """
    return linalg_qr(input, "reduced" if some else "complete", out=out)
