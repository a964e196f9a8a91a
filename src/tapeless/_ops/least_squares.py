"""Pseudo-inverse, rank and least squares, by singular values."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import composite, store
from .._core.tensor_base import unwrap, wrap
from .._dtypes import int64, scalar_name
from .linear_algebra import check_inexact, check_square, mH


class PseudoInverse(Function):
    """The Moore-Penrose inverse; singular values up to `tolerance` count as 0. Public through `linalg.pinv`.

    Golub and Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems" (1973).
    """

    conjugates = False

    def forward(self, A: Any, atol: Any, rtol: Any, hermitian: bool) -> Any:
        if hermitian:
            values, vectors = np.linalg.eigh(A)
            left, size = mH(vectors), np.abs(values)
            right = vectors
        else:
            U, values, Vh = np.linalg.svd(A, full_matrices=False)
            left, size, right = mH(U), values, mH(Vh)
        keep = size > _tolerance(size, atol, rtol)[..., None]
        return (right * np.where(keep, 1 / np.where(keep, values, 1), 0)[..., None, :]) @ left

    def grad_A(self, g, A, result):
        turned, back = mH(result), mH(g)
        rows = np.eye(A.shape[-2], dtype=A.dtype) - A @ result
        columns = np.eye(A.shape[-1], dtype=A.dtype) - result @ A
        return -(turned @ g @ turned) + rows @ back @ result @ turned + turned @ result @ back @ columns


def _tolerance(values: Any, atol: Any, rtol: Any) -> Any:
    top = values.max(-1) if values.shape[-1] else np.zeros(values.shape[:-1], values.dtype)
    return np.maximum(atol, rtol * top)


def _tolerances(A: Any, atol: Any, rtol: Any) -> tuple[Any, Any]:
    """Return both as arrays; `rtol` is by default the precision times the longer side, or 0 beside an `atol`."""
    epsilon = np.finfo(A.dtype).eps * max(A.shape[-2:])
    atol = None if atol is None else np.asarray(unwrap(atol))
    if rtol is not None:
        return (0.0 if atol is None else atol), np.asarray(unwrap(rtol))
    return (0.0, epsilon) if atol is None else (atol, np.where(atol > 0, 0.0, epsilon))


@composite("linalg.pinv", methods="")
def pinv(
    A: Any, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None, out: Any = None
) -> Any:
    """Return the pseudo-inverse of each matrix: singular values up to ``max(atol, rtol * greatest)`` count as 0.

    See https://docs.pytorch.org/docs/stable/generated/torch.linalg.pinv.html

    >>> import tapeless as tl
    >>> tl.linalg.pinv(tl.tensor([[2.0, 0.0], [0.0, 0.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.0000]])
    """
    _check(A, "linalg.pinv")
    if hermitian:
        check_square("linalg.pinv", A)
    atol, rtol = _tolerances(A, atol, rcond if rtol is None else rtol)
    result = PseudoInverse.apply(A, atol, rtol, hermitian)
    return result if out is None else store(result, out, "linalg.pinv")


@composite("pinverse")
def pinverse(input: Any, rcond: float = 1e-15) -> Any:
    """Return `linalg.pinv` (the older name).

    >>> import tapeless as tl
    >>> tl.pinverse(tl.tensor([[2.0, 0.0], [0.0, 0.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.0000]])
    """
    return pinv(input, rcond)


def _check(A: Any, name: str) -> None:
    if A.ndim < 2:
        raise RuntimeError(
            f"{name}: The input tensor A must have at least 2 dimensions.\nIts shape is {list(A.shape)}."
        )
    check_inexact(name, A)


@composite("linalg.matrix_rank", methods="")
def matrix_rank(
    A: Any, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None, out: Any = None
) -> Any:
    """Return how many singular values of each matrix are greater than ``max(atol, rtol * greatest)``.

    See https://docs.pytorch.org/docs/stable/generated/torch.linalg.matrix_rank.html

    >>> import tapeless as tl
    >>> tl.linalg.matrix_rank(tl.eye(2))
    tensor(2)
    """
    _check(A, "linalg.matrix_rank")
    if tol is not None:
        atol, rtol = tol, 0.0
    if out is not None and out.dtype.kind not in "iufc":
        raise RuntimeError(
            f"Expected out tensor to have dtype {int64} or wider, but got {scalar_name(out.dtype)} instead"
        )
    atol, rtol = _tolerances(A, atol, rtol)
    plain = unwrap(A)
    values = np.abs(np.linalg.eigvalsh(plain)) if hermitian else np.linalg.svd(plain, compute_uv=False)
    count = np.count_nonzero(values > _tolerance(values, atol, rtol)[..., None], axis=-1)
    result = wrap(np.asarray(count, int64))
    return result if out is None else store(result, out, "linalg.matrix_rank")


LeastSquares = namedtuple("LeastSquares", "solution residuals rank singular_values")
DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


@composite("linalg.lstsq", methods="")
def lstsq(A: Any, B: Any, rcond: Any = None, *, driver: str | None = None, out: Any = None) -> Any:
    """Return (X that minimizes ``|A X - B|``, squared residuals, rank, singular values).

    All drivers go through singular values; which of the results are filled depends on `driver` as in PyTorch.
    See https://docs.pytorch.org/docs/stable/generated/torch.linalg.lstsq.html

    >>> import tapeless as tl
    >>> tl.linalg.lstsq(tl.tensor([[1.0], [1.0]]), tl.tensor([[1.0], [4.0]])).solution
    tensor([[2.5000]])
    """
    vector, driver = _check_lstsq(A, B, driver)
    right = B.unsqueeze(-1) if vector else B
    cut = np.finfo(A.dtype).eps * max(A.shape[-2:]) if rcond is None else rcond
    solution = PseudoInverse.apply(A, 0.0, cut, False) @ right
    values = np.linalg.svd(unwrap(A.detach()), compute_uv=False)
    rank = np.asarray(np.count_nonzero(values > _tolerance(values, 0.0, cut)[..., None], axis=-1), int64)
    rest = A @ solution - right
    residuals = (rest.abs() ** 2).sum(-2)
    if A.shape[-2] <= A.shape[-1] or driver == "gelsy" or (driver != "gels" and (rank < A.shape[-1]).any()):
        residuals = residuals.reshape(-1)[:0]
    result = LeastSquares(
        solution.squeeze(-1) if vector else solution,
        residuals,
        wrap(np.zeros((0,), int64) if driver == "gels" else rank),
        wrap(values if driver in ("gelsd", "gelss") else np.zeros((0,), values.dtype)),
    )
    return result if out is None else LeastSquares(*store(tuple(result), tuple(out), "linalg.lstsq"))


def _check_lstsq(A: Any, B: Any, driver: str | None) -> tuple[bool, str]:
    if A.ndim < 2:
        raise RuntimeError("torch.linalg.lstsq: input must have at least 2 dimensions.")
    if B.ndim < 1:
        raise RuntimeError("torch.linalg.lstsq: other must have at least 1 dimension.")
    if A.dtype != B.dtype:
        raise RuntimeError(
            f"torch.linalg.lstsq: Expected input and other to have the same dtype, but got input's dtype "
            f"{scalar_name(A.dtype)} and other's dtype {scalar_name(B.dtype)}"
        )
    check_inexact("torch.linalg.lstsq", A)
    if driver is not None and driver not in DRIVERS:
        raise RuntimeError(
            f"torch.linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)\nIt is {driver!r}."
        )
    vector = B.ndim == 1 or (A.ndim - 1 == B.ndim and tuple(B.shape) == tuple(A.shape[:-1]))
    rows = B.shape[-1] if vector else B.shape[-2]
    if rows != A.shape[-2]:
        raise RuntimeError(
            f"torch.linalg.lstsq: input.size(-2) should match other.size({-1 if vector else -2})\n"
            f"They are {A.shape[-2]} and {rows}."
        )
    return vector, driver or "gelsy"
