"""Discrete Fourier transforms over several axes with one factor, as the rules of the operations need them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dispatch import kernel


@kernel
def dft(x: Any, axes: tuple[int, ...], inverse: bool, scale: float) -> Any:
    """Return the transform ``scale * sum_j x[j] exp(∓2πi jk/n)`` over `axes`; `inverse` takes the plus sign.

    The matrix of this sum is symmetric, so the transform is its own transpose.
    """
    out = np.fft.ifftn(x, axes=axes, norm="forward") if inverse else np.fft.fftn(x, axes=axes)
    return out * out.dtype.type(scale) if scale != 1 else out


@kernel
def real_dft(x: Any, axis: int, scale: float) -> Any:
    """Return the first ``n // 2 + 1`` coefficients of the transform of real numbers along one axis."""
    out = np.fft.rfft(x, axis=axis)
    return out * out.dtype.type(scale) if scale != 1 else out


@kernel
def hermitian_dft(x: Any, n: int, axis: int, scale: float) -> Any:
    """Return the `n` real numbers whose coefficients are `x` and its mirrored conjugates, times `scale`."""
    out = np.fft.irfft(x, n, axis=axis, norm="forward")
    return out * out.dtype.type(scale) if scale != 1 else out


@kernel
def resize(x: Any, axis: int, n: int) -> Any:
    """Return `x` cut, or filled up with zeros at the end, to length `n` along `axis`."""
    head = (slice(None),) * axis
    if n <= x.shape[axis]:
        return x[(*head, slice(0, n))].copy()
    out = np.zeros((*x.shape[:axis], n, *x.shape[axis + 1 :]), x.dtype)
    out[(*head, slice(0, x.shape[axis]))] = x
    return out
