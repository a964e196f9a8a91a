"""Operations of neural networks that draw at random: the kinds of dropout, `rrelu`, fractional pooling.

The same seed gives PyTorch's masks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ._core.registry import composite
from ._core.tensor_base import unwrap, wrap
from ._ops.pooling import fractional
from ._random import stream_of


def _uniform(shape: Any, dtype: Any) -> Any:
    return stream_of(None).uniform(shape, dtype)


def _check(p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _kept(shape: Any, p: float, dtype: Any) -> Any:
    """Draw a mask of zeros and ones."""
    return stream_of(None).bernoulli(shape, 1 - p, dtype)


def _kept_like(x: Any, p: float) -> Any:
    """Draw a mask of zeros and ones in the order in which `x` lies in memory, as PyTorch does."""
    axes = sorted(range(x.ndim), key=lambda axis: -x.strides[axis])
    if axes == list(range(x.ndim)) or min(x.strides) <= 0:
        return _kept(x.shape, p, x.dtype)
    kept = _kept([x.shape[axis] for axis in axes], p, x.dtype)
    return kept.transpose([axes.index(axis) for axis in range(x.ndim)])


def _multiply(input: Any, mask: Any, inplace: bool) -> Any:
    return input.mul_(wrap(mask)) if inplace else input * wrap(mask)


@composite("dropout nn.functional.dropout", methods="")
def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zero each element with probability `p` while training, and scale the others by ``1 / (1 - p)``.

    Shape: (...) to (...), any number of dims.

    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.dropout.html

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> tl.nn.functional.dropout(tl.ones(4), p=0.5)
    tensor([0., 0., 2., 0.])
    >>> tl.nn.functional.dropout(tl.ones(4), training=False)
    tensor([1., 1., 1., 1.])
    """
    _check(p)
    if not training or p == 0:
        return input
    if p == 1:
        return input.mul_(0) if inplace else input * 0
    kept = _kept_like(input._array, p)
    kept *= 1 / (1 - p)
    return _multiply(input, kept, inplace)


def _feature_dropout(input: Any, p: float, training: bool, inplace: bool) -> Any:
    """Zero whole channels, dims 0 and 1 of the input."""
    _check(p)
    if not training or p == 0:
        return input
    if input.ndim < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    shape = (*input.shape[:2], *(1,) * (input.ndim - 2))
    if p == 1:
        return input.mul_(0) if inplace else input * 0
    kept = _kept(shape, p, input.dtype)
    kept /= 1 - p
    return _multiply(input, kept, inplace)


@composite("nn.functional.dropout1d", methods="")
def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zero whole channels of ``(N, C, L)`` or ``(C, L)`` with probability `p` while training.

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> tl.nn.functional.dropout1d(tl.ones(2, 2, 2))
    tensor([[[0., 0.],
             [0., 0.]],
    <BLANKLINE>
            [[2., 2.],
             [0., 0.]]])
    """
    _check(p)
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input. Note that dropout1d exists to "
            "provide channel-wise dropout on inputs with 1 spatial dimension, a channel dimension, and an optional "
            "batch "
            "dimension (i.e. 2D or 3D inputs)."
        )
    if input.ndim == 2:
        return _feature_dropout(input.unsqueeze(0), p, training, inplace).squeeze(0)
    return _feature_dropout(input, p, training, inplace)


@composite("nn.functional.dropout2d", methods="")
def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zero whole channels of ``(N, C, H, W)`` with probability `p` while training.

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> tl.nn.functional.dropout2d(tl.ones(2, 2, 1, 2)).squeeze()
    tensor([[[0., 0.],
             [0., 0.]],
    <BLANKLINE>
            [[2., 2.],
             [0., 0.]]])
    """
    return _feature_dropout(input, p, training, inplace)


