"""The Gaussian error linear unit with its slope, in pieces that stay in the processor's cache.

Hendrycks and Gimpel, "Gaussian Error Linear Units (GELUs)" (2016): ``x * Phi(x)`` with the normal distribution
function Phi. One formula takes two dozen passes over an array. Over a whole one of 393,216 floats (a transformer's
768 x 512) they take 15 ms, most of it for fresh memory; over pieces whose temporaries the allocator hands out again
while they are in the cache, 1.3 ms, slope included.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .accelerated import accelerated
from .dispatch import kernel
from .special import erf

# Elements in a piece: 128 KB of float32, of which three or four are alive. Measured for 393,216: pieces of 4,096
# elements take 2.3 ms, of 8,192 1.9, of 16,384 1.4, of 32,768 1.3.
_PIECE = 32768

_INNER = math.sqrt(2 / math.pi)

# In float32, Phi(x) = (1 + tanh(x * P(x**2))) / 2. P is the polynomial of degree 6 that is closest to
# atanh(erf(x / sqrt(2))) / x between -5.8 and 5.8, where closeness counts as much as it shows in Phi: within 3e-8, half
# of float32's resolution at 1. Beyond 6 (a square of 36), where P is held, tanh is 1. A tanh costs less than an exp in
# NumPy, and there are no cases to tell apart (np.where takes as long as eight multiplications).
_P = tuple(
    np.array(
        [
            7.978849414e-01,
            3.633308457e-02,
            -3.259498051e-05,
            -5.530619514e-05,
            3.964745256e-06,
            -1.322634510e-07,
            1.756175096e-09,
        ],
        np.float32,
    )
)


@kernel
@accelerated("elementwise.gelu", size=8192)
def gelu(x: Any, approximate: str, with_slope: bool) -> tuple[Any, Any]:
    """Return ``x * Phi(x)``, or its tanh approximation, and its derivative, or None.

    >>> value, slope = gelu(np.array([0.0, 1.0]), "none", True)
    >>> value.round(4).tolist(), slope.round(4).tolist()
    ([0.0, 0.8413], [0.5, 1.0833])
    """
    if x.dtype == np.float16:
        value, slope = gelu(x.astype("float32"), approximate, with_slope)
        return value.astype("float16"), None if slope is None else slope.astype("float16")
    rows, value = x.reshape(-1), np.empty(x.shape, x.dtype)
    slope = np.empty_like(value) if with_slope else None
    values, slopes = value.reshape(-1), None if slope is None else slope.reshape(-1)
    piece = _approximate if approximate == "tanh" else _exact
    for start in range(0, x.size, _PIECE):
        part = slice(start, start + _PIECE)
        piece(rows[part], values[part], None if slopes is None else slopes[part])
    return value, slope


def _exact(x: Any, value: Any, slope: Any) -> None:
    """Fill `value` with ``x * Phi(x)``, and `slope`, if any, with ``Phi(x) + x * phi(x)``, phi being the density."""
    cdf = _cdf32(x) if x.dtype == np.float32 else 0.5 * (1 + erf(x * math.sqrt(0.5)))
    np.multiply(x, cdf, out=value)
    if slope is not None:
        density = np.multiply(x, x, out=slope)
        density *= -0.5
        np.exp(density, out=density)
        density *= x
        density *= 1 / math.sqrt(2 * math.pi)
        slope += cdf


def _cdf32(x: Any) -> Any:
    """Return Phi(x), to the precision of float32 at 1."""
    square = x * x
    np.fmin(square, 36, out=square)  # NaN comes back with x below
    total = square * _P[-1]
    for coefficient in _P[-2:0:-1]:
        total += coefficient
        total *= square
    total += _P[0]
    total *= x
    np.tanh(total, out=total)
    total *= 0.5
    total += 0.5
    return total


def _approximate(x: Any, value: Any, slope: Any) -> None:
    """The same with ``s = (1 + tanh(u)) / 2`` for Phi, where ``u = _INNER * (x + 0.044715 * x**3)``."""
    square = x * x
    s = square * (0.044715 * _INNER)
    s += _INNER
    s *= x
    np.tanh(s, out=s)
    s *= 0.5
    s += 0.5
    np.multiply(x, s, out=value)
    if slope is not None:  # s + x * s' with s' = 2 * s * (1 - s) * u'
        square *= 6 * 0.044715 * _INNER
        square += 2 * _INNER
        square *= value
        np.subtract(1, s, out=slope)
        slope *= square
        slope += s
