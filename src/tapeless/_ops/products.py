"""Products of vectors, matrices and tensors; compositions of `matmul`."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from .._core.registry import composite, store
from .._core.tensor_base import is_tensor, wrap
from .._dtypes import int64, scalar_name
from ._common import normal_dim


def _weighted(input: Any, product: Any, beta: Any, alpha: Any) -> Any:
    """Return ``beta * input + alpha * product``; with a `beta` of 0 the input does not count, NaN or not."""
    if product.dtype.kind in "iub":
        beta, alpha = int(beta), int(alpha)
    product = product if alpha == 1 else product * alpha
    if beta == 0:
        return product + (input * 0).nan_to_num(0, 0, 0) if input.is_floating_point() else product.clone()
    return product + (input if beta == 1 else input * beta)


def _give(result: Any, out: Any, name: str) -> Any:
    return result if out is None else store(result, out, name)


def _check_ndim(name: str, **expected: tuple[Any, int]) -> None:
    for which, (x, ndim) in expected.items():
        if x.ndim != ndim:
            raise RuntimeError(f"{name}: Expected {ndim}-D argument {which}, but got {x.ndim}-D")


@composite("addmv", inplace=True)
def addmv(input: Any, mat: Any, vec: Any, *, beta: Any = 1, alpha: Any = 1, out: Any = None) -> Any:
    """Return ``beta * input + alpha * (mat @ vec)``.

    >>> import tapeless as tl
    >>> tl.addmv(tl.zeros(1), tl.ones(1, 2), tl.ones(2))
    tensor([2.])
    """
    _check_ndim("addmv", mat=(mat, 2), vec=(vec, 1))
    return _give(_weighted(input, mat @ vec, beta, alpha), out, "addmv")


@composite("addbmm")
def addbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1, out: Any = None) -> Any:
    """Return ``beta * input + alpha * sum(batch1 @ batch2)``, summed over the batch.

    >>> import tapeless as tl
    >>> tl.addbmm(tl.zeros(1, 1), tl.ones(2, 1, 1), tl.ones(2, 1, 1))
    tensor([[2.]])
    """
    _check_ndim("addbmm", batch1=(batch1, 3), batch2=(batch2, 3))
    if batch1.shape[0] != batch2.shape[0] or batch1.shape[2] != batch2.shape[1]:
        raise RuntimeError(
            f"batch1 and batch2 must have same number of batches and matching sizes, got {list(batch1.shape)} and "
            f"{list(batch2.shape)}"
        )
    return _give(_weighted(input, (batch1 @ batch2).sum(0, dtype=batch1.dtype), beta, alpha), out, "addbmm")


@composite("addbmm_")
def addbmm_(self: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """In-place form of `addbmm`; a tensor that was broadcast takes the result's shape, as in PyTorch."""
    result = addbmm(self.clone(), batch1, batch2, beta=beta, alpha=alpha)
    if tuple(result.shape) != tuple(self.shape):
        self.resize_(tuple(result.shape))
    return self.copy_(result)


@composite("addr", inplace=True)
def addr(input: Any, vec1: Any, vec2: Any, *, beta: Any = 1, alpha: Any = 1, out: Any = None) -> Any:
    """Return ``beta * input + alpha * outer(vec1, vec2)``.

    >>> import tapeless as tl
    >>> tl.addr(tl.zeros(1, 2), tl.ones(1), tl.ones(2))
    tensor([[1., 1.]])
    """
    for which, v in (("vec1", vec1), ("vec2", vec2)):
        if v.ndim != 1:
            raise RuntimeError(f"addr: Expected 1-D argument {which}, but got {v.ndim}-D")
    if input.dtype.kind in "iub" and vec1.dtype.kind in "iub" and vec2.dtype.kind in "iub":
        for which, factor in (("beta", beta), ("alpha", alpha)):
            if isinstance(factor, float):
                raise RuntimeError(f"For integral input tensors, argument {which} must not be a floating point number.")
    if input.dtype == vec1.dtype == vec2.dtype == bool:
        product = vec1.unsqueeze(1) & vec2
        scaled = product if alpha else product & False
        return _give(scaled | input if beta else scaled.expand_as(input).clone(), out, "addr")
    return _give(_weighted(input, vec1.unsqueeze(1) * vec2, beta, alpha), out, "addr")


