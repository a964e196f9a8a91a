"""Determinants, inverses, solutions of linear equations, powers and chains of matrices.

Formulas of gradients: Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation" (2008).
"""

from __future__ import annotations

import itertools
import math
from collections import namedtuple
from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import NUMPY, composite, store
from .._core.tensor_base import unwrap, wrap
from .._dtypes import int32, scalar_name
from ._common import normal_dim


def mT(x: Any) -> Any:
    """Return the matrices transposed, of whatever kind of array."""
    return np.swapaxes(x, -1, -2)


def mH(x: Any) -> Any:
    """Return the conjugate transposes."""
    return np.conj(np.swapaxes(x, -1, -2))


def check_square(name: str, A: Any) -> None:
    """Refuse anything but square matrices of numbers with fractions."""
    if A.ndim < 2:
        raise RuntimeError(
            f"{name}: The input tensor A must have at least 2 dimensions.\nIts shape is {list(A.shape)}."
        )
    if A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, but they are {A.shape[-2]} by {A.shape[-1]} matrices"
        )
    check_inexact(name, A)


def check_inexact(name: str, A: Any) -> None:
    """Refuse integers: a decomposition of them needs fractions."""
    if A.dtype.kind not in "fc" or A.dtype == np.float16:
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got {scalar_name(A.dtype)}\nUse x.float()."
        )


def singular(name: str, info: Any) -> Exception:
    """Return PyTorch's error for a matrix without inverse."""
    return LinAlgError(
        f"{name}: The diagonal element {info} is zero, the {name.split('.')[-1]} could not be completed because the "
        "input "
        "matrix is singular."
    )


class LinAlgError(RuntimeError):
    """What a matrix does not allow: `linalg.LinAlgError` in PyTorch.

    >>> import tapeless as tl
    >>> try:
    ...     tl.linalg.inv(tl.zeros(2, 2))
    ... except tl.linalg.LinAlgError as error:
    ...     print(str(error)[:12])
    linalg.inv:
    """


def _solve(a: Any, b: Any, name: str) -> Any:
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        raise singular(name, _zero_pivot(a)) from None


def _zero_pivot(a: Any) -> int:
    """Return the (1-based) row where elimination meets a zero, for the message."""
    for matrix in np.asarray(a).reshape(-1, *a.shape[-2:]):
        for k in range(1, len(matrix) + 1):
            if np.linalg.matrix_rank(matrix[:, :k]) < k:
                return k
    return 1


class Solve(Function):
    """``A^-1 B``; public through `linalg.solve`."""

    numpy = np.linalg.solve

    def forward(self, A: Any, B: Any) -> Any:
        return _solve(A, B, "torch.linalg.solve")

    def grad_A(self, g, A, result):
        return -(np.linalg.solve(mT(A), g) @ mT(result))

    def grad_B(self, g, A):
        return np.linalg.solve(mT(A), g)


@composite("linalg.solve", methods="")
def solve(A: Any, B: Any, *, left: bool = True, out: Any = None) -> Any:
    """Return X with ``A X = B`` (or, not `left`, ``X A = B``) for batches of square matrices; B may be vectors.

    Raises LinAlgError for singular matrices, RuntimeError for shapes that do not fit.
    See https://docs.pytorch.org/docs/stable/generated/torch.linalg.solve.html

    >>> import tapeless as tl
    >>> tl.linalg.solve(tl.tensor([[2.0, 0.0], [0.0, 4.0]]), tl.tensor([2.0, 4.0]))
    tensor([1., 1.])
    """
    check_square("linalg.solve", A)
    if A.dtype != B.dtype:
        raise RuntimeError(
            f"linalg.solve: Expected A and B to have the same dtype, but found A of type {scalar_name(A.dtype)} and B "
            "of "
            f"type {scalar_name(B.dtype)} instead"
        )
    vector = B.ndim == 1 or (A.ndim - 1 == B.ndim and tuple(B.shape) == tuple(A.shape)[:-1])
    if not vector and B.ndim < 2:
        raise RuntimeError("linalg.solve: B must have at least 1 dimension")
    right = B.unsqueeze(-1) if vector else B
    if vector and not left:
        raise RuntimeError("linalg.solve: Vector broadcasting of the left hand side is not supported for left=False.")
    rows = right.shape[-2] if left else right.shape[-1]
    if rows != A.shape[-1]:
        raise RuntimeError(
            f"linalg.solve: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} "
            f"({A.shape[-2]}x{A.shape[-1]} and {right.shape[-2]}x{right.shape[-1]})"
        )
    if left:
        result = Solve.apply(A, right)
    else:
        result = Solve.apply(A.mT, right.mT).mT
    result = result.squeeze(-1) if vector else result
    return result if out is None else store(result, out, "linalg.solve")


