"""Special functions that NumPy lacks: the error function, the logistic sigmoid, polynomials by recurrence."""

from __future__ import annotations

from typing import Any

import numpy as np

from .accelerated import accelerated
from .dispatch import kernel


@kernel
@accelerated("elementwise.expit", size=4096)
def expit(x: Any) -> Any:
    """Return ``1 / (1 + exp(-x))`` without overflow.

    With ``e = exp(-|x|)``, which is at most 1, it is ``1 / (1 + e)`` for positive x and ``e / (1 + e)`` for others.

    >>> expit(np.array([0.0, -800.0])).tolist()
    [0.5, 0.0]
    """
    if x.dtype.kind == "c":
        return 1 / (1 + np.exp(-x))
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


# erf(x) = x * P(x**2) below 1, and 1 - exp(-x**2) * Q(t) with t = (x - 2) / (x + 2) above, where Q is the scaled
# complement exp(x**2) * erfc(x), which is smooth in t. P and Q are polynomials through Chebyshev nodes, computed
# with 60 digits from the definitions (DLMF 7.2): of degree 11 and 18 for float64, 6 and 8 for float32.
# Both stay within 3 units in the last place of math.erf. From 6 on (4 in float32), erf is 1.
_P64 = (
    1.1283791670955126,
    -0.37612638903183543,
    0.11283791670945006,
    -0.02686617064323777,
    0.0052239776071164225,
    -0.0008548325975389692,
    0.00012055294904839707,
    -1.492473690741966e-05,
    1.6447424703317362e-06,
    -1.6208483801871705e-07,
    1.3720064546777686e-08,
    -7.795898827002142e-10,
)
_Q64 = (
    0.25539567631050575,
    -0.4271858474139584,
    0.24165819424246632,
    -0.07897858101573253,
    0.0037328924043494834,
    0.006997461739228476,
    -0.0008471432522752253,
    -0.0009819770269162648,
    4.3555644272098927e-05,
    0.00017436114311543651,
    2.752476736316505e-05,
    -2.757901311902191e-05,
    -1.396149006742397e-05,
    1.380584247725399e-06,
    3.7601677167193133e-06,
    1.2559897861345693e-06,
    -5.060915438693049e-07,
    -6.144477167995065e-07,
    1.340884871736239e-07,
)
_P32 = (
    1.1283791658483509,
    -0.37612626666720334,
    0.11283594715160218,
    -0.026854212010626412,
    0.005189087423433974,
    -0.000801686428716587,
    7.875875062685488e-05,
)
_Q32 = (
    0.25539567631050575,
    -0.42718584831165,
    0.24165819411285702,
    -0.07897847314706918,
    0.0037329080273491746,
    0.006993954025083926,
    -0.0008476555786712168,
    -0.0009395269021825955,
    4.9876741933444445e-05,
)


@kernel
@accelerated("elementwise.erf", size=4096)
def erf(x: Any) -> Any:
    """Return the error function of each element, in its dtype (float16 is computed in float32).

    >>> erf(np.array([0.0, 1.0])).round(6).tolist()
    [0.0, 0.842701]
    """
    double = x.dtype == np.float64
    inner, outer, end = (_P64, _Q64, 6) if double else (_P32, _Q32, 4)
    z = np.minimum(np.abs(x if double else x.astype("float32")), end)
    square = z * z
    tail = 1 - np.exp(-square) * _polynomial(outer, (z - 2) / (z + 2))
    value = np.where(z < 1, z * _polynomial(inner, np.minimum(square, 1)), tail)
    return np.copysign(value, x).astype(x.dtype)


def _polynomial(coefficients: tuple[float, ...], x: Any) -> Any:
    """Return the polynomial with these coefficients, from the constant on, at `x` (Horner's rule)."""
    value = x * coefficients[-1] + coefficients[-2]
    for coefficient in coefficients[-3::-1]:
        value = value * x + coefficient
    return value


@kernel
def recurrence(x: Any, n: Any, first: Any, step: Any) -> Any:
    """Return polynomials of degree `n` of `x`: 1, then ``first(x)``, then ``step(k, x, p, q)`` of the last two.

    >>> recurrence(np.array(2.0), np.array(3), lambda x: x, lambda k, x, p, q: x * p).item()
    8.0
    """
    x, degree = np.broadcast_arrays(x, np.trunc(n))
    below, current = np.ones_like(x), first(x)
    out = np.where(degree < 0, 0, np.where(degree == 0, below, current))
    for k in range(1, int(max(degree.max(initial=0), 1))):
        below, current = current, step(k, x, current, below)
        out = np.where(degree == k + 1, current, out)
    return out
