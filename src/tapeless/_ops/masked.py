"""Reductions and normalizations of what a mask lets through: ``torch.masked``.

Every one puts its neutral element where the mask is False, and then does what its namesake does.
See https://docs.pytorch.org/docs/stable/masked.html
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core.registry import FUNCTIONS, composite
from .._core.tensor_base import unwrap, wrap
from .._dtypes import as_dtype, get_default_dtype, int64


def _converted(input: Any, dtype: Any, whole: bool = True) -> Any:
    """Bring the input to `dtype`; by default integers count in int64, or become floats where they must."""
    if dtype is not None:
        return input.to(as_dtype(dtype))
    if input.dtype.kind in "iub":
        return input.to(int64 if whole else get_default_dtype())
    return input


def _dims(dim: Any, ndim: int) -> Any:
    if dim is None:
        return None if ndim else ()
    return tuple(dim) if isinstance(dim, (tuple, list)) else (dim,)


def _covered(input: Any, mask: Any, value: Any) -> Any:
    """Return the input with a value where the mask, which broadcasts, is False."""
    if mask is None:
        return input
    hidden = wrap(~np.broadcast_to(unwrap(mask), tuple(input.shape)))
    return input.masked_fill(hidden, value)


def _lowest(dtype: Any) -> Any:
    if dtype.kind in "fc":
        return -math.inf
    return False if dtype.kind == "b" else np.iinfo(dtype).min


def _highest(dtype: Any) -> Any:
    if dtype.kind in "fc":
        return math.inf
    return True if dtype.kind == "b" else np.iinfo(dtype).max


def _count(input: Any, mask: Any, dims: Any, keepdim: bool) -> Any:
    if input.ndim == 0:
        dims = None
    shown = np.ones(tuple(input.shape), bool) if mask is None else np.broadcast_to(unwrap(mask), tuple(input.shape))
    axes = None if dims is None else tuple(dims) or tuple(range(input.ndim))
    return wrap(np.asarray(shown.sum(axis=axes, keepdims=keepdim)))


@composite("masked.sum", methods="")
def masked_sum(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """Return the sum of the elements where `mask` holds; 0 where it nowhere does.

    >>> import tapeless as tl
    >>> tl.masked.sum(tl.tensor([1.0, 2.0]), mask=tl.tensor([True, False]))
    tensor(1.)
    """
    input = _converted(input, dtype)
    return _covered(input, mask, 0).sum(_dims(dim, input.ndim), keepdim)


@composite("masked.prod", methods="")
def masked_prod(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """Return the product of the elements where `mask` holds; 1 where it nowhere does.

    >>> import tapeless as tl
    >>> x, mask = tl.tensor([2.0, 9.0, 3.0]), tl.tensor([True, False, True])
    >>> tl.masked.prod(x, mask=mask)
    tensor(6.)
    """
    out = _covered(_converted(input, dtype), mask, 1)
    dims = _dims(dim, input.ndim)
    dims = sorted((d % max(out.ndim, 1) for d in (dims or range(out.ndim))), reverse=True)
    for d in dims if out.ndim else ():
        out = out.prod(d, keepdim)
    return out


@composite("masked.cumsum", methods="")
def masked_cumsum(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """Return the running sum along `dim` of the elements where `mask` holds.

    >>> import tapeless as tl
    >>> x, mask = tl.tensor([2.0, 9.0, 3.0]), tl.tensor([True, False, True])
    >>> tl.masked.cumsum(x, 0, mask=mask)
    tensor([2., 2., 5.])
    """
    return _covered(input, mask, 0).cumsum(dim, dtype=input.dtype if dtype is None else as_dtype(dtype))


@composite("masked.cumprod", methods="")
def masked_cumprod(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """Return the running product along `dim` of the elements where `mask` holds.

    >>> import tapeless as tl
    >>> x, mask = tl.tensor([2.0, 9.0, 3.0]), tl.tensor([True, False, True])
    >>> tl.masked.cumprod(x, 0, mask=mask)
    tensor([2., 2., 6.])
    """
    return _covered(input, mask, 1).cumprod(dim, dtype=input.dtype if dtype is None else as_dtype(dtype))


@composite("masked.amax", methods="")
def masked_amax(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """Return the largest element where `mask` holds.

    >>> import tapeless as tl
    >>> x, mask = tl.tensor([1.0, 9.0, 3.0]), tl.tensor([True, False, True])
    >>> tl.masked.amax(x, mask=mask)
    tensor(3.)
    """
    input = input if dtype is None else input.to(as_dtype(dtype))
    dims = _dims(dim, input.ndim)
    return _covered(input, mask, _lowest(input.dtype)).amax(dims or None, keepdim)


@composite("masked.amin", methods="")
def masked_amin(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """Return the smallest element where `mask` holds.

    >>> import tapeless as tl
    >>> x, mask = tl.tensor([1.0, -9.0, 3.0]), tl.tensor([True, False, True])
    >>> tl.masked.amin(x, mask=mask)
    tensor(1.)
    """
    input = input if dtype is None else input.to(as_dtype(dtype))
    dims = _dims(dim, input.ndim)
    return _covered(input, mask, _highest(input.dtype)).amin(dims or None, keepdim)


@composite("masked.argmax", methods="")
def masked_argmax(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """Return the position of the largest element where `mask` holds, in the dtype of the input unless given.

    >>> import tapeless as tl
    >>> x, mask = tl.tensor([1.0, 9.0, 3.0]), tl.tensor([True, False, True])
    >>> tl.masked.argmax(x, 0, mask=mask)
    tensor(2.)
    """
    kind = input.dtype if dtype is None else as_dtype(dtype)
    return _covered(input, mask, _lowest(input.dtype)).argmax(dim, bool(keepdim)).to(kind)


@composite("masked.argmin", methods="")
def masked_argmin(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """Return the position of the smallest element where `mask` holds, in the dtype of the input unless given.

    >>> import tapeless as tl
    >>> x, mask = tl.tensor([1.0, -9.0, 3.0]), tl.tensor([True, False, True])
    >>> tl.masked.argmin(x, 0, mask=mask)
    tensor(0.)
    """
    kind = input.dtype if dtype is None else as_dtype(dtype)
    return _covered(input, mask, _highest(input.dtype)).argmin(dim, bool(keepdim)).to(kind)


@composite("masked.mean", methods="")
def masked_mean(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """Return the mean of the elements where `mask` holds; NaN where it nowhere does.

    >>> import tapeless as tl
    >>> x, mask = tl.tensor([1.0, 9.0, 3.0]), tl.tensor([True, False, True])
    >>> tl.masked.mean(x, mask=mask)
    tensor(2.)
    """
    input = _converted(input, dtype, whole=False)
    dims = _dims(dim, input.ndim)
    return _covered(input, mask, 0).sum(dims, keepdim) / _count(input, mask, dims, keepdim)


@composite("masked.median", methods="")
def masked_median(input: Any, dim: int = -1, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """Return the lower median along `dim` of the elements where `mask` holds; NaN where it nowhere does.

    >>> import tapeless as tl
    >>> x, mask = tl.tensor([1.0, 9.0, 3.0, 2.0]), tl.tensor([True, False, True, True])
    >>> tl.masked.median(x, 0, mask=mask)
    tensor(2.)
    """
    if not input.is_floating_point():
        raise ValueError(f"input must be floating point, got {input.dtype}")
    input = input if dtype is None else input.to(as_dtype(dtype))
    if mask is None:
        return input.median(dim, keepdim).values
    return _covered(input, mask, math.nan).nanmedian(dim, keepdim).values


@composite("masked.norm", methods="")
def masked_norm(
    input: Any, ord: Any = 2.0, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None
) -> Any:
    """Return the vector norm of order `ord` of the elements where `mask` holds.

    >>> import tapeless as tl
    >>> x, mask = tl.tensor([3.0, 9.0, 4.0]), tl.tensor([True, False, True])
    >>> tl.masked.norm(x, 2, mask=mask)
    tensor(5.)
    """
    input = _converted(input, dtype, whole=False)
    neutral = math.inf if ord == -math.inf else 0
    dims = _dims(dim, input.ndim)
    return FUNCTIONS["linalg.vector_norm"](_covered(input, mask, neutral), ord, dims or None, keepdim)


def _variance(input: Any, dim: Any, unbiased: Any, correction: Any, keepdim: bool, dtype: Any, mask: Any) -> Any:
    input = _converted(input, dtype, whole=False)
    dims = _dims(dim, input.ndim)
    count = _count(input, mask, dims, True)
    mean = _covered(input, mask, 0).sum(dims, True) / count
    centred = _covered(input - mean, mask, 0)
    squares = centred * centred.conj() if input.is_complex() else centred * centred
    less = correction if correction is not None else (0 if unbiased is False else 1)
    divisor = _count(input, mask, dims, keepdim) - less
    return squares.sum(dims, keepdim) / divisor.clamp_min(0)  # of complex numbers complex, as in PyTorch


@composite("masked.var", methods="")
def masked_var(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    *,
    correction: Any = None,
    keepdim: bool = False,
    dtype: Any = None,
    mask: Any = None,
) -> Any:
    """Return the variance of the elements where `mask` holds.

    >>> import tapeless as tl
    >>> x, mask = tl.tensor([1.0, 9.0, 3.0]), tl.tensor([True, False, True])
    >>> tl.masked.var(x, unbiased=False, mask=mask)
    tensor(1.)
    """
    return _variance(input, dim, unbiased, correction, bool(keepdim), dtype, mask)


@composite("masked.std", methods="")
def masked_std(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    *,
    correction: Any = None,
    keepdim: bool = False,
    dtype: Any = None,
    mask: Any = None,
) -> Any:
    """Return the standard deviation of the elements where `mask` holds.

    >>> import tapeless as tl
    >>> x, mask = tl.tensor([1.0, 9.0, 3.0]), tl.tensor([True, False, True])
    >>> tl.masked.std(x, unbiased=False, mask=mask)
    tensor(1.)
    """
    return _variance(input, dim, unbiased, correction, bool(keepdim), dtype, mask).sqrt()


@composite("masked.softmax", methods="")
def masked_softmax(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """Return the softmax along `dim` over the elements where `mask` holds.

    >>> import tapeless as tl
    >>> x, mask = tl.tensor([1.0, 9.0, 1.0]), tl.tensor([True, False, True])
    >>> tl.masked.softmax(x, 0, mask=mask)
    tensor([0.5000, 0.0000, 0.5000])
    """
    return _covered(_converted(input, dtype, whole=False), mask, -math.inf).softmax(dim)


@composite("masked.log_softmax", methods="")
def masked_log_softmax(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """Return the log-softmax along `dim` over the elements where `mask` holds.

    >>> import tapeless as tl
    >>> x, mask = tl.tensor([1.0, 9.0, 1.0]), tl.tensor([True, False, True])
    >>> tl.masked.log_softmax(x, 0, mask=mask)
    tensor([-0.6931,    -inf, -0.6931])
    """
    return _covered(_converted(input, dtype, whole=False), mask, -math.inf).log_softmax(dim)


@composite("masked.softmin", methods="")
def masked_softmin(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """Return the softmax of ``-input`` along `dim` over the elements where `mask` holds.

    >>> import tapeless as tl
    >>> x, mask = tl.tensor([1.0, -9.0, 1.0]), tl.tensor([True, False, True])
    >>> tl.masked.softmin(x, 0, mask=mask)
    tensor([0.5000, 0.0000, 0.5000])
    """
    return (-_covered(_converted(input, dtype, whole=False), mask, math.inf)).softmax(dim)


@composite("masked.normalize", methods="")
def masked_normalize(
    input: Any, ord: float, dim: int, *, eps: float = 1e-12, dtype: Any = None, mask: Any = None
) -> Any:
    """Return the elements where `mask` holds divided by their norm along `dim`, which counts as at least `eps`.

    >>> import tapeless as tl
    >>> x, mask = tl.tensor([3.0, 9.0, 4.0]), tl.tensor([True, False, True])
    >>> tl.masked.normalize(x, 2, 0, mask=mask)
    tensor([0.6000, 0.0000, 0.8000])
    """
    input = _converted(input, dtype, whole=False)
    size = masked_norm(input, ord, dim, keepdim=True, mask=mask).clamp_min(eps)
    return _covered(input, mask, 0) / size


@composite("masked.logaddexp", methods="")
def masked_logaddexp(
    input: Any, other: Any, *, dtype: Any = None, input_mask: Any = None, other_mask: Any = None
) -> Any:
    """Return ``log(exp(input) + exp(other))`` of what the two masks let through.

    >>> import tapeless as tl
    >>> mask = tl.tensor([True, False])
    >>> tl.masked.logaddexp(tl.zeros(2), tl.zeros(2), input_mask=mask, other_mask=mask)
    tensor([0.6931,   -inf])
    """
    a, b = (_covered(_converted(x, dtype, False), m, -math.inf) for x, m in ((input, input_mask), (other, other_mask)))
    return FUNCTIONS["logaddexp"](a, b)


@composite("masked.logsumexp", methods="")
def masked_logsumexp(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """Return ``log(sum(exp(input)))`` of the elements where `mask` holds.

    >>> import tapeless as tl
    >>> x, mask = tl.tensor([0.0, 9.0, 0.0]), tl.tensor([True, False, True])
    >>> tl.masked.logsumexp(x, 0, mask=mask)
    tensor(0.6931)
    """
    kind = input.dtype if dtype is None else as_dtype(dtype)  # integers come back as integers, as in PyTorch
    input = _converted(input, None, whole=False)
    dims = _dims(dim, input.ndim)
    dims = tuple(range(input.ndim)) if dims is None else dims
    return _covered(input, mask, -math.inf).logsumexp(dims, keepdim).to(kind)
