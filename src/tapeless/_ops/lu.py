"""LU and LDL factorizations, and equations solved with them.

Source of the rule: Giles, "Collected matrix derivative results" (2008); pivots are constants in it.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import FUNCTIONS, composite, store
from .._core.tensor_base import unwrap, wrap
from .._dtypes import int32
from .._kernels import ldl, lu as kernels
from .._kernels.dispatch import kernel
from .factorization import solve_triangle, triangular
from .linear_algebra import LinAlgError, check_inexact, check_square, mH


@kernel
def eliminate(A: Any) -> Any:
    """Return L and U in one matrix, of square matrices whose rows need no swaps."""
    return kernels.eliminate(A, False)[0]


class Eliminate(Function):
    """``A = L U`` of square matrices, both factors in one."""

    numpy = staticmethod(eliminate)
    conjugates = False

    def forward(self, A: Any) -> Any:
        return eliminate(A)

    def grad_A(self, g, result):
        lower = np.tril(result, -1) + np.eye(result.shape[-1], dtype=result.dtype)
        upper = np.triu(result)
        inner = np.tril(mH(lower) @ np.tril(g, -1), -1) + np.triu(np.triu(g) @ mH(upper))
        half = solve_triangle(mH(lower), inner, True, True)
        return mH(solve_triangle(upper, mH(half), True, False))


def _factor(A: Any) -> tuple[Any, Any]:
    """Return L and U in one matrix, and the pivots, with the gradient that A asks for."""
    packed, pivots = kernels.eliminate(unwrap(A.detach()), True)
    if not A.requires_grad or not A.numel():
        return wrap(packed) + ((A * 0).sum() if A.requires_grad else 0), wrap(pivots)
    m, n = A.shape[-2:]
    k = min(m, n)
    A = A.take_along_dim(wrap(kernels.row_order(pivots, m))[..., None], -2)
    square = Eliminate.apply(A[..., :k, :k])
    if m > n:
        below = triangular(square.mT, A[..., k:, :].mT, upper=False).mT
        return FUNCTIONS["cat"]([square, below], -2), wrap(pivots)
    if n > m:
        beside = triangular(square, A[..., k:], upper=False, unit=True)
        return FUNCTIONS["cat"]([square, beside], -1), wrap(pivots)
    return square, wrap(pivots)


def _check(name: str, A: Any, pivot: bool) -> None:
    if A.ndim < 2:
        raise RuntimeError(f"{name}: Expected tensor with 2 or more dimensions. Got size: {list(A.shape)} instead")
    check_inexact(name, A)
    if not pivot:
        raise RuntimeError(f"{name}: LU without pivoting is not implemented on the CPU")


LUFactor = namedtuple("LUFactor", "LU pivots")
LUFactorEx = namedtuple("LUFactorEx", "LU pivots info")


def _info(LU: Any) -> Any:
    """Return for each matrix the place (from 1) of the first zero on U's diagonal, 0 where there is none."""
    zero = np.diagonal(unwrap(LU.detach()), 0, -2, -1) == 0
    first = zero.argmax(-1) + 1 if zero.shape[-1] else np.zeros(zero.shape[:-1], int)
    return np.where(zero.any(-1), first, 0).astype(int32)


@composite("linalg.lu_factor", methods="")
def lu_factor(A: Any, *, pivot: bool = True, out: Any = None) -> Any:
    """Return (L and U in one matrix, pivots from 1) of each matrix. Raises LinAlgError where U is singular.

    See https://docs.pytorch.org/docs/stable/generated/torch.linalg.lu_factor.html

    >>> import tapeless as tl
    >>> tl.linalg.lu_factor(tl.tensor([[0.0, 1.0], [2.0, 0.0]])).pivots
    tensor([2, 2], dtype=torch.int32)
    """
    pair = lu_factor_ex(A, pivot=pivot, check_errors=True)[:2]
    return LUFactor(*(pair if out is None else store(tuple(pair), tuple(out), "linalg.lu_factor")))


@composite("linalg.lu_factor_ex", methods="")
def lu_factor_ex(A: Any, *, pivot: bool = True, check_errors: bool = False, out: Any = None) -> Any:
    """Return (`lu_factor`, info): info is where U has its first zero on the diagonal, from 1; 0 without.

    >>> import tapeless as tl
    >>> LU, pivots, info = tl.linalg.lu_factor_ex(tl.tensor([[4.0, 3.0], [2.0, 1.0]]))
    >>> info
    tensor(0, dtype=torch.int32)
    """
    _check("linalg.lu_factor", A, pivot)
    LU, pivots = _factor(A)
    info = _info(LU)
    if check_errors and info.any():
        raise LinAlgError(
            f"torch.linalg.lu_factor: U[{info.max()},{info.max()}] is zero and using it on lu_solve would result in a "
            "division by zero. If you still want to perform the factorization, consider calling linalg.lu(A, pivot) or "
            "linalg.lu_factor_ex(A, pivot)"
        )
    result = (LU, pivots, wrap(info))
    return LUFactorEx(*(result if out is None else store(result, tuple(out), "linalg.lu_factor_ex")))


