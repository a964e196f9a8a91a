"""Layer norm and batch norm: each row or channel is read while it is in the cache, twice or three times."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._compile import compiled, fits, in_threads


def layer_norm(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    """Return the result, the normal rows and one over their deviations."""
    if not fits(x) or not fits(weight) or weight.dtype is not x.dtype or not (bias is None or fits(weight, bias)):
        return NotImplemented
    out, normal, scale = np.empty_like(x), np.empty_like(x), np.empty((len(x), 1), x.dtype)
    in_threads(_layer_norm, len(x), x.size, x, weight, bias, x.dtype.type(eps), out, normal, scale)
    return out, normal, scale


@compiled
def _layer_norm(start, stop, x, weight, bias, eps, out, normal, scale):  # type: ignore[no-untyped-def]
    size = x.shape[1]
    zero = x.dtype.type(0)
    share = x.dtype.type(1) / x.dtype.type(size)
    for i in range(start, stop):
        total, square = zero, zero
        for j in range(size):
            total += x[i, j]
        mean = total * share
        for j in range(size):
            square += (x[i, j] - mean) * (x[i, j] - mean)
        factor = x.dtype.type(1) / np.sqrt(square * share + eps)
        scale[i, 0] = factor
        for j in range(size):
            value = (x[i, j] - mean) * factor
            normal[i, j] = value
            value *= weight[j]
            if bias is not None:
                value += bias[j]
            out[i, j] = value


def layer_norm_grad(g: Any, normal: Any, scale: Any, weight: Any) -> Any:
    """Return the gradients of the rows, the weight and the bias."""
    if not fits(g, normal) or not fits(weight) or weight.dtype is not g.dtype:
        return NotImplemented
    out, to_weight, to_bias = np.empty_like(g), np.zeros_like(weight), np.zeros_like(weight)
    _layer_norm_grad(g, normal, scale, weight, out, to_weight, to_bias)
    return out, to_weight, to_bias


@compiled
def _layer_norm_grad(g, normal, scale, weight, out, to_weight, to_bias):  # type: ignore[no-untyped-def]
    size = g.shape[1]
    zero = g.dtype.type(0)
    share = g.dtype.type(1) / g.dtype.type(size)
    for i in range(g.shape[0]):
        mean, along = zero, zero
        for j in range(size):
            h = g[i, j] * weight[j]
            mean += h
            along += h * normal[i, j]
        mean, along = mean * share, along * share
        for j in range(size):
            out[i, j] = (g[i, j] * weight[j] - mean - normal[i, j] * along) * scale[i, 0]
        for j in range(size):
            to_weight[j] += g[i, j] * normal[i, j]
            to_bias[j] += g[i, j]


def batch_norm(flat: Any, weight: Any, bias: Any, eps: float) -> Any:
    """Return the result, the centred input, the mean, the variance and one over the deviation, by channels."""
    kind, channels = flat.dtype.type, flat.shape[1]
    if not fits(flat) or not all([p is None or (p.dtype is flat.dtype and p.ndim == 1) for p in (weight, bias)]):
        return NotImplemented
    weight = np.ones(channels, flat.dtype) if weight is None else weight
    bias = np.zeros(channels, flat.dtype) if bias is None else bias
    out, centred = np.empty_like(flat), np.empty_like(flat)
    mean, variance, scale = (np.empty(channels, flat.dtype) for _ in range(3))
    results = out, centred, mean, variance, scale
    in_threads(_batch_norm, channels, flat.size, flat, weight, bias, kind(eps), *results)
    return results


@compiled
def _batch_norm(start, stop, x, weight, bias, eps, out, centred, mean, variance, scale):  # type: ignore[no-untyped-def]
    rows, size = x.shape[0], x.shape[2]
    zero, one = x.dtype.type(0), x.dtype.type(1)
    share = one / x.dtype.type(rows * size)
    for c in range(start, stop):
        total, square = zero, zero
        for i in range(rows):
            part = zero  # sums of sums lose fewer digits
            for j in range(size):
                part += x[i, c, j]
            total += part
        middle = total * share
        for i in range(rows):
            part = zero
            for j in range(size):
                part += (x[i, c, j] - middle) * (x[i, c, j] - middle)
            square += part
        mean[c], variance[c] = middle, square * share
        scale[c] = one / np.sqrt(variance[c] + eps)
        factor, shift = scale[c] * weight[c], bias[c]
        for i in range(rows):
            for j in range(size):
                value = x[i, c, j] - middle
                centred[i, c, j] = value
                out[i, c, j] = value * factor + shift


def batch_norm_grad(flat: Any, centred: Any, scale: Any, weight: Any) -> Any:
    """Return the gradients of the input, the weight and the bias; `flat` is that of the result."""
    if not fits(flat, centred) or not (weight is None or (weight.dtype is flat.dtype and weight.ndim == 1)):
        return NotImplemented
    channels = flat.shape[1]
    weight = np.ones(channels, flat.dtype) if weight is None else weight
    out, to_weight, to_bias = np.empty_like(flat), np.empty(channels, flat.dtype), np.empty(channels, flat.dtype)
    in_threads(_batch_norm_grad, channels, flat.size, flat, centred, scale, weight, out, to_weight, to_bias)
    return out, to_weight, to_bias


@compiled
def _batch_norm_grad(start, stop, g, centred, scale, weight, out, to_weight, to_bias):  # type: ignore[no-untyped-def]
    rows, size = g.shape[0], g.shape[2]
    zero = g.dtype.type(0)
    share = g.dtype.type(1) / g.dtype.type(rows * size)
    for c in range(start, stop):
        total, along = zero, zero
        for i in range(rows):
            part, product = zero, zero
            for j in range(size):
                part += g[i, c, j]
                product += g[i, c, j] * centred[i, c, j]
            total += part
            along += product
        to_bias[c], to_weight[c] = total, along * scale[c]
        mean, slope = total * share, along * scale[c] * scale[c] * share
        factor = scale[c] * weight[c]
        for i in range(rows):
            for j in range(size):
                out[i, c, j] = (g[i, c, j] - mean - centred[i, c, j] * slope) * factor
