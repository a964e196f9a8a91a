"""Fold a batch normalization in evaluation mode into the layer before it: one layer that computes the same.

Source: https://docs.pytorch.org/docs/stable/nn.html#utilities
"""

from __future__ import annotations

import copy
from typing import Any

from tapeless._creation import ones_like, zeros_like
from tapeless._tensor import Tensor

from .._parameter import Parameter

__all__ = ["fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights"]


def _folded(
    weight: Tensor, bias: Any, mean: Any, var: Any, eps: float, bn_weight: Any, bn_bias: Any, shape: list[int]
) -> tuple[Parameter, Parameter]:
    """Return ``weight * s`` (``s`` broadcast from ``shape``) and ``(bias - mean) * s + bn_bias``, s the scale."""
    dtypes = weight.dtype, weight.dtype if bias is None else bias.dtype
    bias = zeros_like(mean) if bias is None else bias
    bn_weight = ones_like(mean) if bn_weight is None else bn_weight
    bn_bias = zeros_like(mean) if bn_bias is None else bn_bias
    scale = bn_weight * (var + eps).rsqrt()
    new_weight = (weight * scale.reshape(shape)).to(dtypes[0])
    new_bias = ((bias - mean) * scale + bn_bias).to(dtypes[1])
    return (
        Parameter(new_weight.detach(), weight.requires_grad),
        Parameter(new_bias.detach(), bias.requires_grad),
    )


def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """Return weight and bias of the convolution that does both; ``transpose`` for transposed convolutions.

    ``conv_w`` is (out, in, ...), for transposed ones (in, out, ...); all others have length out.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.fuse_conv_bn_weights.html

    >>> import tapeless as tl
    >>> conv, bn = tl.nn.Conv1d(2, 3, 1), tl.nn.BatchNorm1d(3).eval()
    >>> w, b = tl.nn.utils.fuse_conv_bn_weights(
    ...     conv.weight, conv.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    ... )
    >>> x = tl.ones(1, 2, 4)
    >>> tl.allclose(tl.nn.functional.conv1d(x, w, b), bn(conv(x)), atol=1e-6)
    True
    """
    shape = [1, -1] if transpose else [-1, 1]
    shape += [1] * (conv_w.ndim - 2)
    return _folded(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, shape)


def fuse_linear_bn_weights(
    linear_w: Tensor,
    linear_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor,
    bn_b: Tensor,
) -> tuple[Parameter, Parameter]:
    """Return weight (out, in) and bias (out) of the linear layer that does both.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.fuse_linear_bn_weights.html

    >>> import tapeless as tl
    >>> layer, bn = tl.nn.Linear(2, 3), tl.nn.BatchNorm1d(3).eval()
    >>> w, b = tl.nn.utils.fuse_linear_bn_weights(
    ...     layer.weight, layer.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    ... )
    >>> tl.allclose(tl.nn.functional.linear(tl.ones(1, 2), w, b), bn(layer(tl.ones(1, 2))), atol=1e-6)
    True
    """
    return _folded(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, [-1, 1])


def _check_eval(layer: Any, bn: Any) -> None:
    if layer.training or bn.training:
        raise AssertionError("Fusion only for eval! Call .eval() on both: in training the statistics change.")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError(
            "bn.running_mean and bn.running_var must not be None: this one has track_running_stats=False, and so "
            "computes with the statistics of each batch."
        )


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """Return a copy of ``conv`` that does what ``conv`` and then ``bn`` do.

    Raises ``AssertionError`` unless both are in evaluation mode.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.fuse_conv_bn_eval.html

    >>> import tapeless as tl
    >>> conv, bn = tl.nn.Conv2d(1, 4, 3).eval(), tl.nn.BatchNorm2d(4).eval()
    >>> x = tl.ones(1, 1, 5, 5)
    >>> tl.allclose(fuse_conv_bn_eval(conv, bn)(x), bn(conv(x)), atol=1e-6)
    True
    """
    _check_eval(conv, bn)
    fused = copy.deepcopy(conv)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, transpose
    )
    return fused


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """Return a copy of ``linear`` that does what ``linear`` and then ``bn`` do.

    Raises ``AssertionError`` unless both are in evaluation mode, and ``bn`` has as many features as ``linear``, or 1.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.fuse_linear_bn_eval.html

    >>> import tapeless as tl
    >>> layer, bn = tl.nn.Linear(2, 3).eval(), tl.nn.BatchNorm1d(3).eval()
    >>> fused, x = tl.nn.utils.fuse_linear_bn_eval(layer, bn), tl.ones(1, 2)
    >>> tl.allclose(fused(x), bn(layer(x)), atol=1e-6)
    True
    """
    _check_eval(linear, bn)
    if bn.num_features not in (linear.out_features, 1):
        raise AssertionError(
            "To fuse, linear.out_features == bn.num_features or bn.num_features == 1, "
            f"got linear.out_features={linear.out_features} and bn.num_features={bn.num_features}"
        )
    fused = copy.deepcopy(linear)
    fused.weight, fused.bias = fuse_linear_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    )
    return fused
