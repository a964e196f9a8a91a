"""Writing by index: fill, copy, put, reduce into places, and masked scatter."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import composite, store
from .._core.tensor_base import is_tensor, unwrap, wrap
from .._dtypes import bool_, int64, scalar_name
from .._kernels.indexing import along, fill_masked, place
from ._common import normal_dim
from .indexing import Scatter, SetItem, check_range, check_scatter, plain_index, written


def _as_value(value: Any, input: Any) -> Any:
    """Return a number as a 0-d tensor of the dtype of `input`."""
    return value if is_tensor(value) else wrap(np.asarray(value).astype(input.dtype))


class _IndexWrite(Function):
    """Slices of `input` along a dim replaced: what `index_copy` and `index_fill` share."""

    def forward(self, input: Any, source: Any, dim: int, index: Any) -> Any:
        self.shape_in = input.shape
        out = input.copy("K")
        flat = out.reshape(1) if input.ndim == 0 else out
        self.places = (slice(None),) * dim + (index.reshape(-1),)
        flat[self.places] = source
        return out.reshape(input.shape)

    def grad_input(self, g):
        if self.shape_in == ():
            return np.zeros_like(g)
        return np.where(written(self.places, self.shape_in), 0, g)

    def grad_source(self, g, source):
        part = g if self.shape_in == () else g[self.places]
        return part if len(source.shape) else part.sum()


class IndexCopy(_IndexWrite):
    """Public through `index_copy`."""


class IndexFill(_IndexWrite):
    """Public through `index_fill`."""

    def grad_source(self, g):  # type: ignore[override]  # one number needs no source
        return g.sum() if self.shape_in == () else g[self.once].sum()

    def forward(self, input: Any, source: Any, dim: int, index: Any) -> Any:
        self.once = (slice(None),) * dim + (np.unique(index % max(input.shape[dim] if input.ndim else 1, 1)),)
        return super().forward(input, source, dim, index)


def _check_index(name: str, index: Any) -> None:
    if index.dtype.kind not in "iu" or index.dtype.itemsize < 4:
        raise IndexError(f"{name}(): Expected dtype int64 for index.\nGot {index.dtype}: use index.long().")
    if index.ndim > 1:
        raise IndexError(f"{name}(): Index is supposed to be a vector, got shape {list(index.shape)}")


@composite("index_copy", inplace=True)
def index_copy(input: Any, dim: int, index: Any, source: Any, *, out: Any = None) -> Any:
    """Return `input` with the slices of `source` at the positions `index` of `dim`.

    See https://docs.pytorch.org/docs/stable/generated/torch.Tensor.index_copy_.html

    >>> import tapeless as tl
    >>> tl.zeros(3).index_copy(0, tl.tensor([2]), tl.ones(1))
    tensor([0., 0., 1.])
    """
    dim = normal_dim(dim, input.ndim)
    _check_index("index_copy_", index)
    if source.dtype != input.dtype:
        raise RuntimeError(
            f"index_copy_(): self and source expected to have the same dtype, but got (self) "
            f"{scalar_name(input.dtype)} and (source) {scalar_name(source.dtype)}"
        )
    count = source.shape[dim] if source.ndim else 1
    if source.ndim and input.ndim and source.ndim != input.ndim:
        raise IndexError(
            "index_copy_(): When source and destination are not scalars, their dimensionality must match. Source "
            f"dimensionality ({source.ndim}), destination dimensionality ({input.ndim})"
        )
    if index.numel() != count:
        raise IndexError(
            f"index_copy_(): Number of indices ({index.numel()}) should be equal to source.size(dim) ({count})"
        )
    if source.ndim and source.ndim == input.ndim:
        for d in range(input.ndim):
            if d != dim and source.shape[d] != input.shape[d]:
                raise RuntimeError(
                    "index_copy_(): Source/destination tensor must have same slice shapes. Destination slice shape: "
                    f"{list(input.shape)} at dimension {dim} and source slice shape: {list(source.shape)}"
                )
    size = input.shape[dim] if input.ndim else 1
    _check_bounds("index_copy_", unwrap(index), size)
    result = IndexCopy.apply(input, source, dim, unwrap(index))
    return result if out is None else store(result, out, "index_copy")


def _check_bounds(name: str, index: Any, size: int) -> None:
    if index.size and (index.min() < 0 or index.max() >= size):
        wrong = int(index.min() if index.min() < 0 else index.max())
        raise IndexError(f"{name}(): index {wrong} is out of bounds for dimension with size {size}")


@composite("index_fill", inplace=True)
def index_fill(input: Any, dim: int, index: Any, value: Any) -> Any:
    """Return `input` with `value` (a number or 0-d tensor) at the positions `index` of `dim`.

    >>> import tapeless as tl
    >>> tl.zeros(3).index_fill(0, tl.tensor([0, 2]), 1.0)
    tensor([1., 0., 1.])
    """
    dim = normal_dim(dim, input.ndim)
    _check_index("index_fill_", index)
    if is_tensor(value) and value.ndim:
        raise RuntimeError(
            f"index_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
        )
    if not is_tensor(value) and isinstance(value, complex) and input.dtype.kind != "c":
        raise RuntimeError("index_fill_(): Converting complex Scalar to non-complex type is not supported")
    positions = unwrap(index)
    size = input.shape[dim] if input.ndim else 1
    if positions.size and (positions.min() < -size or positions.max() >= size):
        raise IndexError("index out of range in self")
    value = _as_value(value, input)
    return IndexFill.apply(input, value if value.dtype == input.dtype else value.to(input.dtype), dim, positions)


# -- Anywhere --------------------------------------------------------------------------------------------


@composite("index_put")
def index_put(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """Return `input` with `values` at the places that a tuple of index tensors names; `accumulate` adds instead.

    See https://docs.pytorch.org/docs/stable/generated/torch.Tensor.index_put_.html

    >>> import tapeless as tl
    >>> tl.zeros(3).index_put((tl.tensor([1]),), tl.tensor(5.0))
    tensor([0., 5., 0.])
    """
    return _index_put(input, indices, values, accumulate, input_inplace=False)


@composite("index_put_")
def index_put_(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """In-place form of `index_put`: writes into the tensor and returns it."""
    return _index_put(input, indices, values, accumulate, input_inplace=True)


def _index_put(input: Any, indices: Any, values: Any, accumulate: bool, input_inplace: bool) -> Any:
    if values.dtype != input.dtype:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{scalar_name(input.dtype)} for the destination and {scalar_name(values.dtype)} for the source."
        )
    index = plain_index(tuple(slice(None) if i is None else i for i in indices))
    if not accumulate:
        return (SetItem.apply_inplace if input_inplace else SetItem.apply)(input, values, index)
    apply = AddAt.apply_inplace if input_inplace else AddAt.apply
    return apply(input, values, index)


class AddAt(Function):
    """`input` with `values` added at the places that an index names; public through `index_put`."""

    def forward(self, input: Any, values: Any, index: Any) -> Any:
        shape = np.shape(input[index])
        return input + place(np.broadcast_to(values, shape), index, input.shape).astype(input.dtype)

    def grad_input(self, g):
        return g

    def grad_values(self, g, index):
        return g[index]


@composite("put", inplace=True)
def put(input: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    """Return `input` with `source` at the places `index` of its flat elements; `accumulate` adds instead.

    >>> import tapeless as tl
    >>> tl.zeros(2, 2).put(tl.tensor([1]), tl.ones(1))
    tensor([[0., 1.],
            [0., 0.]])
    """
    if index.dtype != int64:
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {scalar_name(index.dtype)}")
    if source.dtype != input.dtype:
        raise RuntimeError(
            f"put_(): self and source expected to have the same dtype, but got self.dtype = {scalar_name(input.dtype)} "
            f"and source.dtype = {scalar_name(source.dtype)}"
        )
    if index.numel() != source.numel():
        raise RuntimeError(
            "put_(): Expected source and index to have the same number of elements, but got source.numel() = "
            f"{source.numel()}, index.numel() = {index.numel()}"
        )
    if input.numel() == 0 and index.numel():
        raise IndexError("put_(): Tried to put elements into an empty tensor")
    positions = unwrap(index).reshape(-1)
    if positions.size and (positions.min() < -input.numel() or positions.max() >= input.numel()):
        raise IndexError("out of range: put_() got an index outside of the tensor's elements")
    apply = AddAt.apply if accumulate else SetItem.apply
    return apply(input.reshape(-1), source.reshape(-1), (positions,)).reshape(tuple(input.shape))


class MaskedScatter(Function):
    """`input` with the elements of `source`, one after the other, where the mask holds."""

    def forward(self, input: Any, source: Any, mask: Any) -> Any:
        self.shown, self.shape_source = mask, source.shape
        return fill_masked(input, mask, source)

    def grad_input(self, g):
        return np.where(self.shown, 0, g)

    def grad_source(self, g):
        count, size = int(self.shown.sum()), math.prod(self.shape_source)
        return place(g[self.shown], slice(0, count), (size,)).reshape(self.shape_source)


@composite("masked_scatter", inplace=True)
def masked_scatter(input: Any, mask: Any, source: Any) -> Any:
    """Return `input` with the elements of `source`, in their order, where `mask` holds.

    See https://docs.pytorch.org/docs/stable/generated/torch.Tensor.masked_scatter_.html

    >>> import tapeless as tl
    >>> tl.zeros(3).masked_scatter(tl.tensor([True, False, True]), tl.tensor([1.0, 2.0]))
    tensor([1., 0., 2.])
    """
    if mask.dtype != bool_:
        raise RuntimeError(
            f"masked_scatter_ only supports boolean masks, but got mask with dtype {scalar_name(mask.dtype)}"
        )
    if source.dtype != input.dtype:
        raise RuntimeError(
            f"masked_scatter: expected self and source to have same dtypes but got {scalar_name(input.dtype)} and "
            f"{scalar_name(source.dtype)}"
        )
    shape = np.broadcast_shapes(tuple(input.shape), tuple(mask.shape))
    chosen = np.broadcast_to(unwrap(mask), shape)
    if int(chosen.sum()) > source.numel():
        raise RuntimeError(
            "masked_scatter: expected self.numel() to be at most the number of elements in source: the mask chooses "
            f"{int(chosen.sum())}, source has {source.numel()}"
        )
    return MaskedScatter.apply(input, source, chosen)


# -- Reductions into places ------------------------------------------------------------------------------

_UFUNCS = {"prod": np.multiply, "amax": np.maximum, "amin": np.minimum}
_NEUTRAL = {
    "prod": lambda dtype: 1,
    "amax": lambda dtype: _limit(dtype, True),
    "amin": lambda dtype: _limit(dtype, False),
}


def _limit(dtype: Any, low: bool) -> Any:
    """Return the value that loses every comparison."""
    if dtype.kind == "f":
        return -np.inf if low else np.inf
    if dtype.kind == "b":
        return not low
    return np.iinfo(dtype).min if low else np.iinfo(dtype).max


class ScatterExtreme(Function):
    """The largest or smallest of `input` and what is scattered there; ties share the gradient."""

    def forward(self, input: Any, src: Any, index: Any, dim: int, reduce: str, include_self: bool) -> Any:
        self.places, self.include_self = along(index, dim), include_self
        out = input.copy()
        if not include_self:
            out[self.places] = _NEUTRAL[reduce](out.dtype)
        _UFUNCS[reduce].at(out, self.places, src)
        return out

    def backward(self, g, input, src, result):
        own = input == result
        if not self.include_self:
            own = own & ~written(self.places, g.shape)
        theirs = src == result[self.places]
        count = place(theirs.astype(g.dtype), self.places, tuple(g.shape)) + own.astype(g.dtype)
        share = g / np.where(count == 0, 1, count)
        return share * own, share[self.places] * theirs

    differentiable = ("input", "src")


class ScatterProd(Function):
    """The product of `input` and what is scattered there; right where factors are zero."""

    differentiable = ("input", "src")

    def forward(self, input: Any, src: Any, index: Any, dim: int, include_self: bool) -> Any:
        self.index, self.dim, self.include_self = index, dim, include_self
        self.places = along(index, dim)
        out = input.copy()
        if not include_self:
            out[self.places] = 1
        np.multiply.at(out, self.places, src)
        return out

    def backward(self, g, input, src):
        """Without zeros the product of the others is a quotient; with one zero, only that gets a gradient."""
        places, shape = self.places, tuple(g.shape)
        hit = written(places, shape)
        base = input if self.include_self else np.where(hit, 1, input)
        zero_src, zero_base = src == 0, base == 0
        zeros = place(zero_src.astype(np.int64), places, shape) + zero_base
        safe_src, safe_base = np.where(zero_src, 1, src), np.where(zero_base, 1, base)
        rest = safe_base.copy()
        np.multiply.at(rest, places, safe_src)
        mine = np.where(zeros - zero_base == 0, rest / safe_base, 0)
        theirs = np.where((zeros[places] - zero_src) == 0, rest[places] / safe_src, 0)
        return (g * mine if self.include_self else np.where(hit, 0, g)), g[places] * theirs

    def composite(self, input, src):
        """One factor after the other: exact to any order, zeros included."""
        if not self.include_self:
            input = input.masked_fill(wrap(written(self.places, input.shape)), 1)
        for j in range(self.index.shape[self.dim]):
            one = wrap(np.take(self.index, [j], self.dim))
            ones = wrap(np.ones(tuple(input.shape), input.dtype))
            input = input * Scatter.apply(ones, self.dim, one, src.narrow(self.dim, j, 1))
        return input


def _reduce(input: Any, src: Any, dim: int, index: Any, reduce: str, include_self: bool) -> Any:
    """Scatter `src`, of the shape of `index`, into `input` by a reduction."""
    where = along(index, dim)
    if reduce in ("amax", "amin"):
        return ScatterExtreme.apply(input, src, index, dim, reduce, include_self)
    if reduce == "prod":
        return ScatterProd.apply(input, src, index, dim, include_self)
    base = input if include_self else input.masked_fill(wrap(written(where, input.shape)), 0)
    total = base.scatter_add(dim, wrap(index), src)
    if reduce == "sum":
        return total
    counts = place(np.ones(index.shape), where, tuple(input.shape)) + (1 if include_self else 0)
    counts = wrap(np.maximum(counts, 1).astype(input.dtype))
    if input.dtype.kind in "iu":
        return total.div(counts, rounding_mode="floor")
    return total / counts


@composite("scatter", inplace=True)
def scatter(
    input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None, out: Any = None
) -> Any:
    """Return `input` with ``src[i][j]`` (or a number) at ``[index[i][j]][j]`` (for dim 0).

    `reduce` "add" or "multiply" combines instead of replacing (deprecated in PyTorch: use `scatter_reduce`).
    See https://docs.pytorch.org/docs/stable/generated/torch.Tensor.scatter_.html

    >>> import tapeless as tl
    >>> tl.zeros(3).scatter(0, tl.tensor([2]), tl.tensor([5.0]))
    tensor([0., 0., 5.])
    """
    if reduce not in (None, "add", "multiply"):
        raise RuntimeError("reduce argument must be either add or multiply.")
    dim = normal_dim(dim, input.ndim)
    src = value if src is None else src
    if not is_tensor(src):
        src = wrap(np.broadcast_to(np.asarray(src).astype(input.dtype), tuple(index.shape)))
    check_scatter(input, dim, index, src)
    if index.numel() == 0:
        result = input.clone()
    elif reduce is not None:
        result = scatter_reduce(input, dim, index, src, "sum" if reduce == "add" else "prod")
    elif input.ndim == 0:
        result = Scatter.apply(input.reshape(1), 0, index.reshape(-1), src.reshape(-1)).reshape(())
    else:
        result = Scatter.apply(input, dim, index, src)
    return result if out is None else store(result, out, "scatter", True)


@composite("scatter_reduce", inplace=True)
def scatter_reduce(
    input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True, out: Any = None
) -> Any:
    """Return `input` with ``src[i][j]`` reduced ("sum", "prod", "mean", "amax", "amin") into ``[index[i][j]][j]``.

    See https://docs.pytorch.org/docs/stable/generated/torch.Tensor.scatter_reduce_.html

    >>> import tapeless as tl
    >>> tl.ones(2).scatter_reduce(0, tl.tensor([0, 0]), tl.tensor([2.0, 3.0]), "prod")
    tensor([6., 1.])
    """
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    dim = normal_dim(dim, input.ndim)
    check_scatter(input, dim, index, src)
    if index.numel() == 0:
        return input.clone()
    if input.ndim == 0:
        result = scatter_reduce(
            input.reshape(1), 0, index.reshape(-1), src.reshape(-1), reduce, include_self=include_self
        ).reshape(())
        return result if out is None else store(result, out, "scatter_reduce")
    positions = unwrap(index)
    check_range(positions, input.shape[dim], dim)
    part = src[tuple(slice(0, n) for n in positions.shape)]
    result = _reduce(input, part, dim, positions, reduce, include_self)
    return result if out is None else store(result, out, "scatter_reduce")


@composite("index_reduce", inplace=True)
def index_reduce(
    input: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True, out: Any = None
) -> Any:
    """Return `input` with slices of `source` reduced ("prod", "mean", "amax", "amin") into positions of `dim`.

    >>> import tapeless as tl
    >>> tl.ones(2).index_reduce(0, tl.tensor([0, 0]), tl.tensor([2.0, 3.0]), "prod")
    tensor([6., 1.])
    """
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")
    dim = normal_dim(dim, input.ndim)
    if input.ndim == 0:
        return index_reduce(
            input.reshape(1), 0, index.reshape(-1), source.reshape(-1), reduce, include_self=include_self
        ).reshape(())
    positions = unwrap(index).reshape(-1)
    check_range(positions, input.shape[dim], dim)
    source = source if source.ndim else source.reshape(1)
    full = np.broadcast_to(positions.reshape([-1 if d == dim else 1 for d in range(source.ndim)]), tuple(source.shape))
    result = _reduce(input, source, dim, np.ascontiguousarray(full), reduce, include_self)
    return result if out is None else store(result, out, "index_reduce")
