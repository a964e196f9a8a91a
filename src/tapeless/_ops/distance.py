"""Distances and similarities of vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import composite, store
from .._core.tensor_base import wrap
from .._dtypes import promote_types
from ._common import normal_dim
from .norms import norm


@composite("nn.functional.cosine_similarity cosine_similarity", methods="")
def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """Return the cosine of the angle between vectors along `dim`; each length counts as at least `eps`.

    Shape: (..., D, ...) twice, D at ``dim``, to the same without D.

    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.cosine_similarity.html

    >>> import tapeless as tl
    >>> tl.cosine_similarity(tl.tensor([[1.0, 0.0]]), tl.tensor([[1.0, 0.0]]))
    tensor([1.])
    """
    dtype = promote_types(x1.dtype, x2.dtype)
    if dtype.kind not in "fc":
        raise RuntimeError(
            f"expected common dtype to be floating point, yet common dtype is {dtype}\nConvert the inputs: x.float()."
        )
    a, b = x1.to(dtype), x2.to(dtype)
    shape = np.broadcast_shapes(tuple(a.shape), tuple(b.shape))
    a, b = a.expand(shape), b.expand(shape)
    lengths = [_length(x, dim) for x in (a, b)]
    with_floor = [x + (wrap(np.maximum(x.detach()._array, eps)) - x.detach()) for x in lengths]
    return ((a / with_floor[0]) * (b / with_floor[1])).sum(dim)


def _length(x: Any, dim: int) -> Any:
    return norm(x, 2, dim, True)


@composite("nn.functional.pairwise_distance pairwise_distance", methods="")
def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    """Return the p-norm of ``x1 - x2 + eps`` over the last dim.

    Shape: (N, D) twice to (N); with ``keepdim=True`` to (N, 1).

    >>> import tapeless as tl
    >>> tl.pairwise_distance(tl.tensor([[3.0, 4.0]]), tl.zeros(1, 2))
    tensor([5.0000])
    """
    return norm(x1 - x2 + eps, p, -1, keepdim)


@composite("dist")
def dist(input: Any, other: Any, p: float = 2) -> Any:
    """Return the p-norm of ``input - other``.

    >>> import tapeless as tl
    >>> tl.dist(tl.tensor([3.0, 4.0]), tl.zeros(2))
    tensor(5.)
    """
    return norm(input - other, p)


def _root(total: Any, p: float) -> Any:
    """Return ``total ** (1 / p)``, with a gradient of 0 where the sum is 0."""
    zero = total == 0
    return total.masked_fill(zero, 1).pow(1.0 / p).masked_fill(zero, 0)


class Largest(Function):
    """The largest over the last dim; each of equals has the whole gradient, as PyTorch's distances have it."""

    def forward(self, input: Any) -> Any:
        return input.max(-1)

    def grad_input(self, g, input, result):
        return np.expand_dims(g, -1) * (input == np.expand_dims(result, -1))


def _norm_of(difference: Any, p: float) -> Any:
    """Return the p-norm over the last dim; its gradient at the origin is 0."""
    if p == 0:
        return (difference != 0).to(difference.dtype).sum(-1) + (difference * 0).sum(-1)  # a gradient: zeros
    size = difference.abs()
    if difference.shape[-1] == 0:
        return size.sum(-1)
    if p == math.inf:
        return Largest.apply(size)
    if p == 1:
        return size.sum(-1)
    if p == 2:
        return _root((difference * difference).sum(-1), 2)
    zero = size == 0
    return _root(size.masked_fill(zero, 1).pow(p).masked_fill(zero, 0).sum(-1), p)


@composite("cdist", methods="")
def cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Any:
    """Return the p-norm distances between the rows of ``(..., P, M)`` and those of ``(..., R, M)``: ``(..., P, R)``.

    Raises RuntimeError for negative `p` and shapes that do not fit.
    See https://docs.pytorch.org/docs/stable/generated/torch.cdist.html

    >>> import tapeless as tl
    >>> tl.cdist(tl.tensor([[0.0, 0.0]]), tl.tensor([[3.0, 4.0]]))
    tensor([[5.]])
    """
    for name, x in (("X1", x1), ("X2", x2)):
        if x.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, {name} got: {x.ndim}D")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    for name, x in (("X1", x1), ("X2", x2)):
        if x.dtype.kind != "f":
            raise RuntimeError(f"cdist only supports floating-point dtypes, {name} got: {x.dtype}")
    return _norm_of(x1.unsqueeze(-2) - x2.unsqueeze(-3), p)


@composite("nn.functional.pdist pdist", methods="")
def pdist(input: Any, p: float = 2.0) -> Any:
    """Return the p-norm distances between all pairs of rows of a matrix, the upper triangle row by row.

    Shape: (N, D) to (N * (N - 1) / 2).

    >>> import tapeless as tl
    >>> tl.pdist(tl.tensor([[0.0, 0.0], [3.0, 4.0]]))
    tensor([5.])
    """
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if input.dtype.kind != "f":
        raise RuntimeError("pdist only supports floating-point dtypes")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    first, second = np.triu_indices(input.shape[0], 1)
    return _norm_of(input.index_select(0, wrap(first)) - input.index_select(0, wrap(second)), p)


@composite("renorm", inplace=True)
def renorm(input: Any, p: float, dim: int, maxnorm: float, *, out: Any = None) -> Any:
    """Return `input` with every slice along `dim` scaled down to a p-norm of at most `maxnorm`.

    >>> import tapeless as tl
    >>> tl.renorm(tl.tensor([[3.0, 4.0]]), 2, 0, 1.0)
    tensor([[0.6000, 0.8000]])
    """
    if p <= 0:
        raise RuntimeError("renorm: non-positive norm not supported")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    if input.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    dim = normal_dim(dim, input.ndim)
    others = tuple(d for d in range(input.ndim) if d != dim)
    size = norm(input, p, others, True)
    too_large = size > maxnorm
    factor = (maxnorm / (size + 1e-7)).where(too_large, wrap(np.ones((), size.dtype)))
    result = input * factor
    return result if out is None else store(result, out, "renorm")
