"""Gamma, Poisson and binomial samples that equal PyTorch's on the CPU, number for number.

How many random numbers such a sample takes depends on the numbers themselves, so they cannot be drawn all at once:
one sample is made after the other, in about a microsecond each. Samples are float64; parameters may be of another
float dtype, in which PyTorch does part of the arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .random_stream import RandomStream

Array = np.ndarray[Any, Any]


class _Source:
    """Uniform and normal numbers, one at a time.

    `todo` is how many samples are not finished yet. Each of them needs one number more at least, so that many are
    taken from the stream together, and none is left over in the end.
    """

    __slots__ = ("stream", "todo", "waiting")

    def __init__(self, stream: RandomStream) -> None:
        self.stream = stream
        self.todo = 1
        self.waiting: Iterator[float] = iter(())

    def uniform(self) -> float:
        """Return a number from [0, 1)."""
        for value in self.waiting:
            return value
        self.waiting = iter(self.stream.uniform(self.todo, np.float64).tolist())
        return next(self.waiting)

    def normal(self) -> float:
        """Return a standard normal number. They come in pairs, of which the second one waits in the stream."""
        waiting = self.stream._cached_normal
        if waiting is not None:
            self.stream._cached_normal = None
            return waiting
        angle = 2.0 * math.pi * self.uniform()
        radius = math.sqrt(-2.0 * math.log1p(-self.uniform()))
        self.stream._cached_normal = radius * math.sin(angle)
        return radius * math.cos(angle)


def _draw(stream: RandomStream, sample: Callable[..., float], *params: Array) -> Array:
    """Return ``sample(source, ...)`` for each element of flat arrays of parameters."""
    source, left = _Source(stream), params[0].size
    drawn = []
    for row in zip(*[p.tolist() for p in params], strict=True):
        source.todo = left
        drawn.append(sample(source, *row))
        left -= 1
    return np.array(drawn, np.float64)


# -- Gamma ------------------------------------------------------------------------------------------------

# PyTorch's constants are in single precision.
_THIRD = float(np.float32(1) / np.float32(3))
_SQUEEZE = float(np.float32(0.0331))


def _gamma(source: _Source, d: float, c: float, inverse: float) -> float:
    factor = math.pow(1.0 - source.uniform(), inverse) if inverse else 1.0
    while True:
        x = source.normal()
        y = 1.0 + c * x
        if y <= 0:
            continue
        v = y * y * y
        u = 1.0 - source.uniform()
        square = x * x
        if u < 1.0 - _SQUEEZE * square * square or math.log(u) < 0.5 * square + d * (1.0 - v + math.log(v)):
            return factor * d * v


def gamma(stream: RandomStream, shape: Array) -> Array:
    """Return draws from the gamma distributions of these shapes and rate 1: NaN where the shape is, or is negative.

    Marsaglia and Tsang, "A simple method for generating gamma variables" (2000): normal and uniform numbers by turns;
    before them a uniform one for a shape below 1, which is drawn as that of shape + 1 times a power.

    >>> gamma(RandomStream(0), np.array([2.0, 0.5])).round(4).tolist()  # torch._standard_gamma
    [4.5526, 0.0055]
    """
    flat = shape.reshape(-1)
    out = np.where(flat == 0, 0.0, np.nan)
    valid = flat > 0
    a = flat[valid]
    small = a < 1
    inverse = np.where(small, 1 / a, 0)
    d = (a + small.astype(a.dtype) - a.dtype.type(_THIRD)).astype(np.float64)
    out[valid] = _draw(stream, _gamma, d, 1 / np.sqrt(9 * d), inverse)
    return out.reshape(shape.shape)


# -- Poisson ----------------------------------------------------------------------------------------------


def _few_events(source: _Source, rate: float) -> float:
    """Multiply uniform numbers until they fall below ``exp(-rate)``."""
    count, product, end = 0.0, 1.0, math.exp(-rate)
    while True:
        product *= source.uniform()
        if product <= end:
            return count
        count += 1


def _many_events(source: _Source, rate: float) -> float:
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    log_inverse_alpha = math.log(1.1239 + 1.1328 / (b - 3.4))
    v_inside = 0.9277 - 3.6224 / (b - 2)
    log_rate = math.log(rate)
    while True:
        u = source.uniform() - 0.5
        v = source.uniform()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + rate + 0.43) if us else -1
        if us >= 0.07 and v <= v_inside:
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        bound = math.log(v) if v else -math.inf
        if bound + log_inverse_alpha - math.log(a / (us * us) + b) <= -rate + k * log_rate - math.lgamma(k + 1):
            return k


def _poisson(source: _Source, rate: float) -> float:
    return _many_events(source, rate) if rate >= 10 else _few_events(source, rate)


def poisson(stream: RandomStream, rate: Array) -> Array:
    """Return draws from the Poisson distributions of these rates.

    From rate 10 on by transformed rejection (Hörmann, "The transformed rejection method for generating Poisson random
    variables", 1993). Raises RuntimeError for negative rates and NaN.

    >>> poisson(RandomStream(0), np.array([2.0, 50.0])).tolist()  # torch.poisson
    [6.0, 47.0]
    """
    flat = rate.reshape(-1).astype(np.float64)
    if not (flat >= 0).all():
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    out = np.zeros(flat.shape)
    some = flat > 0
    out[some] = _draw(stream, _poisson, flat[some])
    return out.reshape(rate.shape)


# -- Binomial ---------------------------------------------------------------------------------------------


def _few_successes(source: _Source, n: float, p: float) -> float:
    """Add up the geometric numbers of trials from one success to the next."""
    trials, successes, log_failure = 0.0, 0, math.log1p(-p)
    while True:
        u = source.uniform()
        trials += math.ceil(math.log(u) / log_failure) if u else math.inf
        if trials > n:
            return successes
        successes += 1


# How far Stirling's formula for log(k!) is from it, for k = 0 ... 9.
_STIRLING = [
    math.lgamma(k + 1) - (k + 0.5) * math.log(k + 1) + (k + 1) - 0.5 * math.log(2 * math.pi) for k in range(10)
]


def _stirling_tail(k: float) -> float:
    if k <= 9:
        return _STIRLING[int(k)]
    square = (k + 1) * (k + 1)
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)


def _many_successes(source: _Source, n: float, p: float) -> float:
    spread = math.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    center, v_inside = n * p + 0.5, 0.92 - 4.2 / b
    odds, alpha = p / (1 - p), (2.83 + 5.1 / b) * spread
    m = math.floor((n + 1) * p)
    at_mode = (m + 0.5) * math.log((m + 1) / (odds * (n - m + 1))) + _stirling_tail(m) + _stirling_tail(n - m)
    while True:
        u = source.uniform() - 0.5
        v = source.uniform()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + center) if us else -1
        if us >= 0.07 and v <= v_inside:
            return k
        if not 0 <= k <= n:
            continue
        bound = math.log(v * alpha / (a / (us * us) + b)) if v else -math.inf
        rest = (n + 1) * math.log((n - m + 1) / (n - k + 1)) + (k + 0.5) * math.log(odds * (n - k + 1) / (k + 1))
        if bound <= at_mode + rest - _stirling_tail(k) - _stirling_tail(n - k):
            return k


def _binomial(source: _Source, n: float, p: float) -> float:
    rarer = 1.0 - p if p > 0.5 else p
    k = (_many_successes if n * rarer >= 10 else _few_successes)(source, n, rarer)
    return n - k if p > 0.5 else k


def binomial(stream: RandomStream, count: Array, prob: Array) -> Array:
    """Return draws from the binomial distributions of so many trials with these probabilities; NaN for NaN.

    Where 10 or more successes (or failures, if these are rarer) are expected, by transformed rejection (Hörmann, "The
    generation of binomial random variates", 1993).

    >>> binomial(RandomStream(0), np.array([5.0, 100.0]), np.array([0.5, 0.3])).tolist()  # torch.binomial
    [4.0, 34.0]
    """
    n, p = count.reshape(-1).astype(np.float64), prob.reshape(-1).astype(np.float64)
    out = np.where((n <= 0) | (p <= 0), 0.0, np.where(p >= 1, n, np.nan))
    some = (n > 0) & (p > 0) & (p < 1)
    out[some] = _draw(stream, _binomial, n[some], p[some])
    return out.reshape(count.shape)
