"""Special functions that NumPy lacks: the error function and the logistic sigmoid."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .dispatch import kernel


@kernel
def expit(x: Any) -> Any:
    """Return ``1 / (1 + exp(-x))`` without overflow.

    ``0.5 * (1 + tanh(x / 2))`` is exact algebra, needs one transcendental call, and loses no digits that
    matter but for large negative x, where the direct form is used.

    >>> expit(np.array([0.0, -800.0])).tolist()
    [0.5, 0.0]
    """
    if x.dtype.kind == "c":
        return 1 / (1 + np.exp(-x))
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


# Coefficients of the power series of erf(x) / x in x*x: 2/sqrt(pi) * (-1)^n / (n! (2n+1)); DLMF 7.6.1.
_SERIES = [2 / math.sqrt(math.pi) * (-1) ** n / (math.factorial(n) * (2 * n + 1)) for n in range(40)]


@kernel
def erf(x: Any) -> Any:
    """Return the error function of each element.

    Below 2.5 the power series (DLMF 7.6.1), above it one minus Lentz's continued fraction of erfc (DLMF 7.9.1);
    computed in float64 and returned in the dtype of `x`.

    >>> erf(np.array([0.0, 1.0])).round(6).tolist()
    [0.0, 0.842701]
    """
    z = np.abs(x.astype("float64"))
    small = np.minimum(z, 2.5)
    square = small * small
    series = np.zeros_like(z)
    for coefficient in reversed(_SERIES):
        series = series * square + coefficient
    large = np.maximum(np.where(np.isfinite(z), z, 30.0), 2.5)
    fraction = np.zeros_like(z)
    for k in range(60, 0, -1):
        fraction = (k / 2) / (large + fraction)
    tail = np.exp(-large * large) / (math.sqrt(math.pi) * (large + fraction))
    value = np.where(z < 2.5, small * series, 1 - tail)
    return np.where(np.isnan(x), x, np.copysign(value, x)).astype(x.dtype)