SolveEx = namedtuple("SolveEx", "result info")


@composite("linalg.solve_ex", methods="")
def solve_ex(A: Any, B: Any, *, left: bool = True, check_errors: bool = False, out: Any = None) -> Any:
    """Return (`solve`, info): info is 0 where the matrix is regular.

    >>> import tapeless as tl
    >>> x, info = tl.linalg.solve_ex(tl.tensor([[2.0, 0.0], [0.0, 4.0]]), tl.tensor([2.0, 2.0]))
    >>> x, info
    (tensor([1.0000, 0.5000]), tensor(0, dtype=torch.int32))
    """
    result = solve(A, B, left=left)
    pair = SolveEx(result, wrap(np.zeros(tuple(A.shape)[:-2], int32)))
    return pair if out is None else SolveEx(*store(tuple(pair), tuple(out), "linalg.solve_ex"))


class Inverse(Function):
    """The inverse of each matrix; public through `linalg.inv`."""

    numpy = np.linalg.inv

    def forward(self, A: Any) -> Any:
        try:
            return np.linalg.inv(A)
        except np.linalg.LinAlgError:
            raise singular("linalg.inv", _zero_pivot(A)) from None

    def grad_A(self, g, result):
        turned = mT(result)
        return -(turned @ g @ turned)


@composite("linalg.inv inverse", methods="inverse")
def inv(input: Any, *, out: Any = None) -> Any:
    """Return the inverse of each square matrix. Raises LinAlgError for singular ones.

    See https://docs.pytorch.org/docs/stable/generated/torch.linalg.inv.html

    >>> import tapeless as tl
    >>> tl.linalg.inv(tl.tensor([[2.0]]))
    tensor([[0.5000]])
    """
    check_square("linalg.inv", input)
    result = Inverse.apply(input)
    return result if out is None else store(result, out, "linalg.inv")


InvEx = namedtuple("InvEx", "inverse info")


@composite("linalg.inv_ex", methods="")
def inv_ex(A: Any, *, check_errors: bool = False, out: Any = None) -> Any:
    """Return (`inv`, info): info is 0 where the matrix is regular.

    >>> import tapeless as tl
    >>> inverse, info = tl.linalg.inv_ex(tl.tensor([[2.0, 0.0], [0.0, 4.0]]))
    >>> inverse, info
    (tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]]), tensor(0, dtype=torch.int32))
    """
    pair = InvEx(inv(A), wrap(np.zeros(tuple(A.shape)[:-2], int32)))
    return pair if out is None else InvEx(*store(tuple(pair), tuple(out), "linalg.inv_ex"))


# -- Determinants ----------------------------------------------------------------------------------------


class Det(Function):
    """The determinant of each matrix; right also where it is zero. Public through `linalg.det`."""

    numpy = np.linalg.det

    def forward(self, A: Any) -> Any:
        return np.linalg.det(A) if A.shape[-1] else np.ones_like(A, shape=A.shape[:-2])

    def grad_A(self, g, A):
        return g[..., None, None] * cofactors(A)


def cofactors(A: Any) -> Any:
    """Return the matrix of cofactors, the derivative of the determinant: of regular matrices ``det(A) A^-T``.

    Those of singular ones are minors, one determinant each.
    """
    n = A.shape[-1]
    if n == 1:
        return np.ones_like(A)
    plain = unwrap(A)
    with np.errstate(all="ignore"):
        regular = np.abs(np.linalg.det(plain)) > 1e-12 * np.maximum(np.abs(plain).max((-1, -2), initial=0), 1e-30) ** n
    if regular.all():
        return np.linalg.det(A)[..., None, None] * mT(np.linalg.inv(A))
    rows = []
    for i in range(n):
        row = []
        for j in range(n):
            keep_i, keep_j = [k for k in range(n) if k != i], [k for k in range(n) if k != j]
            minor = A[..., keep_i, :][..., keep_j]
            row.append(np.linalg.det(minor) * (-1) ** (i + j))
        rows.append(np.stack(row, -1))
    return np.stack(rows, -2)


