"""Running sums of exponentials in logarithms."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dispatch import kernel


@kernel
def logcumsumexp(x: Any, axis: int) -> Any:
    """Return ``log(cumsum(exp(x)))`` along `axis`, without overflow.

    >>> logcumsumexp(np.zeros(2), 0).round(4).tolist()
    [0.0, 0.6931]
    """
    if x.dtype.kind != "c":
        return np.logaddexp.accumulate(x, axis=axis)
    moved = np.moveaxis(x, axis, 0)
    out = np.empty_like(moved)
    with np.errstate(all="ignore"):
        for k in range(len(moved)):
            out[k] = moved[k] if k == 0 else _logaddexp(out[k - 1], moved[k])
    return np.moveaxis(out, 0, axis)


def _logaddexp(a: Any, b: Any) -> Any:
    """Return ``log(exp(a) + exp(b))`` of complex numbers, factored by the larger real part."""
    swap = a.real < b.real
    large, small = np.where(swap, b, a), np.where(swap, a, b)
    return np.where(np.isneginf(large.real), large, large + np.log(1 + np.exp(small - large)))
