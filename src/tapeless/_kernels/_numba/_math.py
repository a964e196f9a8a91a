"""exp, tanh and erf of one float32, written so that LLVM turns a loop of them into vector instructions.

Compiled code calls the C library for ``np.exp``, one number at a time: five times slower than NumPy's own loops.
These are short polynomials without branches. Each stays within 3 units in the last place (tested), and NaN and
infinities come out right, so they are compiled without the freedom to reorder sums that other loops have.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..special import _P32, _Q32
from ._compile import compiled_exactly

_F = np.float32
_LOG2E = _F(1.4426950408889634)
# ln 2 in two parts: the first has so few bits that its products with whole numbers up to 150 are exact.
_LN2_HIGH, _LN2_LOW = _F(0.693359375), _F(-2.12194440e-4)
# Adding this leaves a whole number in the last bits of a float32, rounded to nearest.
_SHIFT = _F(1.5 * 2**23)
_LOWEST, _HIGHEST = _F(-104), _F(89)
# (exp(r) - 1 - r) / r**2 on [-ln 2 / 2, ln 2 / 2], through Chebyshev nodes.
_E = tuple(map(_F, (0.5, 0.16666667, 0.041666456, 0.0083333105, 0.0013934542, 0.00019891980)))
_ONE, _TWO, _HALF = _F(1), _F(2), _F(0.5)
_BIAS, _MANTISSA = np.int32(127), np.int32(23)
_SHIFT_BITS = np.int32(_SHIFT.view(np.int32))


@compiled_exactly
def _polynomial(coefficients: Any, x: Any) -> Any:
    """Return a polynomial, from the constant on, at `x` (Horner's rule)."""
    value = coefficients[-1]
    for k in range(len(coefficients) - 2, -1, -1):
        value = _F(value * x + coefficients[k])
    return value


@compiled_exactly
def exp(x: Any) -> Any:
    """Return e**x: 2**n times a polynomial in what is left, with 2**n built from its bits, in two factors."""
    z = _HIGHEST if x > _HIGHEST else x
    z = _LOWEST if z < _LOWEST else z
    shifted = _F(z * _LOG2E + _SHIFT)
    n = _F(shifted - _SHIFT)
    r = _F(_F(z - n * _LN2_HIGH) - n * _LN2_LOW)
    p = _F(_F(_polynomial(_E, r) * r) * r + r) + _ONE
    power = np.int32(shifted.view(np.int32) - _SHIFT_BITS)
    half = np.int32(power >> 1)  # two factors: 2**128 and numbers below 2**-126 have no exponent bits of their own
    first = np.int32((half + _BIAS) << _MANTISSA).view(np.float32)
    second = np.int32((power - half + _BIAS) << _MANTISSA).view(np.float32)
    return _F(_F(p * first) * second)


# tanh(x) / x in x**2 on [0, 0.4], through Chebyshev nodes.
_T = tuple(map(_F, (1.0, -0.33333251, 0.13330917, -0.053704277, 0.020536972, -0.0055997851)))


@compiled_exactly
def tanh(x: Any) -> Any:
    """Return tanh: an odd polynomial near 0, elsewhere ``1 - 2 / (exp(2 |x|) + 1)``."""
    z = abs(x)
    square = _F(x * x)
    near = _F(_polynomial(_T, square) * x)
    far = _F(_ONE - _F(_TWO / _F(exp(_F(z + z)) + _ONE)))
    far = -far if x < 0 else far
    return near if z < _F(0.625) else far


@compiled_exactly
def sigmoid(x: Any) -> Any:
    """Return ``1 / (1 + exp(-x))``, without overflow as `_kernels.special.expit`."""
    e = exp(-abs(x))
    return _F((e if x < 0 else _ONE) / _F(_ONE + e))


_P, _Q = tuple(map(_F, _P32)), tuple(map(_F, _Q32))


@compiled_exactly
def erf(x: Any) -> Any:
    """Return the error function: the polynomials of `_kernels.special.erf`."""
    z = abs(x)
    z = _F(4) if z > _F(4) else z
    square = _F(z * z)
    near = _F(z * _polynomial(_P, square))  # both, not one or the other: a branch would end the vectors
    far = _F(_ONE - _F(exp(-square) * _polynomial(_Q, _F(_F(z - _TWO) / _F(z + _TWO)))))
    return np.copysign(near if z < _ONE else far, x)