@composite("lu")
def lu(input: Any, pivot: bool = True, get_infos: bool = False, out: Any = None) -> Any:
    """Return (LU, pivots), with `get_infos` also info (the older form of `linalg.lu_factor_ex`).

    >>> import tapeless as tl
    >>> LU, pivots = tl.linalg.lu_factor(tl.tensor([[4.0, 3.0], [2.0, 1.0]]))  # the name that PyTorch prefers
    >>> LU, pivots
    (tensor([[ 4.0000,  3.0000],
            [ 0.5000, -0.5000]]), tensor([1, 2], dtype=torch.int32))
    """
    result = tuple(lu_factor_ex(input, pivot=pivot))
    result = result if get_infos else result[:2]
    return result if out is None else store(result, tuple(out), "lu")


LUParts = namedtuple("LUParts", "P L U")


@composite("linalg.lu", methods="")
def linalg_lu(A: Any, *, pivot: bool = True, out: Any = None) -> Any:
    """Return (P, L, U) with ``A = P L U``.

    See https://docs.pytorch.org/docs/stable/generated/torch.linalg.lu.html

    >>> import tapeless as tl
    >>> tl.linalg.lu(tl.tensor([[0.0, 1.0], [2.0, 0.0]])).U
    tensor([[2., 0.],
            [0., 1.]])
    """
    _check("linalg.lu", A, pivot)
    result = lu_unpack(*_factor(A))
    return result if out is None else LUParts(*store(tuple(result), tuple(out), "linalg.lu"))


@composite("lu_unpack", methods="")
def lu_unpack(
    LU_data: Any, LU_pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True, *, out: Any = None
) -> Any:
    """Return (P, L, U) from what `linalg.lu_factor` returns.

    >>> import tapeless as tl
    >>> tl.lu_unpack(*tl.linalg.lu_factor(tl.tensor([[2.0]]))).L
    tensor([[1.]])
    """
    if unpack_pivots and LU_pivots.dtype != int32:
        raise RuntimeError(
            "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype.\nNote: this "
            "function "
            f"is intended to be used with the output produced by torch.linalg.lu_factor. It is {LU_pivots.dtype}."
        )
    m, n = LU_data.shape[-2:]
    k = min(m, n)
    P = L = U = LU_data.new_zeros((0,))
    if unpack_pivots:
        order = kernels.row_order(unwrap(LU_pivots), m)
        P = wrap(np.eye(m, dtype=LU_data.dtype)[order].swapaxes(-1, -2).copy())
    if unpack_data:
        L = LU_data[..., :k].tril(-1) + wrap(np.eye(m, k, dtype=LU_data.dtype))
        U = LU_data[..., :k, :].triu()
    result = LUParts(P, L, U)
    return result if out is None else LUParts(*store(tuple(result), tuple(out), "lu_unpack"))


@composite("linalg.lu_solve", methods="")
def linalg_lu_solve(LU: Any, pivots: Any, B: Any, *, left: bool = True, adjoint: bool = False, out: Any = None) -> Any:
    """Return X with ``A X = B`` for the A that `lu_factor` took apart; X A = B without `left`, A^H with `adjoint`.

    >>> import tapeless as tl
    >>> A, B = tl.tensor([[2.0]]), tl.tensor([[6.0]])
    >>> tl.linalg.lu_solve(*tl.linalg.lu_factor(A), B)
    tensor([[3.]])
    """
    check_square("linalg.lu_solve", LU)
    if pivots.dtype != int32:
        raise RuntimeError(f"linalg.lu_solve: pivots should be a Tensor of scalar type torch.int32. Got {pivots.dtype}")
    if not left:
        result = linalg_lu_solve(LU, pivots, B.mH, adjoint=not adjoint).mH
        return result if out is None else store(result, out, "linalg.lu_solve")
    if B.shape[-2] != LU.shape[-1]:
        raise RuntimeError(
            f"linalg.lu_solve: Incompatible shapes of A and B for the equation AX = B ({LU.shape[-2]}x{LU.shape[-1]} "
            "and "
            f"{B.shape[-2]}x{B.shape[-1]})"
        )
    order = kernels.row_order(unwrap(pivots), LU.shape[-1])
    batch = np.broadcast_shapes(tuple(LU.shape[:-2]), tuple(B.shape[:-2]))
    order = wrap(np.broadcast_to(order, (*batch, order.shape[-1])).copy())
    B = B.broadcast_to((*batch, *B.shape[-2:]))
    if adjoint:
        half = triangular(LU.mH, B, upper=False)
        half = triangular(LU.mH, half, upper=True, unit=True)
        back = order.argsort(-1)
        result = half.take_along_dim(back[..., None], -2)
    else:
        half = triangular(LU, B.take_along_dim(order[..., None], -2), upper=False, unit=True)
        result = triangular(LU, half, upper=True)
    return result if out is None else store(result, out, "linalg.lu_solve")


