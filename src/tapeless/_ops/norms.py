"""Norms of vectors and matrices, and the condition number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import composite, store
from .._dtypes import as_dtype, scalar_name
from ._common import normal_dim, normal_dims
from .linear_algebra import LinAlgError, check_square, inv
from .spectral import svdvals


class Norm(Function):
    """The p-norm over `dim`; public as `norm` and `linalg.vector_norm`."""

    conjugates = False  # a real function of complex numbers: the rule is PyTorch's

    def forward(self, input: Any, p: float, dim: Any, keepdim: bool) -> Any:
        self.p, self.axes, self.keepdim = p, normal_dims(dim, input.ndim), keepdim
        if input.dtype.kind not in "fc":
            raise RuntimeError(
                "linalg.vector_norm: Expected a floating point or complex tensor as input. "
                f"Got {scalar_name(input.dtype)}\nConvert it first: x.float()."
            )
        axes = self.axes
        if p == 2 and input.dtype.kind == "f":
            return np.sqrt(np.add.reduce(input * input, axis=axes, keepdims=keepdim))
        size = np.absolute(input)
        if p in (math.inf, -math.inf):
            return (np.maximum if p > 0 else np.minimum).reduce(size, axis=axes, keepdims=keepdim)
        if p == 0:
            return np.add.reduce((size != 0).astype(size.dtype), axis=axes, keepdims=keepdim)
        if p == 1:
            return np.add.reduce(size, axis=axes, keepdims=keepdim)
        return np.add.reduce(size**p, axis=axes, keepdims=keepdim) ** (1 / p)

    def grad_input(self, g, input, result):
        """Return the gradient; 0 where the norm is, as PyTorch chooses among the subgradients."""
        p = self.p
        # One element for each norm, not for each input: an empty input has norms too.
        g, whole = self.as_kept(g, input), self.as_kept(result, input)
        if p == 0:
            return np.zeros_like(input)
        if p == 1:
            return g * np.sign(input)
        if p in (math.inf, -math.inf):
            chosen = np.absolute(input) == whole
            count = chosen.sum(axis=self.axes, keepdims=True).astype(g.dtype)
            return np.where(chosen, g * np.sign(input) / count, 0)
        # What is masked after the division has NaN for second derivatives at the origin; they do not exist there.
        if p == 2:
            return g * np.where(whole == 0, 0, input / whole)
        size = np.absolute(input)
        slope = input * size ** (p - 2) if p > 2 else np.sign(input) * size ** (p - 1)
        if p < 1:
            slope = np.where(input == 0, 0, slope)
        return slope * np.where(whole == 0, 0, g / whole ** (p - 1))

    def as_kept(self, x: Any, input: Any) -> Any:
        """Return something of the result's shape with the reduced dims as ones."""
        axes = range(input.ndim) if self.axes is None else self.axes
        return x if self.keepdim else x.reshape([1 if i in axes else n for i, n in enumerate(input.shape)])


@composite("norm")
def norm(
    input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None, *, out: Any = None
) -> Any:
    """Return the vector p-norm over `dim` (all dims by default): p a number, inf, -inf, "fro" (2); "nuc" of matrices.

    Its gradient at the origin is 0.
    See https://docs.pytorch.org/docs/stable/generated/torch.norm.html

    >>> import tapeless as tl
    >>> tl.tensor([3.0, 4.0]).norm()
    tensor(5.)
    """
    if dtype is not None:
        input = input.to(as_dtype(dtype))
    if p == "nuc":
        result = matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim)
    else:
        result = Norm.apply(input, 2.0 if p == "fro" or p is None else float(p), dim, keepdim)
    return result if out is None else store(result, out, "norm")


@composite("linalg.vector_norm", methods="")
def vector_norm(
    x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Any:
    """Return the norm of order `ord` (a number, inf or -inf; 0 counts) over `dim`, all dims when None.

    See https://docs.pytorch.org/docs/stable/generated/torch.linalg.vector_norm.html

    >>> import tapeless as tl
    >>> tl.linalg.vector_norm(tl.tensor([3.0, 4.0]))
    tensor(5.)
    """
    x = _converted("linalg.vector_norm", x, dtype)
    dims = None if dim is None or (isinstance(dim, (tuple, list)) and not len(dim)) else dim
    if ord < 0 or ord == math.inf:
        _check_identity(x, ord, dims)
    result = Norm.apply(x, float(ord), dims, keepdim)
    return result if out is None else store(result, out, "linalg.vector_norm")


def _converted(name: str, x: Any, dtype: Any) -> Any:
    if dtype is None:
        return x
    dtype = as_dtype(dtype)
    if dtype.kind not in "fc":
        raise RuntimeError(f"{name}: dtype should be floating point or complex. Got {scalar_name(dtype)}")
    if x.dtype.kind == "c" and dtype.kind != "c":
        raise RuntimeError(f"{name}: dtype should be complex for complex inputs. Got {scalar_name(dtype)}")
    if not np.can_cast(x.dtype, dtype):
        raise RuntimeError(
            f"{name}: the dtype of the input ({scalar_name(x.dtype)}) should be convertible without narrowing to the "
            f"specified dtype ({scalar_name(dtype)})"
        )
    return x.to(dtype)


def _check_identity(x: Any, ord: Any, dims: Any) -> None:
    shape = tuple(x.shape)
    reduced = shape if dims is None else [shape[axis] for axis in normal_dims(dims, x.ndim)]
    if 0 in reduced:
        where = "on an empty tensor" if dims is None else "on the dimension, since it is empty,"
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {float(ord):g} norm {where} because the operation does not have an "
            f"identity\nThe shape is {list(shape)}."
        )


