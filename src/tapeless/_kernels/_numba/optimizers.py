"""The updates of Adam, SGD and RMSprop: one pass over memory where NumPy makes ten.

Twins of `adam`, `sgd` and `rmsprop` in `optim/`, where the formulas are explained; the memory `t` that NumPy computes
in is not needed here. Options are arrays of no dims, or None: a loop is compiled for each choice that is met, without
what None stands for.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._compile import compiled


def _flat(*arrays: Any) -> Any:
    """Return arrays of one shape as flat ones; None where the loops are not for them."""
    first = arrays[0]
    if first.dtype.char not in "fd":
        return None
    if first.ndim == 1:
        return arrays
    if not all([array is None or array.flags.c_contiguous for array in arrays]):
        return None  # a copy would be updated
    return [None if array is None else array.reshape(-1) for array in arrays]


def adam(
    values: Any,
    grads: Any,
    m: Any,
    v: Any,
    largest: Any,
    t: Any,
    *,
    beta1: Any,
    beta2: Any,
    share1: Any,
    share2: Any,
    eps: Any,
    rate: Any,
    decay: Any,
    shrink: Any,
    maximize: Any,
) -> Any:
    """Update `values` and the moments in place."""
    flat = _flat(values, grads, m, v, largest)
    return (
        NotImplemented
        if flat is None
        else _adam(*flat, beta1, beta2, share1, share2, eps, rate, decay, shrink, maximize)
    )


@compiled
def _adam(p, grads, m, v, largest, beta1, beta2, share1, share2, eps, rate, decay, shrink, maximize):  # type: ignore[no-untyped-def]
    beta1, beta2, eps, rate = beta1[()], beta2[()], eps[()], rate[()]
    for i in range(p.size):
        g, value = -grads[i] if maximize else grads[i], p[i]
        if decay is not None:
            g += value * decay[()]
        if shrink is not None:
            value *= shrink[()]
        moment = m[i] * beta1 + (g if share1 is None else g * share1[()])
        square = v[i] * beta2 + (g * g if share2 is None else g * g * share2[()])
        m[i], v[i] = moment, square
        if largest is not None:
            if square < largest[i] or largest[i] != largest[i]:  # NaN stays
                square = largest[i]
            largest[i] = square
        p[i] = value + moment / (np.sqrt(square) + eps) * rate


def sgd(
    values: Any,
    grads: Any,
    buffer: Any,
    t: Any,
    *,
    rate: Any,
    decay: Any,
    momentum: Any,
    share: Any,
    nesterov: Any,
    maximize: Any,
) -> Any:
    """Update `values` and the momentum `buffer`, if any, in place."""
    flat = _flat(values, grads, buffer)
    return NotImplemented if flat is None else _sgd(*flat, rate, decay, momentum, share, nesterov, maximize)


@compiled
def _sgd(p, grads, buffer, rate, decay, momentum, share, nesterov, maximize):  # type: ignore[no-untyped-def]
    rate, momentum = rate[()], momentum[()]
    for i in range(p.size):
        g, value = -grads[i] if maximize else grads[i], p[i]
        if decay is not None:
            g += value * decay[()]
        if buffer is not None:
            moved = buffer[i] * momentum + (g if share is None else g * share[()])
            buffer[i] = moved
            g = g + moved * momentum if nesterov else moved
        p[i] = value + g * rate


def rmsprop(
    values: Any,
    grads: Any,
    v: Any,
    buffer: Any,
    mean: Any,
    t: Any,
    *,
    alpha: Any,
    share: Any,
    eps: Any,
    momentum: Any,
    rate: Any,
    decay: Any,
    maximize: Any,
) -> Any:
    """Update `values`, the mean square, and the momentum `buffer` and the `mean` if there are, in place."""
    flat = _flat(values, grads, v, buffer, mean)
    return NotImplemented if flat is None else _rmsprop(*flat, alpha, share, eps, momentum, rate, decay, maximize)


@compiled
def _rmsprop(p, grads, v, buffer, mean, alpha, share, eps, momentum, rate, decay, maximize):  # type: ignore[no-untyped-def]
    alpha, share, eps, momentum, rate = alpha[()], share[()], eps[()], momentum[()], rate[()]
    for i in range(p.size):
        g, value = -grads[i] if maximize else grads[i], p[i]
        if decay is not None:
            g += value * decay[()]
        square = v[i] * alpha + g * g * share
        v[i] = square
        if mean is not None:
            average = mean[i] + (g - mean[i]) * share
            mean[i] = average
            square -= average * average
        step = g / (np.sqrt(square) + eps)
        if buffer is not None:
            step += buffer[i] * momentum
            buffer[i] = step
        p[i] = value + step * rate