@composite("nn.functional.dropout3d", methods="")
def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zero whole channels of ``(N, C, D, H, W)`` or ``(C, D, H, W)`` with probability `p` while training.

    >>> import tapeless as tl
    >>> tl.nn.functional.dropout3d(tl.ones(2, 3, 4, 4, 4)).shape
    torch.Size([2, 3, 4, 4, 4])
    """
    _check(p)
    if input.ndim == 4 and training:
        return _feature_dropout(input.unsqueeze(0), p, training, inplace).squeeze(0)
    return _feature_dropout(input, p, training, inplace)


# Klambauer et al., "Self-Normalizing Neural Networks" (2017): what is dropped becomes the SELU's limit.
_ALPHA = 1.7580993408473766


def _alpha_dropout(input: Any, draw: Callable[[], Any], p: float, training: bool, inplace: bool) -> Any:
    _check(p)
    if not training or p == 0:
        return input
    if p == 1:
        return input.mul_(0) if inplace else input * 0
    kept = draw()
    a = 1 / math.sqrt((_ALPHA * _ALPHA * p + 1) * (1 - p))
    shift = wrap((kept - 1) * (_ALPHA * a) + _ALPHA * a * p)
    if inplace:
        return input.mul_(wrap(kept * a)).add_(shift)
    return input * wrap(kept * a) + shift


@composite("nn.functional.alpha_dropout alpha_dropout", methods="")
def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Set elements to SELU's negative limit with probability `p`, keeping mean 0 and variance 1.

    Shape: (...) to (...), any number of dims.

    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.alpha_dropout.html

    >>> import tapeless as tl
    >>> tl.nn.functional.alpha_dropout(tl.ones(2), training=False)
    tensor([1., 1.])
    """
    return _alpha_dropout(input, lambda: _kept_like(unwrap(input), p), p, training, inplace)


@composite("nn.functional.feature_alpha_dropout feature_alpha_dropout", methods="")
def feature_alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Do `alpha_dropout` to whole channels, dims 0 and 1 of the input.

    Shape: (N, C, ...) to the same.

    >>> import tapeless as tl
    >>> tl.nn.functional.feature_alpha_dropout(tl.ones(1, 2, 3), training=False)
    tensor([[[1., 1., 1.],
             [1., 1., 1.]]])
    """
    shape = (*input.shape[:2], *(1,) * (input.ndim - 2))
    if training and p > 0 and input.ndim < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    return _alpha_dropout(input, lambda: _kept(shape, p, input.dtype), p, training, inplace)


@composite("native_dropout_backward", methods="")
def native_dropout_backward(grad_output: Any, mask: Any, scale: float) -> Any:
    """Return ``grad_output * mask * scale``."""
    return grad_output * mask.to(grad_output.dtype) * scale


@composite("nn.functional.rrelu rrelu", methods="")
def rrelu(
    input: Any, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, inplace: bool = False
) -> Any:
    """Return `input` where positive, else times a slope: drawn from ``[lower, upper)`` while training, else the mean.

    Shape: (...) to (...), any number of dims.

    Raises RuntimeError unless ``lower <= upper``.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.rrelu.html

    >>> import tapeless as tl
    >>> tl.nn.functional.rrelu(tl.tensor([-4.0, 2.0]), 0.25, 0.25)
    tensor([-1.,  2.])
    """
    if not math.isfinite(lower):
        raise RuntimeError(f"rrelu: lower bound must be finite, got {lower}")
    if not math.isfinite(upper):
        raise RuntimeError(f"rrelu: upper bound must be finite, got {upper}")
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    array = unwrap(input)
    slope: Any = np.full(array.shape, (lower + upper) / 2, array.dtype)
    if training:  # one draw for each element that is not positive, in order
        slope = np.ones(array.shape, array.dtype)
        low = array <= 0
        drawn = stream_of(None).uniform((int(low.sum()),), "float64")
        slope[low] = (drawn * (upper - lower) + lower).astype(array.dtype)
    else:
        slope = slope * (array <= 0) + (array > 0)
    return _multiply(input, slope.astype(array.dtype), inplace)


def _declare_fractional(ndim: int) -> None:
    name = f"fractional_max_pool{ndim}d"

    def fractional_max_pool(
        input: Any,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Any = None,
    ) -> Any:
        options = (kernel_size, output_size, output_ratio, _random_samples)
        values, index = fractional(name, ndim, input, options, _uniform)
        return (values, index) if return_indices else values

    fractional_max_pool.__name__ = fractional_max_pool.__qualname__ = name
    fractional_max_pool.__doc__ = f"""Return maxima of windows that begin at random, in the last {ndim} dims.

    Graham, "Fractional max-pooling" (2014). Give `output_size`, or `output_ratio` of the input's sizes.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.{name}.html

    >>> import tapeless as tl
    >>> x = tl.rand(1, 3, {", ".join(["8"] * ndim)})
    >>> tl.nn.functional.{name}(x, kernel_size=2, output_size=5).shape
    torch.Size([1, 3, {", ".join(["5"] * ndim)}])
    """
    composite(f"nn.functional.{name}", methods="")(fractional_max_pool)


for _ndim in (2, 3):
    _declare_fractional(_ndim)
