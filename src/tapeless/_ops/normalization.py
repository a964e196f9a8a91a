"""Normalizations: batch, group, instance and local response; see `layer_norm` for those over the last dims.

The first three are one operation: the mean and variance over some axes of a reshaped input, with a hand-written
gradient (Ioffe and Szegedy, "Batch Normalization", 2015, section 3) and a `composite` for higher orders.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core import clock
from .._core.function import Function
from .._core.registry import composite
from .._core.tensor_base import unwrap
from .._kernels.accelerated import accelerated
from .padding import ConstantPad
from .pooling import WindowSums


class Standardize(Function):
    """``(input - mean) / sqrt(variance + eps)`` over `axes`; results: that, the mean, and one over the deviation."""

    differentiable = ("input",)

    def forward(self, input: Any, axes: tuple[int, ...], eps: float) -> Any:
        self.axes, self.eps = axes, eps
        self.count = math.prod(input.shape[axis] for axis in axes)
        mean = input.mean(axis=axes, keepdims=True) if self.count else np.zeros((), input.dtype)
        centred = input - mean
        variance = np.mean(centred * centred, axis=axes, keepdims=True)
        scale = 1 / np.sqrt(variance + input.dtype.type(eps))
        centred *= scale
        self.normal, self.scale = centred, scale
        return centred, mean, scale

    def backward(self, g, input):
        """Return the gradient of the first result; the others are constants here (see `composite`)."""
        g, normal, axes = g[0], self.normal, self.axes
        inner = np.mean(g, axis=axes, keepdims=True) + normal * np.mean(g * normal, axis=axes, keepdims=True)
        return ((g - inner) * self.scale,)

    def composite(self, input):
        """Return the first result in other operations."""
        centred = input - input.mean(self.axes, True)
        variance = (centred * centred).mean(self.axes, True)
        return centred * (variance + self.eps).rsqrt()


def standardize(input: Any, axes: tuple[int, ...], eps: float) -> Any:
    """Return the input with mean 0 and variance 1 over `axes`."""
    return Normal.apply(input, axes, eps)


class Normal(Standardize):
    """`Standardize` with one result."""

    def forward(self, input: Any, axes: tuple[int, ...], eps: float) -> Any:
        return super().forward(input, axes, eps)[0]

    def backward(self, g, input):
        """Return the gradient."""
        return super().backward([g], input)


def _scaled(normal: Any, weight: Any, bias: Any) -> Any:
    if weight is not None:
        normal = normal * weight
    return normal if bias is None else normal + bias


def _native(input: Any, axes: tuple[int, ...], weight: Any, bias: Any, eps: float) -> Any:
    mean = input.mean(axes, True)
    centred = input - mean
    scale = ((centred * centred).mean(axes, True) + eps).rsqrt()
    return _scaled(centred * scale, weight, bias), mean, scale


# -- Batches, groups, instances --------------------------------------------------------------------------


def _per_channel(x: Any, ndim: int) -> Any:
    """Return a vector of channels shaped to meet dim 1 of an input."""
    return None if x is None else x.reshape((1, -1) + (1,) * (ndim - 2))


class NativeBatchNorm(Function):
    """Batch normalization by the batch's own statistics; results: that, the mean and the variance (biased).

    One operation for speed: five passes over the input in place of twelve, and four in place of nine on the way
    back. The mean is taken off before anything is squared: ``mean(x * x) - mean(x) ** 2`` would save another
    pass, and all digits where the mean is large.
    """

    differentiable = ("input", "weight", "bias")
    materialize = False

    def forward(self, input: Any, weight: Any, bias: Any, eps: float) -> Any:
        self.eps = eps
        flat = input.reshape(*input.shape[:2], -1)
        out, centred, mean, variance, scale = _batch_norm(flat, weight, bias, eps)
        self.saved = centred, scale
        return out.reshape(input.shape), mean, variance

    def backward(self, g, input, weight, bias):
        """Return the gradients of the first result; the others are constants here."""
        centred, scale = self.saved
        out, to_weight, to_bias = _batch_norm_grad(g[0].reshape(centred.shape), centred, scale, weight)
        to_weight = None if weight is None else to_weight
        return out.reshape(input.shape), to_weight, None if bias is None else to_bias

    def composite(self, input, weight, bias):
        """Return the first result in other operations."""
        axes = (0, *range(2, input.ndim))
        centred = input - input.mean(axes, True)
        normal = centred * ((centred * centred).mean(axes, True) + self.eps).rsqrt()
        return _scaled(normal, _per_channel(weight, input.ndim), _per_channel(bias, input.ndim))


@accelerated("normalization.batch_norm", size=16384)
def _batch_norm(flat: Any, weight: Any, bias: Any, eps: float) -> tuple[Any, ...]:
    """Return the result, the input less its mean, and by channels: mean, variance, one over the deviation."""
    count = flat.dtype.type(flat.size // flat.shape[1])
    mean = flat.sum(axis=2).sum(axis=0) / count  # two sums: each runs along memory
    centred = flat - mean[:, None]
    variance = _channel_products(centred, centred) / count
    scale = 1 / np.sqrt(variance + flat.dtype.type(eps))
    out = centred * (scale if weight is None else scale * weight)[:, None]
    if bias is not None:
        out += bias[:, None]
    return out, centred, mean, variance, scale


@accelerated("normalization.batch_norm_grad", size=16384)
def _batch_norm_grad(flat: Any, centred: Any, scale: Any, weight: Any) -> tuple[Any, Any, Any]:
    """Return the gradients of input, weight and bias; `flat` is that of the result."""
    count = flat.dtype.type(flat.size // flat.shape[1])
    total, along = flat.sum(axis=2).sum(axis=0), _channel_products(flat, centred)
    factor = scale if weight is None else scale * weight
    # factor * (g - mean(g) - normal * mean(g * normal)), in one new array
    out = centred * (along * scale * scale / -count)[:, None]
    out += flat
    out -= (total / count)[:, None]
    out *= factor[:, None]
    return out, along * scale, total


def _channel_products(a: Any, b: Any) -> Any:
    """Return the sum of products in each channel of two ``(N, C, L)``."""
    if a.shape[2] >= 16 and a.dtype.itemsize >= 4:  # dot products of rows: nothing as large as `a` is made
        return (a[:, :, None] @ b[..., None]).reshape(a.shape[:2]).sum(axis=0)
    return (a * b).sum(axis=(0, 2))


def _update(running: Any, value: Any, momentum: float) -> None:
    """Move a running statistic towards a batch's."""
    if running is not None:
        target = unwrap(running)
        target *= target.dtype.type(1 - momentum)
        target += value.reshape(target.shape).astype(target.dtype) * target.dtype.type(momentum)
        clock.mark_written(target)


