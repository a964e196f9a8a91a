"""Resizing images: every mode is a matrix for each dim, that says how much of which old place a new place shows."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .._core.registry import composite
from .._core.tensor_base import unwrap, wrap
from .._dtypes import int64
from .pooling import _adaptive_average


def _nearest(n: int, m: int, scale: float | None, exact: bool) -> Any:
    """Return the old place that each of `m` new places shows."""
    step = np.float32(1 / scale) if scale else np.float32(n / m)
    places = np.arange(m, dtype=np.float32)
    return np.minimum(np.floor((places + (0.5 if exact else 0)) * step).astype(int64), n - 1)


def _centres(n: int, m: int, scale: float | None, align: bool) -> Any:
    """Return where the middle of each new place lies among the old ones."""
    places = np.arange(m, dtype=np.float64)
    if align:
        return places * ((n - 1) / (m - 1) if m > 1 else 0)
    return (places + 0.5) * (1 / scale if scale else n / m) - 0.5


def _linear(n: int, m: int, scale: float | None, align: bool) -> Any:
    """Return the (m, n) matrix of linear interpolation."""
    x = np.maximum(_centres(n, m, scale, align), 0)
    below = np.minimum(x.astype(int64), n - 1)
    above = np.minimum(below + 1, n - 1)
    weight = x - below
    matrix = np.zeros((m, n))
    np.add.at(matrix, (np.arange(m), below), 1 - weight)
    np.add.at(matrix, (np.arange(m), above), weight)
    return matrix


def cubic_weights(t: Any, a: float = -0.75) -> list[Any]:
    """Return the weights of the four places around a point `t` behind the second one.

    Keys, "Cubic convolution interpolation for digital image processing" (1981), with a = -3/4.
    """

    def near(x: Any) -> Any:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Any) -> Any:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def _cubic(n: int, m: int, scale: float | None, align: bool) -> Any:
    """Return the (m, n) matrix of cubic interpolation; places beyond the edge show the edge."""
    x = _centres(n, m, scale, align)
    base = np.floor(x).astype(int64)
    matrix = np.zeros((m, n))
    for k, weight in enumerate(cubic_weights(x - base)):
        np.add.at(matrix, (np.arange(m), np.clip(base - 1 + k, 0, n - 1)), weight)
    return matrix


def _smoothed(n: int, m: int, scale: float | None, align: bool, filter_: Callable[..., Any], reach: float) -> Any:
    """Return the (m, n) matrix of interpolation with a filter that widens when the image shrinks (antialiasing)."""
    step = ((n - 1) / (m - 1) if m > 1 else 0.0) if align else (1 / scale if scale else n / m)
    width = reach * step if step >= 1 else reach
    factor = 1 / step if step >= 1 else 1.0
    matrix = np.zeros((m, n))
    for i in range(m):
        centre = step * (i + 0.5)
        start, end = max(int(centre - width + 0.5), 0), min(int(centre + width + 0.5), n)
        weights = filter_((np.arange(start, end) - centre + 0.5) * factor)
        matrix[i, start:end] = weights / weights.sum() if weights.sum() else weights
    return matrix


def _triangle(x: Any) -> Any:
    return np.maximum(1 - np.abs(x), 0)


def _keys(x: Any) -> Any:
    a, x = -0.5, np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((x - 5) * x + 8) * x * a - 4 * a
    return np.where(x < 1, near, np.where(x < 2, far, 0))


_MATRICES: dict[str, Callable[..., Any]] = {
    "linear": _linear, "bilinear": _linear, "trilinear": _linear, "bicubic": _cubic,
}  # fmt: skip
_SMOOTHED = {"bilinear": (_triangle, 1.0), "bicubic": (_keys, 2.0)}
_DIMS = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}


def _apply(input: Any, dim: int, matrix: Any) -> Any:
    """Multiply a matrix into one dim."""
    return (input.transpose(dim, -1) @ wrap(matrix.T.astype(input.dtype))).transpose(dim, -1)


def _sizes(input: Any, size: Any, scale_factor: Any, ndim: int) -> tuple[list[int], list[float | None]]:
    """Return the new spatial sizes and the scales that were asked for."""
    if (size is None) == (scale_factor is None):
        which = (
            "only one of size or scale_factor should be defined"
            if size is not None
            else ("either size or scale_factor should be defined")
        )
        raise ValueError(which)
    given = size if size is not None else scale_factor
    if isinstance(given, (tuple, list)):
        if len(given) != ndim:
            raise ValueError(
                "Input and output must have the same number of spatial dimensions, but got input with spatial "
                "dimensions "
                f"of {list(input.shape[2:])} and output size of {given}. Please provide input tensor in (N, C, d1, d2, "
                "...,dK) format and output size in (o1, o2, ...,oK) format."
            )
        values = list(given)
    else:
        values = [given] * ndim
    if size is not None:
        return [int(v) for v in values], [None] * ndim
    return [math.floor(float(n * s)) for n, s in zip(input.shape[2:], values, strict=True)], [float(s) for s in values]


def _check(input: Any, mode: str, align_corners: bool | None, antialias: bool) -> None:
    if input.ndim not in (3, 4, 5):
        raise NotImplementedError(
            "Input Error: Only 3D, 4D and 5D input Tensors supported (got "
            f"{input.ndim}D) for the modes: nearest | linear | bilinear | bicubic | trilinear | area | nearest-exact "
            f"(got {mode})"
        )
    if mode in ("nearest", "area", "nearest-exact"):
        if align_corners is not None:
            raise ValueError(
                "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | "
                "trilinear"
            )
    elif mode not in _DIMS:
        raise NotImplementedError(
            f"Input Error: unknown mode {mode!r}; there are nearest, nearest-exact, linear, bilinear, bicubic, "
            "trilinear and area"
        )
    elif input.ndim != _DIMS[mode] + 2:
        raise NotImplementedError(f"Got {input.ndim}D input, but {mode} mode needs {_DIMS[mode] + 2}D input")
    if antialias and not (mode in _SMOOTHED and input.ndim == 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D tensor as input"
        )


@composite("nn.functional.interpolate", methods="")
def interpolate(
    input: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Any:
    """Return ``(N, C, ...)`` resized to `size`, or by `scale_factor`, in one to three spatial dims.

    `mode`: "nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear" or "area". `align_corners` keeps
    the centres of the corners in place. Raises ValueError, NotImplementedError.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.interpolate.html

    >>> import tapeless as tl
    >>> tl.nn.functional.interpolate(tl.tensor([[[1.0, 3.0]]]), 4, mode="linear")
    tensor([[[1.0000, 1.5000, 2.5000, 3.0000]]])
    """
    _check(input, mode, align_corners, antialias)
    ndim = input.ndim - 2
    if recompute_scale_factor and size is not None:
        raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
    sizes, scales = _sizes(input, size, scale_factor, ndim)
    if recompute_scale_factor:
        scales = [None] * ndim
    if min(sizes) <= 0 or 0 in tuple(input.shape)[2:]:
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input {list(input.shape[2:])} and output {sizes}"
        )
    if mode == "area":
        return _adaptive_average("interpolate", ndim, input, tuple(sizes))
    return _resize(input, sizes, scales, mode, bool(align_corners), antialias)


def _resize(input: Any, sizes: list[int], scales: list[float | None], mode: str, align: bool, antialias: bool) -> Any:
    if input.dtype.kind in "iu" and mode in _SMOOTHED:
        return wrap(_resize_bytes(unwrap(input), sizes, scales, mode, align, antialias))
    for axis, (m, scale) in enumerate(zip(sizes, scales, strict=True)):
        dim, n = axis + 2, input.shape[axis + 2]
        if mode.startswith("nearest"):
            input = input.index_select(dim, wrap(_nearest(n, m, scale, mode == "nearest-exact")))
        elif antialias or n != m or (scale and scale != 1 and not align):
            input = _apply(input, dim, _matrix(mode, n, m, scale, align, antialias))
    return input.clone() if input._view is not None else input


def _matrix(mode: str, n: int, m: int, scale: float | None, align: bool, antialias: bool) -> Any:
    if antialias:
        return _smoothed(n, m, scale, align, *_SMOOTHED[mode])
    return _MATRICES[mode](n, m, scale, align)


def _resize_bytes(
    array: Any, sizes: list[int], scales: list[float | None], mode: str, align: bool, antialias: bool
) -> Any:
    """Resize an image of bytes as PyTorch and Pillow do: weights of 15 bits, first rows, then columns, rounded each."""
    for axis in (1, 0):
        n, m = array.shape[axis + 2], sizes[axis]
        weights = _matrix(mode, n, m, scales[axis], align, antialias)
        bits = 0
        while bits < 22 and int(0.5 + weights.max() * (1 << (bits + 1))) < 1 << 15:
            bits += 1
        whole = np.trunc(weights * (1 << bits) + np.where(weights < 0, -0.5, 0.5)).astype(int64)
        rows = np.swapaxes(array, axis + 2, -1).astype(int64) @ whole.T
        array = np.clip((rows + (1 << (bits - 1))) >> bits, 0, 255).astype(array.dtype).swapaxes(axis + 2, -1)
    return np.ascontiguousarray(array)


@composite("nn.functional.upsample", methods="")
def upsample(
    input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Any:
    """Return `interpolate` (the older name).

    Shape: (N, C, L), (N, C, H, W) or (N, C, D, H, W) to the same with other sizes of the last dims.

    >>> import tapeless as tl
    >>> tl.nn.functional.interpolate(tl.tensor([[[1.0, 2.0]]]), scale_factor=2)  # in place of upsample, which warns
    tensor([[[1., 1., 2., 2.]]])
    """
    warnings.warn("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2)
    return interpolate(input, size, scale_factor, mode, align_corners)


@composite("nn.functional.upsample_nearest", methods="")
def upsample_nearest(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """Return `interpolate` with mode "nearest" (the older name).

    Shape: (N, C, L), (N, C, H, W) or (N, C, D, H, W) to the same with other sizes of the last dims.

    >>> import tapeless as tl
    >>> tl.nn.functional.interpolate(tl.tensor([[[[1.0, 2.0]]]]), (1, 4), mode="nearest")  # without a warning
    tensor([[[[1., 1., 2., 2.]]]])
    """
    warnings.warn(
        "`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2
    )
    return interpolate(input, size, scale_factor, "nearest")


@composite("nn.functional.upsample_bilinear", methods="")
def upsample_bilinear(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """Return `interpolate` with mode "bilinear" and aligned corners (the older name).

    Shape: (N, C, H, W) to the same with other H and W.

    >>> import tapeless as tl
    >>> tl.nn.functional.interpolate(
    ...     tl.tensor([[[[1.0, 2.0]]]]), (1, 3), mode="bilinear", align_corners=True
    ... )  # without a warning
    tensor([[[[1.0000, 1.5000, 2.0000]]]])
    """
    warnings.warn(
        "`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2
    )
    return interpolate(input, size, scale_factor, "bilinear", True)