@composite("vdot linalg.vdot", methods="vdot", numpy=np.vdot)
def vdot(input: Any, other: Any, *, out: Any = None) -> Any:
    """Return the sum of ``conj(input) * other`` of two vectors.

    >>> import tapeless as tl
    >>> tl.vdot(tl.tensor([1j]), tl.tensor([1j]))
    tensor(1.+0.j)
    """
    return _give(input.conj().dot(other), out, "vdot")


@composite("linalg.vecdot", methods="")
def vecdot(x: Any, y: Any, *, dim: int = -1, out: Any = None) -> Any:
    """Return the sum of ``conj(x) * y`` along `dim`.

    >>> import tapeless as tl
    >>> tl.linalg.vecdot(tl.ones(2, 3), tl.ones(3))
    tensor([3., 3.])
    """
    if x.dtype.kind not in "fc":
        raise RuntimeError(
            f"linalg.vecdot: Expected a floating point or complex tensor as input. Got {scalar_name(x.dtype)}"
        )
    return _give((x.conj() * y).sum(dim), out, "linalg.vecdot")


@composite("inner", numpy=np.inner)
def inner(input: Any, other: Any, *, out: Any = None) -> Any:
    """Return the sums of products over the last dims of both.

    >>> import tapeless as tl
    >>> tl.inner(tl.tensor([1, 2]), tl.tensor([3, 4]))
    tensor(11)
    """
    if input.ndim == 0 or other.ndim == 0:
        return _give(input * other, out, "inner")
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            f"inner() the last dimension must match on both input tensors but got shapes {list(input.shape)} and "
            f"{list(other.shape)}"
        )
    return _give(tensordot(input, other, ([-1], [-1])), out, "inner")


@composite("tensordot", methods="")
def tensordot(a: Any, b: Any, dims: Any = 2, out: Any = None) -> Any:
    """Return the sum of products over the last `dims` dims of `a` and the first of `b`, or over two lists of dims.

    See https://docs.pytorch.org/docs/stable/generated/torch.tensordot.html

    >>> import tapeless as tl
    >>> tl.tensordot(tl.ones(2), tl.ones(2), 1)
    tensor(2.)
    """
    if is_tensor(dims):
        dims = dims.tolist()
    if isinstance(dims, (tuple, list)):
        if len(dims) == 2 and all(isinstance(d, (tuple, list)) for d in dims):
            left, right = list(dims[0]), list(dims[1])
        else:
            left, right = ([dims[0]], [dims[1]]) if len(dims) == 2 else (list(dims), list(dims))
    else:
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.ndim, b.ndim):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        left, right = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    left, right = [normal_dim(d, a.ndim) for d in left], [normal_dim(d, b.ndim) for d in right]
    if len(left) != len(right):
        raise RuntimeError("both dimension lists should have same length")
    for i, j in zip(left, right, strict=True):
        if a.shape[i] == 1 != b.shape[j]:
            b = b.sum(j, True, dtype=b.dtype)
        elif b.shape[j] == 1 != a.shape[i]:
            a = a.sum(i, True, dtype=a.dtype)
        elif a.shape[i] != b.shape[j]:
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {a.shape[i]} in dim {i} and second has size "
                f"{b.shape[j]} in dim {j}"
            )
    rows = [d for d in range(a.ndim) if d not in left]
    columns = [d for d in range(b.ndim) if d not in right]
    count = math.prod(a.shape[d] for d in left)
    shape = [a.shape[d] for d in rows] + [b.shape[d] for d in columns]
    x = a.permute((*rows, *left)).reshape(math.prod(a.shape[d] for d in rows), count)
    y = b.permute((*right, *columns)).reshape(count, math.prod(b.shape[d] for d in columns))
    return _give((x @ y).reshape(tuple(shape)), out, "tensordot")


@composite("kron", numpy=np.kron)
def kron(input: Any, other: Any, *, out: Any = None) -> Any:
    """Return the Kronecker product: every element of `input` times all of `other`.

    >>> import tapeless as tl
    >>> tl.kron(tl.tensor([1, 2]), tl.tensor([1, 1]))
    tensor([1, 1, 2, 2])
    """
    ndim = max(input.ndim, other.ndim)
    a = (1,) * (ndim - input.ndim) + tuple(input.shape)
    b = (1,) * (ndim - other.ndim) + tuple(other.shape)
    left = input.reshape([n for size in a for n in (size, 1)])
    right = other.reshape([n for size in b for n in (1, size)])
    return _give((left * right).reshape([n * m for n, m in zip(a, b, strict=True)]), out, "kron")


