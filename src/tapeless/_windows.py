"""Windows that fade a stretch of a signal in and out: those of ``torch.signal.windows`` and ``torch.hann_window``.

Every window of `M` points is a function of ``k / (M - 1)`` (`sym`, for filters) or ``k / M`` (for spectra).
See https://docs.pytorch.org/docs/stable/signal.html
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ._core.tensor_base import wrap
from ._device import check_device
from ._dtypes import as_dtype, get_default_dtype


def _window(
    name: str,
    shape: Callable[[Any, int], Any],
    M: int,
    sym: bool,
    dtype: Any,
    layout: Any,
    device: Any,
    requires_grad: bool,
) -> Any:
    """Make a window: `shape` gets the points 0 to M - 1 and the number of steps from end to end."""
    check_device(device)
    kind = get_default_dtype() if dtype is None else as_dtype(dtype)
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    if layout not in (None, "strided") and not str(layout).endswith("strided"):
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
    if kind not in (np.float32, np.float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {kind}")
    steps = max(M - 1 if sym else M, 1)
    values = np.ones(M) if M < 2 else shape(np.arange(M, dtype=np.float64), steps)
    return wrap(np.asarray(values, kind)).requires_grad_(requires_grad)


def general_cosine(
    M: int,
    *,
    a: Iterable[float],
    sym: bool = True,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """Return the window ``sum_i (-1)^i a[i] cos(2 pi i k / (M - 1))``. Raises TypeError, ValueError for wrong `a`.

    >>> general_cosine(5, a=[0.5, 0.5])
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    weights = list(a)
    if not weights:
        raise ValueError("Coefficients cannot be empty")

    def shape(k: Any, steps: int) -> Any:
        return sum((-1) ** i * w * np.cos(2 * math.pi * i * k / steps) for i, w in enumerate(weights))

    return _window("general_cosine", shape, M, sym, dtype, layout, device, requires_grad)


def general_hamming(M: int, *, alpha: float = 0.54, sym: bool = True, **options: Any) -> Any:
    """Return the window ``alpha - (1 - alpha) cos(2 pi k / (M - 1))``.

    >>> general_hamming(3)
    tensor([0.0800, 1.0000, 0.0800])
    """
    return general_cosine(M, a=[alpha, 1 - alpha], sym=sym, **options)


def hamming(M: int, *, sym: bool = True, **options: Any) -> Any:
    """Return Hamming's window, ``0.54 - 0.46 cos(2 pi k / (M - 1))``.

    >>> hamming(3)
    tensor([0.0800, 1.0000, 0.0800])
    """
    return general_hamming(M, sym=sym, **options)


def hann(M: int, *, sym: bool = True, **options: Any) -> Any:
    """Return Hann's window, ``0.5 - 0.5 cos(2 pi k / (M - 1))``.

    >>> hann(5)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    return general_hamming(M, alpha=0.5, sym=sym, **options)


def blackman(M: int, *, sym: bool = True, **options: Any) -> Any:
    """Return Blackman's window, of coefficients 0.42, 0.5, 0.08.

    >>> blackman(3).round(decimals=2).abs()
    tensor([0., 1., 0.])
    """
    return general_cosine(M, a=[0.42, 0.5, 0.08], sym=sym, **options)


def nuttall(M: int, *, sym: bool = True, **options: Any) -> Any:
    """Return Nuttall's window with least side lobes, of four coefficients.

    Nuttall, Some windows with very good sidelobe behavior (1981).

    >>> nuttall(3)[1]
    tensor(1.)
    """
    return general_cosine(M, a=[0.3635819, 0.4891775, 0.1365995, 0.0106411], sym=sym, **options)


def bartlett(
    M: int,
    *,
    sym: bool = True,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """Return Bartlett's window, a triangle.

    >>> bartlett(5)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    shape = lambda k, steps: 1 - np.abs(2 * k / steps - 1)
    return _window("bartlett", shape, M, sym, dtype, layout, device, requires_grad)


def cosine(
    M: int,
    *,
    sym: bool = True,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """Return the window ``sin(pi (k + 1/2) / M)``, half a wave.

    >>> cosine(2)
    tensor([0.7071, 0.7071])
    """
    shape = lambda k, steps: np.sin(math.pi * (k + 0.5) / (steps + 1))
    return _window("cosine", shape, M, sym, dtype, layout, device, requires_grad)


def exponential(
    M: int,
    *,
    center: float | None = None,
    tau: float = 1.0,
    sym: bool = True,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """Return ``exp(-|k - center| / tau)``; `center` can be given for ``sym=False`` only. Raises ValueError.

    >>> exponential(3)
    tensor([0.3679, 1.0000, 0.3679])
    """
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    shape = lambda k, steps: np.exp(-np.abs(k - (steps / 2 if center is None else center)) / tau)
    return _window("exponential", shape, M, sym, dtype, layout, device, requires_grad)


def gaussian(
    M: int,
    *,
    std: float = 1.0,
    sym: bool = True,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """Return the bell ``exp(-(k - centre)^2 / (2 std^2))``. Raises ValueError for `std` of 0 or below.

    >>> gaussian(3)
    tensor([0.6065, 1.0000, 0.6065])
    """
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    shape = lambda k, steps: np.exp(-(((k - steps / 2) / std) ** 2) / 2)
    return _window("gaussian", shape, M, sym, dtype, layout, device, requires_grad)


def kaiser(
    M: int,
    *,
    beta: float = 12.0,
    sym: bool = True,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """Return Kaiser's window ``I0(beta sqrt(1 - x^2)) / I0(beta)``, x from -1 to 1. Raises ValueError for `beta` < 0.

    >>> kaiser(3, beta=0.0)
    tensor([1., 1., 1.])
    """
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    shape = lambda k, steps: np.i0(beta * np.sqrt(np.maximum(1 - (2 * k / steps - 1) ** 2, 0))) / np.i0(beta)
    return _window("kaiser", shape, M, sym, dtype, layout, device, requires_grad)


def hann_window(window_length: int, periodic: bool = True, **options: Any) -> Any:
    """Return Hann's window, for spectra unless `periodic` is False.

    See https://docs.pytorch.org/docs/stable/generated/torch.hann_window.html

    >>> hann_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return hann(window_length, sym=not periodic, **options)


def hamming_window(
    window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, **options: Any
) -> Any:
    """Return ``alpha - beta cos(2 pi k / n)``. See https://docs.pytorch.org/docs/stable/generated/torch.hamming_window.html

    >>> hamming_window(2)
    tensor([0.0800, 1.0000])
    """
    return general_cosine(window_length, a=[alpha, beta], sym=not periodic, **options)


def blackman_window(window_length: int, periodic: bool = True, **options: Any) -> Any:
    """Return Blackman's window, for spectra unless `periodic` is False.

    >>> blackman_window(2).round(decimals=2).abs()
    tensor([0., 1.])
    """
    return blackman(window_length, sym=not periodic, **options)


def bartlett_window(window_length: int, periodic: bool = True, **options: Any) -> Any:
    """Return Bartlett's window, for spectra unless `periodic` is False.

    >>> bartlett_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return bartlett(window_length, sym=not periodic, **options)


def kaiser_window(window_length: int, periodic: bool = True, beta: float = 12.0, **options: Any) -> Any:
    """Return Kaiser's window, for spectra unless `periodic` is False.

    >>> kaiser_window(3, beta=0.0)
    tensor([1., 1., 1.])
    """
    return kaiser(window_length, beta=beta, sym=not periodic, **options)
