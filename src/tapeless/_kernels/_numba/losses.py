"""Losses and their gradients: cross-entropy of class numbers, squared errors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._compile import compiled, fits
from ._math import exp


def softmax_loss(x: Any, target: Any) -> Any:
    """Return the sum of the losses, the exponentials (classes, rows) and their sums."""
    if x.dtype != np.float32 or not fits(x) or x.ndim != 2:
        return NotImplemented
    e, total = np.empty_like(x), np.empty(len(x), x.dtype)
    return np.float32(_softmax_loss(x, target, e, total)), e.T, total


@compiled
def _softmax_loss(x, target, e, total):  # type: ignore[no-untyped-def]
    loss = np.float64(0)
    for i in range(x.shape[0]):
        largest, s = x[i, 0], np.float32(0)
        for j in range(1, x.shape[1]):  # what NaN does to it does not matter: it makes the sum NaN
            largest = x[i, j] if x[i, j] > largest else largest
        for j in range(x.shape[1]):
            e[i, j] = exp(x[i, j] - largest)
            s += e[i, j]
        total[i] = s
        loss += np.log(s) - (x[i, target[i]] - largest)
    return loss


def softmax_grad(e: Any, total: Any, target: Any, factor: Any) -> Any:
    """Return the gradient of the logits, if `softmax_loss` above filled `e`."""
    e = e.T
    if not fits(e) or e.ndim != 2:
        return NotImplemented
    out = np.empty_like(e)
    _softmax_grad(e, total, target, e.dtype.type(factor), out)
    return out


@compiled
def _softmax_grad(e, total, target, factor, out):  # type: ignore[no-untyped-def]
    for i in range(e.shape[0]):
        share = factor / total[i]
        for j in range(e.shape[1]):
            out[i, j] = e[i, j] * share
        out[i, target[i]] -= factor


def squared_error(x: Any, target: Any) -> Any:
    """Return the sum of squared differences."""
    if not fits(x, target):
        return NotImplemented
    return x.dtype.type(_squared_error(x.reshape(-1), target.reshape(-1)))


@compiled
def _squared_error(x, target):  # type: ignore[no-untyped-def]
    total = x.dtype.type(0)
    for i in range(x.size):
        total += (x[i] - target[i]) * (x[i] - target[i])
    return total


def scaled_error(x: Any, target: Any, factor: Any) -> Any:
    """Return ``(x - target) * factor``, of a number `factor`."""
    if not fits(x, target) or not isinstance(factor, np.generic) or factor.dtype is not x.dtype:
        return NotImplemented
    out = np.empty_like(x)
    _scaled_error(x.reshape(-1), target.reshape(-1), factor, out.reshape(-1))
    return out


@compiled
def _scaled_error(x, target, factor, out):  # type: ignore[no-untyped-def]
    for i in range(x.size):
        out[i] = (x[i] - target[i]) * factor