@composite("lu_solve")
def lu_solve(b: Any, LU_data: Any, LU_pivots: Any, *, out: Any = None) -> Any:
    """Return X with ``A X = b`` (the older form of `linalg.lu_solve`).

    >>> import tapeless as tl
    >>> LU, pivots = tl.linalg.lu_factor(tl.tensor([[4.0, 3.0], [2.0, 1.0]]))
    >>> tl.linalg.lu_solve(LU, pivots, tl.tensor([[7.0], [3.0]]))  # the name that PyTorch prefers
    tensor([[1.],
            [1.]])
    """
    return linalg_lu_solve(LU_data, LU_pivots, b, out=out)


# -- LDL -------------------------------------------------------------------------------------------------

LDLFactor = namedtuple("LDLFactor", "LD pivots")
LDLFactorEx = namedtuple("LDLFactorEx", "LD pivots info")


@composite("linalg.ldl_factor", methods="")
def ldl_factor(A: Any, *, hermitian: bool = False, out: Any = None) -> Any:
    """Return (L and D in one matrix, pivots) of symmetric (or `hermitian`) matrices; needs SciPy. No gradient.

    See https://docs.pytorch.org/docs/stable/generated/torch.linalg.ldl_factor.html

    >>> import tapeless as tl
    >>> LD, pivots = tl.linalg.ldl_factor(tl.tensor([[4.0, 2.0], [2.0, 5.0]]))
    >>> LD.tril(), pivots
    (tensor([[4.0000, 0.0000],
            [0.5000, 4.0000]]), tensor([1, 2], dtype=torch.int32))
    """
    pair = ldl_factor_ex(A, hermitian=hermitian)[:2]
    return LDLFactor(*(pair if out is None else store(tuple(pair), tuple(out), "linalg.ldl_factor")))


@composite("linalg.ldl_factor_ex", methods="")
def ldl_factor_ex(A: Any, *, hermitian: bool = False, check_errors: bool = False, out: Any = None) -> Any:
    """Return (`ldl_factor`, info): LAPACK's report, 0 where all is well.

    >>> import tapeless as tl
    >>> LD, pivots, info = tl.linalg.ldl_factor_ex(tl.tensor([[4.0, 2.0], [2.0, 5.0]]))
    >>> info
    tensor(0, dtype=torch.int32)
    """
    check_square("linalg.ldl_factor_ex", A)
    LD, pivots, info = ldl.factor(unwrap(A.detach()), hermitian)
    if check_errors and info.any():
        raise LinAlgError(f"linalg.ldl_factor_ex: D[{info.max()},{info.max()}] is zero: the matrix is singular.")
    result = (wrap(LD), wrap(pivots), wrap(info))
    return LDLFactorEx(*(result if out is None else store(result, tuple(out), "linalg.ldl_factor_ex")))


@composite("linalg.ldl_solve", methods="")
def ldl_solve(LD: Any, pivots: Any, B: Any, *, hermitian: bool = False, out: Any = None) -> Any:
    """Return X with ``A X = B`` for the A that `ldl_factor` took apart. No gradient.

    See https://docs.pytorch.org/docs/stable/generated/torch.linalg.ldl_solve.html

    >>> import tapeless as tl
    >>> LD, pivots = tl.linalg.ldl_factor(tl.tensor([[4.0, 2.0], [2.0, 5.0]]))
    >>> tl.linalg.ldl_solve(LD, pivots, tl.tensor([[8.0], [12.0]]))
    tensor([[1.],
            [2.]])
    """
    check_square("linalg.ldl_solve", LD)
    if B.ndim < 2:
        raise RuntimeError(
            f"linalg.ldl_solve: Expected B to have at least 2 dimensions, but it has {B.ndim} dimensions instead"
        )
    result = wrap(ldl.solve(unwrap(LD.detach()), unwrap(pivots), unwrap(B.detach()), hermitian))
    return result if out is None else store(result, out, "linalg.ldl_solve")
