"""Singular values and eigenvalues, and what is read off them.

Rules are in PyTorch's complex convention. Sources: Townsend, "Differentiating the singular value decomposition" (2016);
Boeddeker et al., "On the computation of complex-valued gradients" (2017). Vectors are unique only up to a phase, so a
gradient exists for functions that do not depend on it.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import composite, store
from .linear_algebra import check_inexact, check_square, mH


def _column(x: Any) -> Any:
    return x[..., :, None]


def _row(x: Any) -> Any:
    return x[..., None, :]


def diagonal_matrix(x: Any) -> Any:
    """Return matrices with the last dim of `x` on their diagonals, of whatever kind of array."""
    return _column(x) * np.eye(x.shape[-1], dtype=x.dtype)


def _gaps(values: Any) -> Any:
    """Return the differences ``values[j] - values[i]``, with ones on the diagonal."""
    return _row(values) - _column(values) + np.eye(values.shape[-1], dtype=values.dtype)


def _diagonal(x: Any) -> Any:
    return np.diagonal(x, 0, -2, -1)


# -- Singular values -------------------------------------------------------------------------------------


class Svd(Function):
    """``A = U diag(S) Vh``; public through `linalg.svd`."""

    conjugates = False
    differentiable = ("A",)
    materialize = False  # with the gradient of S alone, equal singular values do no harm

    def forward(self, A: Any, full: bool = False) -> Any:
        U, S, Vh = np.linalg.svd(A, full_matrices=full)
        return U, S, Vh

    def backward(self, g, results):
        """Return the gradient; of full matrices, the columns beyond the singular values are constants."""
        (U, S, Vh), (gU, gS, gVh) = results, g
        k = S.shape[-1]
        U, Vh = U[..., :k], Vh[..., :k, :]
        gU = None if gU is None else gU[..., :k]
        gVh = None if gVh is None else gVh[..., :k, :]
        return (_svd_gradient(U, S, Vh, gU, gS, gVh),)


def _svd_gradient(U: Any, S: Any, Vh: Any, gU: Any, gS: Any, gVh: Any) -> Any:
    if gU is None and gVh is None:
        return (U * _row(gS)) @ Vh
    inner, gaps = 0, _gaps(S * S)
    if gU is not None:
        turn = mH(U) @ gU
        turn = turn - mH(turn)
        inner = (turn / gaps) * _row(S)
        if U.dtype.kind == "c" and gVh is not None:  # the phase that U and V share
            inner = inner + diagonal_matrix(_diagonal(turn) / (2 * S))
    if gVh is not None:
        turn = Vh @ mH(gVh)
        inner = inner + _column(S) * ((turn - mH(turn)) / gaps)
    if gS is not None:
        inner = inner + diagonal_matrix(gS)
    whole = U @ inner @ Vh
    if gU is not None and U.shape[-2] > S.shape[-1]:
        outside = gU / _row(S)
        whole = whole + (outside - U @ (mH(U) @ outside)) @ Vh
    if gVh is not None and Vh.shape[-1] > S.shape[-1]:
        outside = gVh / _column(S)
        whole = whole + U @ (outside - (outside @ mH(Vh)) @ Vh)
    return whole


SVD = namedtuple("SVD", "U S Vh")


@composite("linalg.svd", methods="")
def linalg_svd(A: Any, full_matrices: bool = True, *, driver: Any = None, out: Any = None) -> Any:
    """Return (U, S, Vh) with ``A = U diag(S) Vh``, singular values in descending order.

    Gradients exist where the singular values differ (of S alone, everywhere).
    See https://docs.pytorch.org/docs/stable/generated/torch.linalg.svd.html

    >>> import tapeless as tl
    >>> tl.linalg.svd(tl.tensor([[3.0, 0.0], [0.0, 4.0]])).S
    tensor([4., 3.])
    """
    _check_matrix("linalg.svd", A)
    if driver is not None:
        raise RuntimeError(
            "torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend."
        )
    triple = SVD(*Svd.apply(A, full_matrices))
    return triple if out is None else SVD(*store(tuple(triple), tuple(out), "linalg.svd"))


@composite("linalg.svdvals", methods="")
def svdvals(A: Any, *, driver: Any = None, out: Any = None) -> Any:
    """Return the singular values of each matrix, in descending order.

    >>> import tapeless as tl
    >>> tl.linalg.svdvals(tl.tensor([[3.0, 0.0], [0.0, 4.0]]))
    tensor([4., 3.])
    """
    _check_matrix("linalg.svd", A)
    result = Svd.apply(A, False)[1]
    return result if out is None else store(result, out, "linalg.svdvals")


OldSVD = namedtuple("OldSVD", "U S V")


@composite("svd")
def svd(input: Any, some: bool = True, compute_uv: bool = True, *, out: Any = None) -> Any:
    """Return (U, S, V) with ``input = U diag(S) V^H`` (the older form of `linalg.svd`).

    >>> import tapeless as tl
    >>> U, S, V = tl.svd(tl.tensor([[3.0, 0.0], [0.0, 4.0]]))
    >>> S
    tensor([4., 3.])
    """
    if input.ndim < 2:
        raise RuntimeError(
            f"linalg.svd: input should have at least 2 dimensions, but has {input.ndim} dimensions instead"
        )
    _check_matrix("linalg.svd", input)
    U, S, Vh = Svd.apply(input, not some)
    triple = OldSVD(U, S, Vh.mH)
    if not compute_uv:
        m, n = input.shape[-2:]
        batch = tuple(input.shape[:-2])
        triple = OldSVD(input.new_zeros((*batch, m, m)), S, input.new_zeros((*batch, n, n)))
    return triple if out is None else OldSVD(*store(tuple(triple), tuple(out), "svd"))


def _check_matrix(name: str, A: Any) -> None:
    if A.ndim < 2:
        raise RuntimeError(
            f"{name}: The input tensor A must have at least 2 dimensions.\nIts shape is {list(A.shape)}."
        )
    check_inexact(name, A)


# -- Eigenvalues -----------------------------------------------------------------------------------------


class Eigh(Function):
    """``A = V diag(L) V^H``; public through `linalg.eigh`."""

    conjugates = False
    differentiable = ("A",)
    materialize = False

    def forward(self, A: Any, UPLO: str = "L") -> Any:
        L, V = np.linalg.eigh(A, UPLO)
        return L, V

    def backward(self, g, results):
        """Return the gradient."""
        (L, V), (gL, gV) = results, g
        if gV is None:
            return ((V * _row(gL)) @ mH(V),)
        turn = mH(V) @ gV
        inner = (turn - diagonal_matrix(_diagonal(turn))) / _gaps(L)
        if gL is not None:
            inner = inner + diagonal_matrix(gL)
        return (V @ inner @ mH(V),)


EigenPairs = namedtuple("EigenPairs", "eigenvalues eigenvectors")


@composite("linalg.eigh", methods="")
def eigh(A: Any, UPLO: str = "L", *, out: Any = None) -> Any:
    """Return (eigenvalues in ascending order, eigenvectors as columns) of symmetric or Hermitian matrices.

    Only one triangle is read: the lower with `UPLO` "L", the upper with "U".
    See https://docs.pytorch.org/docs/stable/generated/torch.linalg.eigh.html

    >>> import tapeless as tl
    >>> tl.linalg.eigh(tl.tensor([[2.0, 1.0], [1.0, 2.0]])).eigenvalues
    tensor([1., 3.])
    """
    check_square("linalg.eigh", A)
    pair = EigenPairs(*Eigh.apply(A, _triangle("linalg.eigh", UPLO)))
    return pair if out is None else EigenPairs(*store(tuple(pair), tuple(out), "linalg.eigh"))


@composite("linalg.eigvalsh", methods="")
def eigvalsh(A: Any, UPLO: str = "L", *, out: Any = None) -> Any:
    """Return the eigenvalues of symmetric or Hermitian matrices, in ascending order.

    >>> import tapeless as tl
    >>> tl.linalg.eigvalsh(tl.tensor([[2.0, 1.0], [1.0, 2.0]]))
    tensor([1., 3.])
    """
    check_square("linalg.eigvalsh", A)
    result = Eigh.apply(A, _triangle("linalg.eigvalsh", UPLO))[0]
    return result if out is None else store(result, out, "linalg.eigvalsh")


def _triangle(name: str, UPLO: str) -> str:
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}\n{name}() was given it.")
    return UPLO.upper()


class Eig(Function):
    """``A = V diag(L) V^-1``; public through `linalg.eig`."""

    conjugates = False
    differentiable = ("A",)
    materialize = False

    def forward(self, A: Any) -> Any:
        if not np.isfinite(A).all():
            raise RuntimeError(
                "torch.linalg.eig: input tensor should not contain infs or NaNs.\nFind where they arise."
            )
        L, V = np.linalg.eig(A)
        kind = np.result_type(A.dtype, np.complex64)
        self.real = A.dtype.kind == "f"
        return L.astype(kind), V.astype(kind)

    def backward(self, g, results):
        """Return the gradient of vectors of length 1, as LAPACK makes them."""
        (L, V), (gL, gV) = results, g
        inner = 0 if gL is None else diagonal_matrix(gL)
        if gV is not None:
            turn = mH(V) @ gV
            turn = turn - (mH(V) @ V) * _row(_diagonal(turn).real)
            inner = inner + (turn - diagonal_matrix(_diagonal(turn))) / np.conj(_gaps(L))
        whole = np.linalg.solve(mH(V), inner @ mH(V))
        return (whole.real if self.real else whole,)


@composite("linalg.eig", methods="")
def eig(A: Any, *, out: Any = None) -> Any:
    """Return (eigenvalues, eigenvectors as columns of length 1) of square matrices; both complex.

    See https://docs.pytorch.org/docs/stable/generated/torch.linalg.eig.html

    >>> import tapeless as tl
    >>> tl.linalg.eig(tl.tensor([[0.0, -1.0], [1.0, 0.0]])).eigenvalues.abs()
    tensor([1., 1.])
    """
    check_square("linalg.eig", A)
    pair = EigenPairs(*Eig.apply(A))
    return pair if out is None else EigenPairs(*store(tuple(pair), tuple(out), "linalg.eig"))


@composite("linalg.eigvals", methods="")
def eigvals(A: Any, *, out: Any = None) -> Any:
    """Return the eigenvalues of square matrices; complex, in no particular order.

    >>> import tapeless as tl
    >>> tl.linalg.eigvals(tl.tensor([[0.0, -1.0], [1.0, 0.0]])).abs()
    tensor([1., 1.])
    """
    check_square("linalg.eigvals", A)
    result = Eig.apply(A)[0]
    return result if out is None else store(result, out, "linalg.eigvals")