@composite("linalg.det det")
def det(A: Any, *, out: Any = None) -> Any:
    """Return the determinant of each square matrix.

    See https://docs.pytorch.org/docs/stable/generated/torch.linalg.det.html

    >>> import tapeless as tl
    >>> tl.linalg.det(tl.tensor([[2.0, 0.0], [0.0, 3.0]]))
    tensor(6.)
    """
    check_square("linalg.det", A)
    result = Det.apply(A)
    return result if out is None else store(result, out, "linalg.det")


SignLog = namedtuple("SignLog", "sign logabsdet")


@composite("linalg.slogdet slogdet")
def slogdet(A: Any, *, out: Any = None) -> Any:
    """Return (sign, logarithm of the absolute value) of the determinant of each square matrix.

    >>> import tapeless as tl
    >>> tl.linalg.slogdet(tl.tensor([[-1.0]])).sign
    tensor(-1.)
    """
    check_square("linalg.slogdet", A)
    if A.dtype.kind == "c":
        value = det(A)
        size = value.abs()
        pair = SignLog(value / size, size.log())
    else:
        pair = SignLog(*_real_slogdet(A))
    return pair if out is None else SignLog(*store(tuple(pair), tuple(out), "linalg.slogdet"))


class LogAbsDet(Function):
    """The logarithm of the size of the determinant of real matrices."""

    def forward(self, A: Any) -> Any:
        return np.linalg.slogdet(A)[1].astype(A.dtype)

    def grad_A(self, g, A):
        return g[..., None, None] * mT(np.linalg.inv(A))


def _real_slogdet(A: Any) -> tuple[Any, Any]:
    sign = wrap(np.asarray(np.linalg.slogdet(unwrap(A.detach()))[0]).astype(A.dtype))
    return sign + (A * 0).sum((-1, -2)), LogAbsDet.apply(A)  # the sign has a gradient: zeros


@composite("logdet")
def logdet(A: Any) -> Any:
    """Return the logarithm of the determinant of each square matrix; NaN where it is negative.

    >>> import tapeless as tl
    >>> tl.logdet(tl.tensor([[1.0]]))
    tensor(0.)
    """
    check_square("logdet", A)
    if A.dtype.kind == "c":
        return det(A).log()
    sign, log = _real_slogdet(A)
    return log.masked_fill(sign < 0, math.nan)


# -- Powers, chains and tensors --------------------------------------------------------------------------


@composite("linalg.matrix_power matrix_power")
def matrix_power(A: Any, n: int, *, out: Any = None) -> Any:
    """Return each square matrix to the integer power `n`; negative powers are those of the inverse.

    >>> import tapeless as tl
    >>> tl.linalg.matrix_power(tl.tensor([[2.0]]), 3)
    tensor([[8.]])
    """
    if A.ndim < 2:
        raise RuntimeError("linalg.matrix_power: The input tensor A must have at least 2 dimensions.")
    if A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"linalg.matrix_power: A must be batches of square matrices, but they are {A.shape[-2]} by {A.shape[-1]} "
            "matrices"
        )
    if n < 0:
        A, n = inv(A), -n
    if n == 0:
        result = A * 0 + wrap(np.eye(A.shape[-1], dtype=A.dtype))
    else:
        result, square = None, A
        while n:
            if n & 1:
                result = square if result is None else result @ square
            n >>= 1
            square = square @ square if n else square
        result = result.clone() if result is A else result
    return result if out is None else store(result, out, "linalg.matrix_power")


