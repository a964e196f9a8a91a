"""Products of Householder reflections ``I - tau v v^H``, the form in which LAPACK keeps Q."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from .._core.registry import composite, store
from .._core.tensor_base import unwrap, wrap
from .._dtypes import scalar_name
from .linear_algebra import check_inexact


def _reflector(A: Any, i: int) -> Any:
    """Return v_i as a column: zeros, a one in row i, and column i of `A` below the diagonal."""
    m = A.shape[-2]
    unit = wrap(np.eye(m, 1, -i, dtype=A.dtype))
    return A[..., i : i + 1].tril(-i - 1) + unit


def _apply(A: Any, tau: Any, X: Any, order: Any, adjoint: bool = False) -> Any:
    """Multiply X from the left by the reflections in the given order, the first one last in the product."""
    for i in order:
        v, scale = _reflector(A, i), tau[..., i, None, None]
        X = X - v @ (v.mH @ X) * (scale.conj() if adjoint else scale)
    return X


def _check(name: str, A: Any, tau: Any) -> None:
    if A.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    check_inexact(name, A)
    if A.dtype != tau.dtype:
        raise RuntimeError(
            f"{name}: tau dtype {scalar_name(tau.dtype)} does not match input dtype {scalar_name(A.dtype)}"
        )
    if tuple(tau.shape[:-1]) != tuple(A.shape[:-2]) or tau.ndim != A.ndim - 1:
        raise RuntimeError(
            f"{name}: Expected batch dimensions of tau to be equal to input.shape[:-2], but got {list(tau.shape[:-1])}"
        )


@composite("linalg.householder_product orgqr", methods="orgqr")
def householder_product(A: Any, tau: Any, *, out: Any = None) -> Any:
    """Return the first columns of the product of the reflections in the columns of `A` below the diagonal.

    Shapes: `A` (*, m, n) with m >= n, `tau` (*, k) with k <= n; the result is like `A`.
    See https://docs.pytorch.org/docs/stable/generated/torch.linalg.householder_product.html

    >>> import tapeless as tl
    >>> h, tau = tl.geqrf(tl.tensor([[3.0], [4.0]]))
    >>> tl.linalg.householder_product(h, tau).abs()
    tensor([[0.6000],
            [0.8000]])
    """
    name = "torch.linalg.householder_product"
    _check(name, A, tau)
    m, n = A.shape[-2:]
    if m < n:
        raise RuntimeError(f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1]")
    if tau.shape[-1] > n:
        raise RuntimeError(f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1]")
    start = wrap(np.broadcast_to(np.eye(m, n, dtype=A.dtype), tuple(A.shape)).copy())
    if not tau.shape[-1]:
        start = start + (A * 0 + tau.sum() * 0)  # a constant, but one with a gradient: zeros
    result = _apply(A, tau, start, range(tau.shape[-1] - 1, -1, -1))
    return result if out is None else store(result, out, "linalg.householder_product")


QRParts = namedtuple("QRParts", "a tau")


@composite("geqrf")
def geqrf(input: Any, *, out: Any = None) -> Any:
    """Return (R above the diagonal and reflections below it, tau), as LAPACK's geqrf. No gradient.

    See https://docs.pytorch.org/docs/stable/generated/torch.geqrf.html

    >>> import tapeless as tl
    >>> a, tau = tl.geqrf(tl.tensor([[3.0, 1.0], [4.0, 2.0]]))
    >>> a.triu().abs()  # R, up to signs
    tensor([[5.0000, 2.2000],
            [0.0000, 0.4000]])
    """
    if input.ndim < 2:
        raise RuntimeError("torch.geqrf: input must have at least 2 dimensions.")
    check_inexact("torch.geqrf", input)
    array = unwrap(input.detach())
    if array.size:
        packed, tau = np.linalg.qr(array, "raw")
        packed = np.ascontiguousarray(np.swapaxes(packed, -1, -2))
    else:
        packed, tau = array.copy(), np.zeros((*array.shape[:-2], min(array.shape[-2:])), array.dtype)
    pair = QRParts(wrap(packed), wrap(tau))
    return pair if out is None else QRParts(*store(tuple(pair), tuple(out), "geqrf"))


@composite("ormqr")
def ormqr(input: Any, tau: Any, other: Any, left: bool = True, transpose: bool = False, *, out: Any = None) -> Any:
    """Return ``Q other`` (or ``other Q``; Q^H with `transpose`) for the whole Q that `geqrf` keeps in `input`, `tau`.

    See https://docs.pytorch.org/docs/stable/generated/torch.ormqr.html

    >>> import tapeless as tl
    >>> A = tl.tensor([[3.0, 1.0], [4.0, 2.0]])
    >>> a, tau = tl.geqrf(A)
    >>> tl.allclose(tl.ormqr(a, tau, a.triu()), A, atol=1e-6)
    True
    """
    _check("torch.ormqr", input, tau)
    if other.ndim < 2:
        raise RuntimeError("torch.ormqr: other must have at least 2 dimensions.")
    if other.shape[-2 if left else -1] != input.shape[-2]:
        raise RuntimeError(
            f"torch.ormqr: other.shape[{-2 if left else -1}] must be equal to input.shape[-2]\n"
            f"They are {other.shape[-2 if left else -1]} and {input.shape[-2]}."
        )
    if tau.shape[-1] != min(other.shape[-2 if left else -1], input.shape[-1]):
        raise RuntimeError(
            f"torch.ormqr: tau.shape[-1] must be equal to min(other.shape[{-2 if left else -1}], input.shape[-1])\n"
            f"It is {tau.shape[-1]}, and the others are {other.shape[-2 if left else -1]} and {input.shape[-1]}."
        )
    if not left:  # C Q = (Q^H C^H)^H
        result = ormqr(input, tau, other.mH, True, not transpose).mH
    else:
        count = tau.shape[-1]
        order = range(count) if transpose else range(count - 1, -1, -1)
        result = _apply(input, tau, other, order, adjoint=transpose)
        result = result.clone() if result is other else result
    return result if out is None else store(result, out, "ormqr")