@composite("linalg.matrix_norm", methods="")
def matrix_norm(
    A: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Any:
    """Return the norm of the matrices in the two dims `dim`.

    `ord`: "fro", "nuc" (the sum of the singular values), 2 and -2 (the greatest and the least), 1 and -1 (column
    sums), inf and -inf (row sums).
    See https://docs.pytorch.org/docs/stable/generated/torch.linalg.matrix_norm.html

    >>> import tapeless as tl
    >>> tl.linalg.matrix_norm(tl.tensor([[3.0, 0.0], [0.0, 4.0]]), "nuc")
    tensor(7.)
    """
    if A.ndim < 2:
        raise RuntimeError("linalg.matrix_norm: The input tensor A must have at least 2 dimensions.")
    if not isinstance(dim, (tuple, list)) or len(dim) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {dim}")
    A = _converted("linalg.matrix_norm", A, dtype)
    if A.dtype.kind not in "fc":
        raise RuntimeError(
            f"linalg.matrix_norm: Expected a floating point or complex tensor as input. Got {scalar_name(A.dtype)}"
        )
    rows, columns = normal_dim(dim[0], A.ndim), normal_dim(dim[1], A.ndim)
    if rows == columns:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})")
    result = _matrix_norm(A, ord, rows, columns, keepdim)
    return result if out is None else store(result, out, "linalg.matrix_norm")


def _matrix_norm(A: Any, ord: Any, rows: int, columns: int, keepdim: bool) -> Any:
    if ord == "fro":
        return vector_norm(A, 2, (rows, columns), keepdim)
    if ord == "nuc" or (not isinstance(ord, str) and abs(ord) == 2):
        values = svdvals(A.movedim((rows, columns), (-2, -1)))
        if ord == "nuc" or (ord == 2 and not values.shape[-1]):
            found = values.sum(-1)
        else:
            found = values.amax(-1) if ord > 0 else values.amin(-1)
        if not keepdim:
            return found
        for axis in sorted((rows, columns)):
            found = found.unsqueeze(axis)
        return found
    if isinstance(ord, str) or abs(ord) not in (1, math.inf):
        raise RuntimeError(
            f"linalg.matrix_norm: Order {ord} not supported.\nThe orders are 'fro', 'nuc', inf, -inf, 1, -1, 2 and -2."
        )
    first, second = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = vector_norm(A, 1, first, True)
    if ord > 0 and not sums.shape[second]:
        found = sums.sum(second, True)  # no rows, or no columns: 0
    else:
        found = sums.amax(second, True) if ord > 0 else sums.amin(second, True)
    return found if keepdim else found.squeeze((rows, columns))


@composite("linalg.norm", methods="")
def linalg_norm(
    A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Any:
    """Return the vector norm, or with an `ord` and two dims the matrix norm (`vector_norm`, `matrix_norm`).

    See https://docs.pytorch.org/docs/stable/generated/torch.linalg.norm.html

    >>> import tapeless as tl
    >>> tl.linalg.norm(tl.tensor([3.0, 4.0]))
    tensor(5.)
    """
    dims = (dim,) if isinstance(dim, int) else dim
    if dims is not None and len(dims) not in (1, 2) and ord is not None:
        raise RuntimeError(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dims)}")
    if ord is not None and dims is None and A.ndim not in (1, 2):
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. "
            f"Got {A.ndim}D\nName the dims: dim=(-2, -1) for a batch of matrices."
        )
    as_matrix = ord is not None and (len(dims) == 2 if dims is not None else A.ndim == 2)
    if as_matrix:
        result = matrix_norm(A, ord, dims or (0, 1), keepdim, dtype=dtype)
    else:
        if isinstance(ord, str):
            raise RuntimeError(f"linalg.norm: Order {ord} is for matrices, the input or dim say a vector.")
        result = vector_norm(A, 2 if ord is None else ord, dims, keepdim, dtype=dtype)
    return result if out is None else store(result, out, "linalg.norm")


@composite("linalg.cond", methods="")
def cond(A: Any, p: Any = None, *, out: Any = None) -> Any:
    """Return the condition number of each matrix in the norm `p` (None is 2); inf for singular ones.

    See https://docs.pytorch.org/docs/stable/generated/torch.linalg.cond.html

    >>> import tapeless as tl
    >>> tl.linalg.cond(tl.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor(2.)
    """
    if A.ndim < 2:
        raise RuntimeError("linalg.cond: The input tensor A must have at least 2 dimensions.")
    if p is None or p in (2, -2):
        values = svdvals(A)
        top, bottom = values[..., 0], values[..., -1]
        result = bottom / top if p == -2 else top / bottom
    else:
        check_square(f"linalg.cond({p})", A)
        try:
            inverse = inv(A)
        except LinAlgError:
            result = A.new_full(tuple(A.shape[:-2]), math.inf)
        else:
            result = matrix_norm(A, p) * matrix_norm(inverse, p)
    return result if out is None else store(result, out, "linalg.cond")