@composite("linalg.multi_dot", methods="")
def multi_dot(tensors: Any, *, out: Any = None) -> Any:
    """Return the product of two or more matrices (the ends may be vectors) in the cheapest order.

    >>> import tapeless as tl
    >>> tl.linalg.multi_dot([tl.ones(1, 2), tl.ones(2, 1)])
    tensor([[2.]])
    """
    chain = list(tensors)
    if len(chain) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(chain)}")
    for i, t in enumerate(chain):
        if t.dtype != chain[0].dtype:
            raise RuntimeError(
                f"multi_dot(): all tensors must have be the same dtype but tensor 0 is {chain[0].dtype} and tensor {i} "
                f"{t.dtype}"
            )
        if t.ndim != 2 and not (i in (0, len(chain) - 1) and t.ndim == 1):
            raise RuntimeError(
                f"multi_dot(): tensor {i} must be {'1D or ' if i in (0, len(chain) - 1) else ''}2D but got {t.ndim}D"
            )
    first, last = chain[0].ndim == 1, chain[-1].ndim == 1
    if first:
        chain[0] = chain[0].unsqueeze(0)
    if last:
        chain[-1] = chain[-1].unsqueeze(-1)
    for i, (a, b) in enumerate(itertools.pairwise(chain)):
        if a.shape[-1] != b.shape[-2]:
            raise RuntimeError(
                f"multi_dot(): tensors {i} and {i + 1} with shapes {list(a.shape)} and {list(b.shape)} cannot be "
                "multiplied"
            )
    result = _product(chain, _order([t.shape[0] for t in chain] + [chain[-1].shape[1]]), 0, len(chain) - 1)
    if first and last:
        result = result.reshape(())
    elif first:
        result = result.squeeze(0)
    elif last:
        result = result.squeeze(-1)
    return result if out is None else store(result, out, "linalg.multi_dot")


@composite("chain_matmul", methods="")
def chain_matmul(*matrices: Any, out: Any = None) -> Any:
    """Return the product of matrices in the cheapest order (the older name of `linalg.multi_dot`).

    >>> import tapeless as tl
    >>> tl.linalg.multi_dot([tl.ones(2, 3), tl.ones(3, 4), tl.ones(4, 1)])  # the name that PyTorch prefers
    tensor([[12.],
            [12.]])
    """
    chain = matrices[0] if len(matrices) == 1 and isinstance(matrices[0], (tuple, list)) else matrices
    return chain[0] if len(chain) == 1 else multi_dot(chain, out=out)


def _order(sizes: list[int]) -> dict[tuple[int, int], int]:
    """Return where to split each part of a chain, by dynamic programming (Cormen et al., section 14.2)."""
    n = len(sizes) - 1
    cost = {(i, i): 0 for i in range(n)}
    split: dict[tuple[int, int], int] = {}
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            j = i + length - 1
            costs = {k: cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)}
            split[i, j] = min(costs, key=costs.__getitem__)
            cost[i, j] = costs[split[i, j]]
    return split


def _product(chain: list[Any], split: Any, i: int, j: int) -> Any:
    if i == j:
        return chain[i]
    k = split[i, j]
    return _product(chain, split, i, k) @ _product(chain, split, k + 1, j)


@composite("linalg.tensorinv", methods="")
def tensorinv(A: Any, ind: int = 2, *, out: Any = None) -> Any:
    """Return the inverse of `A` as a map from its last dims to its first `ind`.

    >>> import tapeless as tl
    >>> tl.linalg.tensorinv(tl.tensor([[2.0]]), 1)
    tensor([[0.5000]])
    """
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    shape = tuple(A.shape)
    rows, columns = math.prod(shape[:ind]), math.prod(shape[ind:])
    if rows != columns:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got "
            f"{columns} "
            f"!= {rows}"
        )
    result = inv(A.reshape(rows, columns)).reshape(*shape[ind:], *shape[:ind])
    return result if out is None else store(result, out, "linalg.tensorinv")


@composite("linalg.tensorsolve", methods="")
def tensorsolve(A: Any, B: Any, dims: Any = None, *, out: Any = None) -> Any:
    """Return X with ``tensordot(A, X, X.ndim) == B``; `dims` of A go to the end first.

    >>> import tapeless as tl
    >>> tl.linalg.tensorsolve(tl.tensor([[2.0]]), tl.tensor([4.0]))
    tensor([2.])
    """
    if dims is not None:
        moved = [normal_dim(d, A.ndim) for d in dims]
        A = A.movedim(tuple(moved), tuple(range(A.ndim - len(moved), A.ndim)))
    shape = tuple(A.shape)[B.ndim :]
    if math.prod(shape) != B.numel():
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), "
            "but "
            f"got {math.prod(shape)} != {B.numel()}"
        )
    result = solve(A.reshape(B.numel(), math.prod(shape)), B.reshape(-1)).reshape(shape)
    return result if out is None else store(result, out, "linalg.tensorsolve")


NUMPY[np.linalg.matrix_power] = matrix_power