def _cross(name: str, input: Any, other: Any, dim: int | None, out: Any) -> Any:
    if input.ndim != other.ndim:
        raise RuntimeError(
            f"{name}: inputs must have the same number of dimensions.\nThey have {input.ndim} and {other.ndim}."
        )
    if dim is None:
        threes = [d for d, n in enumerate(input.shape) if n == 3 and other.shape[d] in (1, 3)]
        if not threes:
            raise RuntimeError("no dimension of size 3 in input")
        dim = threes[0]
    dim = normal_dim(dim, input.ndim)
    if input.shape[dim] != 3 or other.shape[dim] != 3:
        raise RuntimeError(
            f"{name}: inputs dimension {dim} must have length 3. Got {input.shape[dim]} and {other.shape[dim]}"
        )
    a, b = (
        x.movedim(dim, 0) for x in (input.expand(*np.broadcast_shapes(tuple(input.shape), tuple(other.shape))), other)
    )
    b = b.expand(tuple(a.shape))
    turned = [a[i - 2] * b[i - 1] - a[i - 1] * b[i - 2] for i in range(3)]
    stacked = turned[0].unsqueeze(dim)
    for part in turned[1:]:
        stacked = _cat(stacked, part.unsqueeze(dim), dim)
    return _give(stacked, out, name)


def _cat(a: Any, b: Any, dim: int) -> Any:
    return np.concatenate([a, b], dim)


@composite("cross")
def cross(input: Any, other: Any, dim: int | None = None, *, out: Any = None) -> Any:
    """Return the cross product along a dim of size 3, by default the first such.

    >>> import tapeless as tl
    >>> tl.cross(tl.tensor([1.0, 0.0, 0.0]), tl.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    return _cross("cross", input, other, dim, out)


@composite("linalg.cross", methods="")
def linalg_cross(input: Any, other: Any, *, dim: int = -1, out: Any = None) -> Any:
    """Return the cross product along `dim`, which has size 3.

    >>> import tapeless as tl
    >>> tl.linalg.cross(tl.tensor([1.0, 0.0, 0.0]), tl.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    return _cross("linalg.cross", input, other, dim, out)


@composite("linalg.diagonal", methods="")
def linalg_diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Return `diagonal` of the last two dims.

    >>> import tapeless as tl
    >>> tl.linalg.diagonal(tl.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    return A.diagonal(offset, dim1, dim2)


def _vander(x: Any, N: int | None, increasing: bool) -> Any:
    n = x.shape[-1] if N is None else N
    powers = [x.unsqueeze(-1) ** k for k in range(n)]
    if not powers:
        return x.new_zeros((*x.shape, 0), dtype=int64 if x.dtype == bool else x.dtype)
    ordered = powers if increasing else powers[::-1]
    return np.concatenate(ordered, -1)


@composite("linalg.vander", methods="")
def linalg_vander(x: Any, *, N: int | None = None) -> Any:
    """Return the Vandermonde matrix of powers 0 to N - 1 of each element of the last dim.

    >>> import tapeless as tl
    >>> tl.linalg.vander(tl.tensor([2, 3]))
    tensor([[1, 2],
            [1, 3]])
    """
    if N is not None and N <= 1:
        raise RuntimeError(f"N must be greater than 1.\nN is {N}, the shape {list(x.shape)}.")
    if x.dtype == bool:
        raise RuntimeError("linalg.vander supports floating point, complex, and integer tensors, but got Bool")
    x = x.reshape(1) if x.ndim == 0 else x
    n = x.shape[-1] if N is None else N
    rest = x.unsqueeze(-1).expand(*x.shape, n - 1) if n > 1 else x.unsqueeze(-1)[..., :0]
    ones = wrap(np.ones((*x.shape, 1), x.dtype))
    return np.concatenate([ones, rest.cumprod(-1)], -1) if n > 1 else ones


@composite("vander", methods="", numpy=np.vander)
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Return the Vandermonde matrix of a vector, highest powers first unless `increasing`.

    >>> import tapeless as tl
    >>> tl.vander(tl.tensor([2, 3]))
    tensor([[2, 1],
            [3, 1]])
    """
    return _vander(x, N, increasing)


@composite("combinations", methods="combinations")
def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Any:
    """Return all combinations of `r` elements of a vector, one a row.

    >>> import tapeless as tl
    >>> tl.combinations(tl.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    if input.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return input.new_zeros((0,))
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    places = np.array(list(choose(range(input.shape[0]), r)), int64).reshape(-1, r)
    return input[wrap(places)]
