"""Normalizations over the last dims, those of the features: layer norm, by mean and variance, and RMS norm."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import composite
from .._kernels.accelerated import accelerated
from ._common import ones
from .normalization import _native, _scaled, standardize


class LayerNorm(Function):
    """``(input - mean) / sqrt(variance + eps) * weight + bias`` over the last dims, those of weight and bias.

    Fused because weight and bias would cost two more nodes, with a pass forward and two passes back each. All sums,
    along rows and across them, are products with vectors, several times as fast as NumPy's own: rows of 128 floats
    are too short for `np.sum` to get going.
    """

    differentiable = ("input", "weight", "bias")

    def forward(self, input: Any, weight: Any, bias: Any, eps: float) -> Any:
        self.eps = eps
        size = math.prod(weight.shape)
        rows, row = input.reshape((-1, size)), None if bias is None else bias.reshape((size,))
        out, *self.saved = _layer_norm(rows, weight.reshape((size,)), row, eps)
        return out.reshape(input.shape)

    def backward(self, g, input, weight, bias):
        """Return the gradients; see `_layer_norm_grad`."""
        normal, scale = self.saved
        shape = weight.shape
        g_input, g_weight, g_bias = _layer_norm_grad(g.reshape(normal.shape), normal, scale, weight.reshape((-1,)))
        return (
            g_input.reshape(input.shape),
            g_weight.reshape(shape),
            None if bias is None else g_bias.reshape(shape),
        )

    def composite(self, input, weight, bias):
        """Return the result in other operations."""
        axes = tuple(range(input.ndim - weight.ndim, input.ndim))
        return _native(input, axes, weight, bias, self.eps)[0]

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name of the node."""
        return "NativeLayerNormBackward0"


@accelerated("normalization.layer_norm", size=8192)
def _layer_norm(x: Any, weight: Any, bias: Any, eps: float) -> tuple[Any, Any, Any]:
    """Return the result, the rows of `x` with mean 0 and variance 1, and one over their deviations."""
    size = x.shape[1]
    normal = x - np.matmul(x, _averaging(size, x.dtype))
    scale = np.vecdot(normal, normal)[:, None]
    scale /= size
    scale += eps
    np.sqrt(scale, out=scale)
    np.divide(1, scale, out=scale)
    normal *= scale
    out = normal * weight
    if bias is not None:
        out += bias
    return out, normal, scale


@accelerated("normalization.layer_norm_grad", size=8192)
def _layer_norm_grad(g: Any, normal: Any, scale: Any, weight: Any) -> tuple[Any, Any, Any]:
    """With ``h = g * weight``: ``(h - mean(h) - normal * mean(h * normal)) * scale``, means taken along rows.

    Also the gradients of weight and bias.
    """
    size = normal.shape[1]
    row = weight.reshape((size, 1))
    both = g * normal
    one = ones(len(g), g.dtype)
    g_weight, g_bias = np.dot(one, both), np.dot(one, g)
    share = row / size
    inner, mean = np.dot(both, share), np.dot(g, share)
    np.multiply(normal, inner, out=both)
    both += mean
    g_input = g * row.T
    g_input -= both
    g_input *= scale
    return g_input, g_weight, g_bias


def _averaging(size: int, dtype: Any) -> Any:
    """Return the column whose product with rows is their means."""
    return np.full((size, 1), 1 / size, dtype)


def _fits(input: Any, weight: Any, bias: Any) -> bool:
    """Whether `LayerNorm` is for these: float32 or float64, with a weight, and not empty."""
    return (
        weight is not None
        and input.dtype in (np.float32, np.float64)
        and weight.dtype == input.dtype
        and (bias is None or bias.dtype == input.dtype)
        and input.numel() > 0
    )


def _check_layer(name: str, input: Any, shape: tuple[int, ...], weight: Any, bias: Any) -> None:
    if len(shape) < 1:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got "
            "normalized_shape = []"
        )
    for what, x in (("weight", weight), ("bias", bias)):
        if x is not None and tuple(x.shape) != shape:
            raise RuntimeError(
                f"Expected {what} to be of same shape as normalized_shape, but got {what} of shape {list(x.shape)} and "
                f"normalized_shape = {list(shape)}"
            )
    if tuple(input.shape)[input.ndim - len(shape) :] != shape or input.ndim < len(shape):
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape [*, {', '.join(map(str, shape))}], but "
            "got "
            f"input of size{list(input.shape)}"
        )


@composite("nn.functional.layer_norm layer_norm", methods="")
def layer_norm(
    input: Any,
    normalized_shape: Any,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Any:
    """Return `input` with mean 0 and variance 1 over its last dims `normalized_shape`, times `weight`, plus `bias`.

    Ba, Kiros and Hinton, "Layer Normalization" (2016).
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.layer_norm.html

    >>> import tapeless as tl
    >>> tl.nn.functional.layer_norm(tl.tensor([1.0, 3.0]), (2,))
    tensor([-1.0000,  1.0000])
    """
    shape = tuple(normalized_shape) if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
    _check_layer("layer_norm", input, shape, weight, bias)
    if _fits(input, weight, bias):
        return LayerNorm.apply(input, weight, bias, eps)
    axes = tuple(range(input.ndim - len(shape), input.ndim))
    return _scaled(standardize(input, axes, eps), weight, bias)


@composite("native_layer_norm", methods="")
def native_layer_norm(input: Any, normalized_shape: Any, weight: Any, bias: Any, eps: float) -> Any:
    """Return (`layer_norm`, mean, one over the deviation).

    >>> import tapeless as tl
    >>> tl.native_layer_norm(tl.tensor([1.0, 3.0]), (2,), None, None, 0.0)[1]
    tensor([2.])
    """
    shape = tuple(normalized_shape)
    _check_layer("layer_norm", input, shape, weight, bias)
    axes = tuple(range(input.ndim - len(shape), input.ndim))
    out, mean, scale = _native(input, axes, weight, bias, eps)
    return out, mean.detach(), scale.detach()


@composite("nn.functional.rms_norm rms_norm", methods="")
def rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Any:
    """Return `input` divided by the root of its mean square over the last dims, times `weight`.

    Shape: (...) to (...), any number of dims.

    Zhang and Sennrich, "Root Mean Square Layer Normalization" (2019). `eps` is the dtype's by default.

    >>> import tapeless as tl
    >>> tl.nn.functional.rms_norm(tl.tensor([3.0, 4.0]), (2,))
    tensor([0.8485, 1.1314])
    """
    shape = tuple(normalized_shape) if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
    _check_layer("rms_norm", input, shape, weight, None)
    axes = tuple(range(input.ndim - len(shape), input.ndim))
    square = input * input
    scale = (square.mean(axes, True) + (float(np.finfo(input.dtype).eps) if eps is None else eps)).rsqrt()
    return _scaled(input * scale, weight, None)