def _batch_statistics(array: Any, axes: tuple[int, ...]) -> tuple[Any, Any]:
    count = math.prod(array.shape[a] for a in axes)
    return array.mean(axis=axes), array.var(axis=axes) * (count / max(count - 1, 1))


def _check_channels(input: Any, named: dict[str, Any], channels: int) -> None:
    for name, x in named.items():
        if x is not None and x.numel() != channels:
            raise RuntimeError(f"{name} should contain {channels} elements not {x.numel()}")


@composite("nn.functional.batch_norm", methods="")
def batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Return ``(N, C, ...)`` with mean 0 and variance 1 in each channel, times `weight`, plus `bias`.

    While `training` the statistics are the batch's, and move the running ones by `momentum`; else the running ones.
    Raises ValueError for one value per channel while training, RuntimeError for sizes that do not fit.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.batch_norm.html

    >>> import tapeless as tl
    >>> tl.nn.functional.batch_norm(tl.tensor([[1.0], [3.0]]), None, None, training=True)
    tensor([[-1.0000],
            [ 1.0000]])
    """
    if training and input.ndim > 1 and input.numel() and input.numel() == input.shape[1]:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {input.shape}")
    if training and eps <= 0:
        raise ValueError(f"batch_norm eps must be positive during training, but got {eps}\nPyTorch's default is 1e-5.")
    if eps < 0:
        raise ValueError(f"batch_norm eps must be non-negative, but got {eps}\nPyTorch's default is 1e-5.")
    if not training and (running_mean is None or running_var is None):
        raise RuntimeError("Expected running_mean and running_var to be defined when training=False")
    if input.numel() == 0 and input.ndim < 2:
        return input.clone()
    channels = input.shape[1]
    named = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    _check_channels(input, named, channels)
    if training and input.numel() and all(x is None or x.dtype == input.dtype for x in (weight, bias)):
        out, mean, variance = NativeBatchNorm.apply(input, weight, bias, eps)
        count = input.numel() // channels
        _update(running_mean, unwrap(mean), momentum)
        _update(running_var, unwrap(variance) * (count / max(count - 1, 1)), momentum)
        return out
    axes = (0, *range(2, input.ndim))
    weight, bias = _per_channel(weight, input.ndim), _per_channel(bias, input.ndim)
    if training:
        if input.numel() and (running_mean is not None or running_var is not None):
            mean, variance = _batch_statistics(unwrap(input.detach()), axes)
            _update(running_mean, mean, momentum)
            _update(running_var, variance, momentum)
        return _scaled(standardize(input, axes, eps), weight, bias)
    mean, variance = _per_channel(running_mean, input.ndim), _per_channel(running_var, input.ndim)
    return _scaled((input - mean) * (variance + eps).rsqrt(), weight, bias)


@composite("batch_norm", methods="")
def batch_norm_with_flag(
    input: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Any:
    """Return `nn.functional.batch_norm`, with the arguments in the order of ``torch.batch_norm``.

    >>> import tapeless as tl
    >>> tl.batch_norm(tl.tensor([[1.0], [3.0]]), None, None, None, None, True, 0.1, 1e-5, False)
    tensor([[-1.0000],
            [ 1.0000]])
    """
    return batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


@composite("native_batch_norm", methods="")
def native_batch_norm(
    input: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    training: bool,
    momentum: float,
    eps: float,
) -> Any:
    """Return (`batch_norm`, the batch's mean, one over its deviation); the last two are empty unless `training`.

    >>> import tapeless as tl
    >>> out, mean, invstd = tl.native_batch_norm(tl.tensor([[1.0], [3.0]]), None, None, None, None, True, 0.1, 0.0)
    >>> mean, invstd
    (tensor([2.]), tensor([1.]))
    """
    axes = (0, *range(2, input.ndim))
    if not training:
        out = batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
        return out, input.new_zeros((0,)), input.new_zeros((0,))
    mean, variance = _batch_statistics(unwrap(input.detach()), axes)
    _update(running_mean, mean, momentum)
    _update(running_var, variance, momentum)
    weight, bias = _per_channel(weight, input.ndim), _per_channel(bias, input.ndim)
    out, mean, scale = _native(input, axes, weight, bias, eps)
    return out, mean.detach().reshape(-1), scale.detach().reshape(-1)


@composite("nn.functional.instance_norm", methods="")
def instance_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Return ``(N, C, ...)`` with mean 0 and variance 1 in each channel of each sample, times `weight`, plus `bias`.

    Ulyanov, Vedaldi and Lempitsky, "Instance Normalization" (2016).

    >>> import tapeless as tl
    >>> tl.nn.functional.instance_norm(tl.tensor([[[1.0, 3.0]]]))
    tensor([[[-1.0000,  1.0000]]])
    """
    spatial = tuple(range(2, input.ndim))
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    if input.numel() and math.prod(tuple(input.shape)[2:]) == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {input.shape}")
    if running_mean is not None or running_var is not None:
        mean, variance = _batch_statistics(unwrap(input.detach()), spatial)
        _update(running_mean, mean.mean(0), momentum)
        _update(running_var, variance.mean(0), momentum)
    return _scaled(standardize(input, spatial, eps), _per_channel(weight, input.ndim), _per_channel(bias, input.ndim))


def _grouped(input: Any, num_groups: int, weight: Any, bias: Any) -> tuple[int, ...]:
    """Return the shape with channels by groups, or refuse what does not fit."""
    if input.ndim < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.ndim}")
    channels = input.shape[1]
    if num_groups <= 0:
        raise RuntimeError(f"Expected num groups to be greater than 0, got {num_groups}")
    if channels % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{list(input.shape)} and num_groups={num_groups}"
        )
    for name, x in (("weight", weight), ("bias", bias)):
        if x is not None and (x.ndim != 1 or x.numel() != channels):
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, but got {name} of "
                f"shape {list(x.shape)} and input of shape {list(input.shape)}"
            )
    return (input.shape[0], num_groups, math.prod(tuple(input.shape)[1:]) // num_groups)


@composite("nn.functional.group_norm", methods="")
def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Return ``(N, C, ...)`` with mean 0 and variance 1 in each group of channels, times `weight`, plus `bias`.

    Wu and He, "Group Normalization" (2018). Raises RuntimeError unless the groups divide the channels.

    >>> import tapeless as tl
    >>> tl.nn.functional.group_norm(tl.tensor([[1.0, 3.0]]), 1)
    tensor([[-1.0000,  1.0000]])
    """
    shape = _grouped(input, num_groups, weight, bias)
    if math.prod(shape[::2]) == 1 and input.numel():
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {list(input.shape)}")
    normal = standardize(input.reshape(shape), (2,), eps).reshape(tuple(input.shape))
    return _scaled(normal, _per_channel(weight, input.ndim), _per_channel(bias, input.ndim))


@composite("group_norm", methods="")
def group_norm_with_flag(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5, cudnn_enabled: bool = True
) -> Any:
    """Return `nn.functional.group_norm`.

    >>> import tapeless as tl
    >>> tl.group_norm(tl.tensor([[1.0, 3.0, 10.0, 30.0]]), 2, eps=0.0)
    tensor([[-1.,  1., -1.,  1.]])
    """
    return group_norm(input, num_groups, weight, bias, eps)


@composite("native_group_norm", methods="")
def native_group_norm(input: Any, weight: Any, bias: Any, N: int, C: int, HxW: int, group: int, eps: float) -> Any:
    """Return (`group_norm`, means, one over the deviations) of N x C x HxW elements.

    >>> import tapeless as tl
    >>> out, mean, rstd = tl.native_group_norm(tl.tensor([[1.0, 3.0]]), None, None, 1, 2, 1, 1, 0.0)
    >>> mean, rstd
    (tensor([[2.]]), tensor([[1.]]))
    """
    flat = input.reshape(N, group, C // group * HxW)
    normal, mean, scale = _native(flat, (2,), None, None, eps)
    out = _scaled(normal.reshape(tuple(input.shape)), _per_channel(weight, input.ndim), _per_channel(bias, input.ndim))
    return out, mean.reshape(N, group), scale.reshape(N, group)


@composite("nn.functional.local_response_norm", methods="")
def local_response_norm(input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    """Return ``input / (k + alpha * mean square of the `size` nearest channels) ** beta``.

    Shape: (N, C, ...) to the same, of 3 dims or more.

    Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep CNNs" (2012), section 3.3.

    >>> import tapeless as tl
    >>> tl.nn.functional.local_response_norm(tl.ones(1, 1, 2), 1, alpha=1.0, beta=1.0)
    tensor([[[0.5000, 0.5000]]])
    """
    if input.ndim < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input (got {input.ndim} dimensions)")
    if input.numel() == 0:
        return input
    widths = tuple((size // 2, (size - 1) // 2) if d == 1 else (0, 0) for d in range(input.ndim))
    squares = ConstantPad.apply(input * input, widths, 0).movedim(1, -1)
    sums = WindowSums.apply(squares, (size,), (1,), (input.shape[1],)).movedim(-1, 1)
    mean = sums.div(size, rounding_mode="trunc" if input.dtype.kind in "iu" else None)
    return input / (mean * alpha + k).pow(beta)
