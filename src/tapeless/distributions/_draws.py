"""Random draws that NumPy arrays of parameters ask for: gamma, Poisson, binomial.

All take their random numbers from `rand` and `randn`, so that `manual_seed` governs them. What is rejected is drawn
anew, all of it at once, until nothing is left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._kernels.gamma import lgamma
from . import _functions as tl
from ._functions import Tensor

Array = np.ndarray[Any, Any]

# A way to draw: it gets the parameters of those still to be drawn, and returns values and which of them to take.
Attempt = Callable[..., tuple[Array, Array]]


def _uniform(n: int) -> Array:
    """Return `n` numbers from (0, 1]."""
    return 1.0 - tl.rand(n, dtype=np.float64).numpy()


def _normal(n: int) -> Array:
    return tl.randn(n, dtype=np.float64).numpy()


def _until_accepted(attempt: Attempt, *params: Array) -> Array:
    """Return one accepted value for each element of the flat `params`."""
    out = np.empty(params[0].shape)
    todo = np.arange(out.size)
    while todo.size:
        values, accepted = attempt(*(p[todo] for p in params))
        out[todo[accepted]] = values[accepted]
        todo = todo[~accepted]
    return out


# -- Gamma ------------------------------------------------------------------------------------------------


def _gamma_attempt(shape: Array) -> tuple[Array, Array]:
    d = shape - 1 / 3
    x = _normal(shape.size)
    v = (1 + x / np.sqrt(9 * d)) ** 3
    log_v = np.log(np.where(v > 0, v, 1))
    accepted = (v > 0) & (np.log(_uniform(shape.size)) < 0.5 * x * x + d * (1 - v + log_v))
    return d * v, accepted


def log_gamma_variate(shape: Array) -> Array:
    """Return logarithms of draws from the gamma distributions of these shapes and rate 1.

    Marsaglia and Tsang, "A simple method for generating gamma variables" (2000); a shape a below 1 is a + 1, and the
    draw is multiplied by ``u ** (1 / a)``, which as a logarithm cannot underflow. NaN where the shape is.
    """
    flat = np.asarray(shape, np.float64).reshape(-1)
    valid = flat > 0
    a = np.where(valid, flat, 1.0)
    small = a < 1
    out = np.log(_until_accepted(_gamma_attempt, np.where(small, a + 1, a)))
    if small.any():
        out[small] += np.log(_uniform(int(small.sum()))) / a[small]
    return np.where(valid, out, np.nan).reshape(np.shape(shape))


# -- Poisson ----------------------------------------------------------------------------------------------


def _count_up(u: Array, first: Array, ratio: Callable[[Array, int], Array]) -> Array:
    """Invert a distribution function on 0, 1, ...: return the k where the sum of probabilities passes `u`.

    ``first`` are the probabilities of 0, ``ratio(todo, k)`` those of k over those of k - 1 for the elements `todo`.
    """
    out = np.zeros(u.shape)
    todo, p, k = np.arange(u.size), first, 0
    left = u - p
    while True:
        more = left > 0
        todo, p, left = todo[more], p[more], left[more]
        if not todo.size:
            return out
        k += 1
        p = p * ratio(todo, k)
        more = p > 0  # what is left of u is rounding
        todo, p, left = todo[more], p[more], left[more] - p[more]
        out[todo] = k


def _poisson_attempt(rate: Array) -> tuple[Array, Array]:
    b = 0.931 + 2.53 * np.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    u, v = _uniform(rate.size) - 0.5, _uniform(rate.size)
    us = 0.5 - np.abs(u)
    k = np.floor((2 * a / us + b) * u + rate + 0.43)
    inside = (us >= 0.07) & (v <= 0.9277 - 3.6224 / (b - 2))
    possible = (k >= 0) & ((us >= 0.013) | (v <= us))
    safe = np.where(k >= 0, k, 0.0)
    bound = np.log(v * inverse_alpha / (a / (us * us) + b))
    return k, inside | (possible & (bound <= safe * np.log(rate) - rate - lgamma(safe + 1)))


def poisson(rate: Array) -> Array:
    """Return draws from the Poisson distributions of these rates, as float64; NaN where the rate is.

    From rate 10 on, transformed rejection (Hörmann, "The transformed rejection method for generating Poisson random
    variables", 1993); below, the inverse of the distribution function.
    """
    flat = np.asarray(rate, np.float64).reshape(-1)
    out = np.where(flat >= 0, 0.0, np.nan)
    large = flat >= 10
    if large.any():
        out[large] = _until_accepted(_poisson_attempt, flat[large])
    small = (flat > 0) & ~large
    few = flat[small]
    if few.size:
        out[small] = _count_up(_uniform(few.size), np.exp(-few), lambda todo, k: few[todo] / k)
    return out.reshape(np.shape(rate))


# -- Binomial ---------------------------------------------------------------------------------------------


def _binomial_attempt(n: Array, p: Array) -> tuple[Array, Array]:
    spread = np.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    u, v = _uniform(n.size) - 0.5, _uniform(n.size)
    us = 0.5 - np.abs(u)
    k = np.floor((2 * a / us + b) * u + n * p + 0.5)
    inside = (us >= 0.07) & (v <= 0.92 - 4.2 / b)
    possible = (k >= 0) & (k <= n)
    safe = np.where(possible, k, 0.0)
    mode = np.floor((n + 1) * p)
    alpha = (2.83 + 5.1 / b) * spread
    bound = np.log(v * alpha / (a / (us * us) + b))
    peak = lgamma(mode + 1) + lgamma(n - mode + 1) + (safe - mode) * np.log(p / (1 - p))
    return k, inside | (possible & (bound <= peak - lgamma(safe + 1) - lgamma(n - safe + 1)))


def binomial(count: Array, prob: Array) -> Array:
    """Return draws from the binomial distributions of so many trials with these probabilities, as float64.

    Where 10 or more successes (or failures, if these are rarer) are expected, transformed rejection (Hörmann, "The
    generation of binomial random variates", 1993); else the inverse of the distribution function. NaN where a
    parameter is.
    """
    count, prob = np.broadcast_arrays(np.asarray(count, np.float64), np.asarray(prob, np.float64))
    n, p = count.reshape(-1), prob.reshape(-1)
    valid = (n >= 0) & (p >= 0) & (p <= 1)
    rarer = np.where(p > 0.5, 1 - p, p)
    out = np.where(valid, 0.0, np.nan)
    many = valid & (n * rarer >= 10)
    if many.any():
        out[many] = _until_accepted(_binomial_attempt, n[many], rarer[many])
    some = valid & (n * rarer > 0) & ~many
    trials, odds = n[some], rarer[some] / (1 - rarer[some])
    if trials.size:
        none = np.exp(trials * np.log1p(-rarer[some]))
        ratio: Callable[[Array, int], Array] = lambda todo, k: np.maximum(trials[todo] - k + 1, 0) / k * odds[todo]
        out[some] = _count_up(_uniform(trials.size), none, ratio)
    return np.where(p > 0.5, n - out, out).reshape(count.shape)


# -- Of tensors -------------------------------------------------------------------------------------------


def drawn(draw: Callable[..., Array], *params: Tensor) -> Any:
    """Return the draws for tensors of parameters of one shape, in the dtype of the first; they have no gradient."""
    values = draw(*(p.detach().numpy() for p in params))
    return tl.tensor(values.astype(params[0].dtype))
