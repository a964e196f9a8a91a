"""Order statistics: quantiles, medians without NaN, the k-th smallest, the most frequent."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core.registry import check_apart, composite, store
from .._core.tensor_base import is_tensor, unwrap, wrap
from .._dtypes import float32, float64, int64
from ._common import check_not_empty, normal_dim
from .indexing import Gather
from .reduction import ValuesIndices
from .sorting import sort


def _pick(input: Any, dim: int, places: Any, keepdim: bool, out: Any, name: str) -> Any:
    """Return (values, indices) of one place along `dim`."""
    for target in out or ():
        check_apart(target, (input,))
    values, index = Gather.apply(input, dim, wrap(places)), wrap(places)
    if not keepdim:
        values, index = values.squeeze(dim), index.squeeze(dim)
    result = ValuesIndices(values, index)
    return result if out is None else ValuesIndices(*store(tuple(result), tuple(out), name))


@composite("kthvalue")
def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False, *, out: Any = None) -> Any:
    """Return (values, indices) of the `k`-th smallest element along `dim`, counted from 1.

    >>> import tapeless as tl
    >>> tl.kthvalue(tl.tensor([3.0, 1.0, 2.0]), 2).values
    tensor(2.)
    """
    dim = normal_dim(dim, input.ndim)
    size = input.shape[dim] if input.ndim else 1
    if input.ndim:
        check_not_empty("kthvalue", tuple(input.shape), dim)
    if not 1 <= k <= size:
        raise RuntimeError(
            f"kthvalue(): selected number k out of range for dimension {dim}\nk is {k}, the size {size}."
        )
    if input.ndim == 0:
        return ValuesIndices(input.clone(), wrap(np.zeros((), int64)))
    order = np.argsort(unwrap(input), axis=dim, kind="stable")
    return _pick(input, dim, np.take(order, [k - 1], axis=dim), keepdim, out, "kthvalue")


@composite("mode")
def mode(input: Any, dim: int = -1, keepdim: bool = False, *, out: Any = None) -> Any:
    """Return (values, indices) of the most frequent element along `dim`, the smallest of equally frequent ones.

    >>> import tapeless as tl
    >>> tl.mode(tl.tensor([1, 2, 2])).values
    tensor(2)
    """
    dim = normal_dim(dim, input.ndim)
    if input.ndim == 0:
        return ValuesIndices(input.clone(), wrap(np.zeros((), int64)))
    if input.shape[dim] == 0:
        raise IndexError(f"mode(): Expected reduction dim {dim} to have non-zero size.")
    rows = np.moveaxis(unwrap(input), dim, -1)
    order = np.argsort(rows, axis=-1, kind="stable")
    ranked = np.take_along_axis(rows, order, -1)
    same = ranked[..., 1:] == ranked[..., :-1]
    # How many equal ones came before, counted along the sorted row; the first longest run wins.
    run = np.zeros(ranked.shape, int64)
    for i in range(1, ranked.shape[-1]):
        run[..., i] = np.where(same[..., i - 1], run[..., i - 1] + 1, 0)
    last = run.argmax(-1)[..., None]
    places = np.moveaxis(np.take_along_axis(order, last, -1), -1, dim)
    return _pick(input, dim, np.ascontiguousarray(places), keepdim, out, "mode")


@composite("nanmedian")
def nanmedian(input: Any, dim: int | None = None, keepdim: bool = False, *, out: Any = None) -> Any:
    """Return the lower median of what is not NaN; with `dim`, a pair (values, indices).

    >>> import tapeless as tl
    >>> tl.nanmedian(tl.tensor([1.0, float("nan"), 3.0]))
    tensor(1.)
    """
    if dim is None:
        result = (input[~input.isnan()] if input.is_floating_point() else input).median()
        return result if out is None else store(result, out, "nanmedian")
    dim = normal_dim(dim, input.ndim)
    if input.ndim == 0:
        return ValuesIndices(input.clone(), wrap(np.zeros((), int64)))
    check_not_empty("median", tuple(input.shape), dim)
    array = unwrap(input)
    order = np.argsort(array, axis=dim, kind="stable")
    count = (~np.isnan(array)).sum(axis=dim, keepdims=True)
    middle = np.maximum((count - 1) // 2, 0)
    return _pick(input, dim, np.take_along_axis(order, middle, dim), keepdim, out, "nanmedian")


_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def _check_quantile(name: str, input: Any, q: Any, interpolation: str) -> Any:
    """Return `q` as an array, or refuse what PyTorch refuses."""
    if input.numel() == 0:
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    if input.dtype not in (float32, float64):
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype\nIt is {input.dtype}.")
    if is_tensor(q):
        if q.dtype != input.dtype:
            raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
        if q.ndim > 1:
            raise RuntimeError(f"{name}() q must be a scalar or 1D tensor, but got {q.ndim}D tensor.")
    array = np.asarray(unwrap(q), input.dtype)
    if is_tensor(q):
        if array.size and not ((array >= 0) & (array <= 1)).all():
            raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
    elif not 0 <= float(q) <= 1:
        raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q}")
    if interpolation not in _INTERPOLATIONS:
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}"
        )
    return array


def _quantile(name: str, input: Any, q: Any, dim: Any, keepdim: bool, interpolation: str, skip_nan: bool) -> Any:
    places = _check_quantile(name, input, q, interpolation)
    shape = tuple(input.shape)
    if dim is None:
        rows, shape_out = input.reshape(-1), (1,) * len(shape) if keepdim else ()
    else:
        dim = normal_dim(dim, input.ndim)
        rows = input if input.ndim == 0 else input.movedim(dim, -1)
        shape_out = tuple(1 if i == dim else n for i, n in enumerate(shape)) if keepdim else tuple(rows.shape[:-1])
    rows = rows.reshape(1) if rows.ndim == 0 else rows
    ranked = sort(rows).values
    array = unwrap(ranked)
    valid = (~np.isnan(array)).sum(-1, keepdims=True)
    count = valid if skip_nan else np.where(valid < array.shape[-1], 0, array.shape[-1])
    # A row with NaN takes its last element, which is NaN.
    steps = (np.maximum(count, 1) - 1).astype(array.dtype)
    rank = places.reshape(-1) * steps
    rank = np.where(count == 0, array.shape[-1] - 1, rank).astype(array.dtype)
    if interpolation == "lower":
        rank = np.floor(rank)
    elif interpolation == "higher":
        rank = np.ceil(rank)
    elif interpolation == "nearest":
        rank = np.round(rank)
    below = np.floor(rank).astype(int64)
    out = Gather.apply(ranked, ranked.ndim - 1, wrap(below))
    if interpolation in ("linear", "midpoint"):
        above = Gather.apply(ranked, ranked.ndim - 1, wrap(np.ceil(rank).astype(int64)))
        if interpolation == "midpoint":
            weight = wrap(np.full(rank.shape, 0.5, array.dtype))
        elif is_tensor(q) and q._requires_grad:
            weight = q.reshape(-1) * wrap(steps) - wrap(below.astype(array.dtype))
        else:
            weight = wrap((rank - below).astype(array.dtype))
        out = out.lerp(above, weight)
    out = out.movedim(-1, 0) if places.ndim else out.squeeze(-1)
    return out.reshape(((len(places),) if places.ndim else ()) + shape_out)


@composite("quantile")
def quantile(
    input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear", out: Any = None
) -> Any:
    """Return the `q`-quantiles (0 to 1; a number or a 1-D tensor, whose dim comes first) over all or along `dim`.

    `interpolation` between two elements: "linear", "lower", "higher", "midpoint" or "nearest". NaN gives NaN.
    See https://docs.pytorch.org/docs/stable/generated/torch.quantile.html

    >>> import tapeless as tl
    >>> tl.quantile(tl.tensor([1.0, 2.0, 4.0]), 0.25)
    tensor(1.5000)
    """
    result = _quantile("quantile", input, q, dim, keepdim, interpolation, False)
    return result if out is None else store(result, out, "quantile", True)


@composite("nanquantile")
def nanquantile(
    input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear", out: Any = None
) -> Any:
    """Return the `q`-quantiles of what is not NaN; arguments as `quantile`.

    >>> import tapeless as tl
    >>> tl.nanquantile(tl.tensor([1.0, float("nan"), 2.0]), 0.5)
    tensor(1.5000)
    """
    result = _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)
    return result if out is None else store(result, out, "nanquantile", True)


@composite("msort")
def msort(input: Any, *, out: Any = None) -> Any:
    """Return the elements sorted along the first dim.

    >>> import tapeless as tl
    >>> tl.msort(tl.tensor([2, 1]))
    tensor([1, 2])
    """
    result = sort(input, 0).values
    return result if out is None else store(result, out, "msort")


@composite("nansum", numpy=np.nansum)
def nansum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None) -> Any:
    """Return the sum of what is not NaN.

    >>> import tapeless as tl
    >>> tl.nansum(tl.tensor([1.0, float("nan")]))
    tensor(1.)
    """
    if input.is_complex():
        raise RuntimeError("nansum does not support complex inputs")
    kept = input.masked_fill(input.isnan(), 0) if input.is_floating_point() else input
    result = kept.sum(dim, keepdim, dtype=dtype)
    return result if out is None else store(result, out, "nansum")


@composite("nanmean", numpy=np.nanmean)
def nanmean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None) -> Any:
    """Return the mean of what is not NaN.

    >>> import tapeless as tl
    >>> tl.nanmean(tl.tensor([1.0, float("nan"), 3.0]))
    tensor(2.)
    """
    if not input.is_floating_point() and not input.is_complex():
        raise RuntimeError(f"nanmean(): expected input to have floating point or complex dtype but got {input.dtype}")
    valid = ~input.isnan()
    total = input.masked_fill(~valid, 0).sum(dim, keepdim, dtype=dtype)
    result = total / valid.sum(dim, keepdim)
    return result if out is None else store(result, out, "nanmean")
