"""The gamma function's family, and the complements of the error function; NumPy and the C library alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .dispatch import kernel


def _lgamma(x: float) -> float:
    if x != x or x == math.inf:
        return x
    if x == -math.inf or (x <= 0 and x == math.floor(x)):
        return math.inf
    return math.lgamma(x)


# The C library's own are right to a unit or two; a call each is slow (0.1 us), but nothing on a hot path needs them.
_each_lgamma = np.frompyfunc(_lgamma, 1, 1)
_each_erfc = np.frompyfunc(math.erfc, 1, 1)
_each_erf = np.frompyfunc(math.erf, 1, 1)


@kernel
def lgamma(x: Any) -> Any:
    """Return the logarithm of ``|gamma(x)|``; inf at 0, -1, -2, ...

    >>> lgamma(np.array([1.0, 4.0])).round(4).tolist()
    [0.0, 1.7918]
    """
    return np.asarray(_each_lgamma(x), x.dtype)


@kernel
def erfc(x: Any) -> Any:
    """Return ``1 - erf(x)``, accurate where erf is nearly 1.

    >>> erfc(np.array([0.0, 10.0])).tolist()
    [1.0, 2.088487583762545e-45]
    """
    return np.asarray(_each_erfc(x), x.dtype)


@kernel
def erfinv(x: Any) -> Any:
    """Return the y with ``erf(y) == x``; inf at 1, NaN beyond.

    Newton's method (Halley's form) from the start of Winitzki, "A handy approximation for the error function" (2008);
    near 1 on the complement, which keeps its digits there.
    """
    y = np.asarray(x, np.float64)
    a = np.abs(np.clip(y, -1, 1))
    with np.errstate(all="ignore"):
        log = np.log1p(-a * a)
        t = 2 / (math.pi * 0.147) + log / 2
        r = np.sqrt(np.sqrt(t * t - log / 0.147) - t)
        for _ in range(3):
            low = np.asarray(_each_erf(r), np.float64) - a
            high = (1 - a) - np.asarray(_each_erfc(r), np.float64)
            step = np.where(a < 0.5, low, high) * (math.sqrt(math.pi) / 2) * np.exp(r * r)
            r = np.where(np.isfinite(step), r - step / (1 + r * step), r)
        out = np.where(a == 1, math.inf, r)
        out = np.where(a == 0, 0.0, out)
    out = np.where((y < -1) | (y > 1) | np.isnan(y), math.nan, np.copysign(out, y))
    return out.astype(x.dtype)


# Bernoulli numbers B2, B4, ... over (2j)!, for Euler-Maclaurin sums (DLMF 25.11.5).
_BERNOULLI = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330]


def hurwitz(s: Any, q: Any) -> Any:
    """Return the Hurwitz zeta function, the sum over k of ``(q + k) ** -s``, for s > 1 and q > 0.

    Twelve terms, and the rest by Euler-Maclaurin (DLMF 25.11.5).
    """
    s, q = np.asarray(s, np.float64), np.asarray(q, np.float64)
    with np.errstate(all="ignore"):
        total = sum((q + k) ** -s for k in range(12))
        far = q + 12
        total = total + far ** (1 - s) / (s - 1) + far**-s / 2
        factor, power = s, far ** (-s - 1)
        for j, b in enumerate(_BERNOULLI):
            total = total + b / math.factorial(2 * j + 2) * factor * power
            factor = factor * (s + 2 * j + 1) * (s + 2 * j + 2)
            power = power / (far * far)
        return total


@kernel
def digamma(x: Any) -> Any:
    """Return the derivative of `lgamma`; -inf at 0, NaN at -1, -2, ...

    Recurrence up to 10, then the asymptotic series (DLMF 5.11.2); reflection for negative numbers (DLMF 5.5.4).
    """
    y = np.asarray(x, np.float64)
    with np.errstate(all="ignore"):
        negative = y < 0
        z = np.where(negative, 1 - y, y)
        out = np.zeros_like(z)
        for _ in range(10):
            small = z < 10
            out = np.where(small, out - 1 / z, out)
            z = np.where(small, z + 1, z)
        w = 1 / (z * z)
        tail = sum(b / (2 * j + 2) * w ** (j + 1) for j, b in enumerate(_BERNOULLI))
        out = out + np.log(z) - 0.5 / z - tail
        fraction = y - np.round(y)  # tan(pi y) loses its digits for large y
        out = np.where(negative, out - math.pi / np.tan(math.pi * fraction), out)
    out = np.where(y == 0, np.copysign(math.inf, -y), out)
    out = np.where(negative & (y == np.floor(y)), math.nan, out)
    out = np.where(y == math.inf, math.inf, out)
    return out.astype(x.dtype)


@kernel
def polygamma(n: int, x: Any) -> Any:
    """Return the n-th derivative of `digamma`: ``(-1)**(n + 1) n! zeta(n + 1, x)`` (DLMF 5.15.1)."""
    if n == 0:
        return digamma(x)
    y = np.asarray(x, np.float64)
    with np.errstate(all="ignore"):
        out = (-1.0) ** (n + 1) * math.factorial(n) * hurwitz(n + 1, np.where(y > 0, y, 1))
        if np.any(y <= 0):
            out = np.where(y > 0, out, _polygamma_below(n, y))
    return out.astype(x.dtype)


def _polygamma_below(n: int, y: Any) -> Any:
    """Return `polygamma` of numbers of 0 and below: step up by the recurrence (DLMF 5.15.5) until positive."""
    steps = np.where(y <= 0, np.floor(-y) + 1, 0)
    out = (-1.0) ** (n + 1) * math.factorial(n) * hurwitz(n + 1, np.where(y <= 0, y + steps, 1))
    for k in range(int(steps.max(initial=0))):
        out = np.where(k < steps, out - (-1.0) ** n * math.factorial(n) * (y + k) ** (-n - 1.0), out)
    return np.where(y == np.floor(y), (-1.0) ** (n + 1) * math.inf, out)
