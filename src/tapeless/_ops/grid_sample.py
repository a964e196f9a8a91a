"""Sampling images at the points of a grid, and grids of affine maps.

Jaderberg et al., "Spatial Transformer Networks" (2015). Written in gathers, so gradients of every order follow.
"""

from __future__ import annotations

import itertools
import math
import warnings
from typing import Any

import numpy as np

from .._core.registry import composite
from .._core.tensor_base import unwrap, wrap
from .._dtypes import int64
from .interpolation import cubic_weights

_MODES = {"bilinear": 0, "nearest": 1, "bicubic": 2}
_PADDINGS = {"zeros": 0, "border": 1, "reflection": 2}


def _unnormalize(x: Any, n: int, align: bool) -> Any:
    """Return coordinates from [-1, 1] as places: corners are centres of pixels, or, without `align`, their edges."""
    return (x + 1) * ((n - 1) / 2) if align else ((x + 1) * n - 1) / 2


def _reflect(x: Any, n: int, align: bool) -> Any:
    """Return places mirrored at the borders until they are inside."""
    low, span = (0.0, n - 1) if align else (-0.5, n)
    if span == 0:
        return x * 0
    y = (x - low).abs()
    turns = wrap(np.floor(unwrap(y.detach()) / span))
    rest = y - turns * span
    even = wrap(np.asarray(unwrap(turns) % 2 == 0))
    return rest.where(even, span - rest) + low


def _clip(x: Any, n: int) -> Any:
    """Return places limited to the image; what was outside has no gradient (the limits themselves neither)."""
    value = unwrap(x.detach())
    inside = wrap((value > 0) & (value < n - 1))
    return x.where(inside, wrap(np.clip(value, 0, n - 1)))


def _place(x: Any, n: int, padding: str, align: bool) -> Any:
    if padding == "border":
        return _clip(x, n)
    if padding == "reflection":
        return _clip(_reflect(x, n, align), n)
    return x


def _read(input: Any, places: list[Any]) -> Any:
    """Return the pixels at integer places (one array of the grid's shape a dim); outside there are zeros."""
    sizes = tuple(input.shape)[2:]
    flat, inside = np.zeros((), int64), np.ones((), bool)
    for place, n in zip(places, sizes, strict=True):
        inside = inside & (place >= 0) & (place < n)
        flat = flat * n + np.clip(place, 0, n - 1)
    batch, channels = input.shape[0], input.shape[1]
    index = np.broadcast_to(flat.reshape(batch, 1, -1), (batch, channels, flat[0].size))
    found = input.reshape(batch, channels, math.prod(sizes)).gather(2, wrap(np.ascontiguousarray(index)))
    found = found.reshape(batch, channels, *flat.shape[1:])
    return found * wrap(np.broadcast_to(inside[:, None], tuple(found.shape)))


def _whole(x: Any) -> Any:
    """Return places as int64; NaN and what no image reaches lie outside."""
    return np.nan_to_num(np.clip(x, -(2**31), 2**31), nan=-(2**31)).astype(int64)


def _bilinear(input: Any, coordinates: list[Any], padding: str, align: bool) -> Any:
    sizes = tuple(input.shape)[2:]
    points = [_place(x, n, padding, align) for x, n in zip(coordinates, sizes, strict=True)]
    base = [_whole(np.floor(unwrap(x.detach()))) for x in points]
    above = [x - wrap(b.astype(x.dtype)) for x, b in zip(points, base, strict=True)]
    out: Any = None
    for corner in itertools.product((0, 1), repeat=len(sizes)):
        weight: Any = 1
        for bit, share in zip(corner, above, strict=True):
            weight = weight * (share if bit else 1 - share)
        term = _read(input, [b + bit for b, bit in zip(base, corner, strict=True)]) * weight.unsqueeze(1)
        out = term if out is None else out + term
    return out


def _nearest(input: Any, coordinates: list[Any], padding: str, align: bool) -> Any:
    sizes = tuple(input.shape)[2:]
    points = [_place(x, n, padding, align) for x, n in zip(coordinates, sizes, strict=True)]
    out = _read(input, [_whole(np.round(unwrap(x.detach()))) for x in points])
    return out + sum(x.unsqueeze(1) * 0 for x in coordinates)  # the grid has a gradient: zeros


def _bicubic(input: Any, coordinates: list[Any], padding: str, align: bool) -> Any:
    sizes = tuple(input.shape)[2:]
    base = [np.floor(unwrap(x.detach())) for x in coordinates]
    weights = [cubic_weights(x - wrap(b)) for x, b in zip(coordinates, base, strict=True)]
    out: Any = None
    for ky, kx in itertools.product(range(4), repeat=2):
        steps = [b - 1 + k for b, k in zip(base, (ky, kx), strict=True)]
        places = [
            _whole(np.asarray(unwrap(_place(wrap(s), n, padding, align)))) for s, n in zip(steps, sizes, strict=True)
        ]
        term = _read(input, places) * (weights[0][ky] * weights[1][kx]).unsqueeze(1)
        out = term if out is None else out + term
    return out


_SAMPLERS = {"bilinear": _bilinear, "nearest": _nearest, "bicubic": _bicubic}


def _sample(input: Any, grid: Any, mode: str, padding: str, align: bool) -> Any:
    _check(input, grid, mode)
    sizes = tuple(input.shape)[2:]
    # The last dim of the grid is (x, y[, z]): the last spatial dim first.
    coordinates = [_unnormalize(grid[..., len(sizes) - 1 - d], n, align) for d, n in enumerate(sizes)]
    return _SAMPLERS[mode](input, coordinates, padding, align)


def _check(input: Any, grid: Any, mode: str) -> None:
    if input.dtype != grid.dtype:
        raise RuntimeError(
            f"grid_sampler(): expected input and grid to have same dtype, but input has {input.dtype} and grid has "
            f"{grid.dtype}"
        )
    if input.ndim not in (4, 5) or input.ndim != grid.ndim:
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but got input with "
            "sizes "
            f"{list(input.shape)} and grid with sizes {list(grid.shape)}"
        )
    if input.shape[0] != grid.shape[0]:
        raise RuntimeError(
            f"grid_sampler(): expected grid and input to have same batch size, but got input with sizes "
            f"{list(input.shape)} and grid with sizes {list(grid.shape)}"
        )
    if grid.shape[-1] != input.ndim - 2:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {input.ndim - 2} in last dimension, but got grid with sizes "
            f"{list(grid.shape)}"
        )
    if 0 in tuple(input.shape)[2:]:
        raise RuntimeError(
            "grid_sampler(): expected input to have non-empty spatial dimensions, but input has sizes "
            f"{list(input.shape)}"
        )
    if input.ndim == 5 and mode == "bicubic":
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")


@composite("nn.functional.grid_sample", methods="")
def grid_sample(
    input: Any, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Any:
    """Return the pixels of ``(N, C, [D,] H, W)`` at the points of a grid ``(N, ..., 2 or 3)`` of (x, y[, z]) in [-1,
    1].

    `mode`: "bilinear", "nearest", "bicubic"; `padding_mode` beyond the border: "zeros", "border", "reflection".
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.grid_sample.html

    >>> import tapeless as tl
    >>> image = tl.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> tl.nn.functional.grid_sample(image, tl.zeros(1, 1, 1, 2), align_corners=True)
    tensor([[[[2.5000]]]])
    """
    if mode not in _MODES:
        raise ValueError(
            f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'"
        )
    if padding_mode not in _PADDINGS:
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: "
            f"'{padding_mode}'"
        )
    if align_corners is None:
        warnings.warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please "
            "specify "
            "align_corners=True if the old behavior is desired. See the documentation of grid_sample for details.",
            stacklevel=2,
        )
    return _sample(input, grid, mode, padding_mode, bool(align_corners))


def _by_number(input: Any, grid: Any, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Any:
    modes, paddings = list(_MODES), list(_PADDINGS)
    return _sample(input, grid, modes[interpolation_mode], paddings[padding_mode], align_corners)


@composite("grid_sampler grid_sampler_2d", methods="")
def grid_sampler_2d(input: Any, grid: Any, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Any:
    """Return `nn.functional.grid_sample` with numbers for its modes.

    >>> import tapeless as tl
    >>> grid = tl.tensor([[[[0.0, 0.0], [1.0, 1.0]]]])  # the middle, and the last corner
    >>> tl.grid_sampler_2d(tl.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), grid, 0, 0, True)
    tensor([[[[2.5000, 4.0000]]]])
    """
    return _by_number(input, grid, interpolation_mode, padding_mode, align_corners)


@composite("grid_sampler_3d", methods="")
def grid_sampler_3d(input: Any, grid: Any, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Any:
    """Return `nn.functional.grid_sample` of volumes with numbers for its modes.

    >>> import tapeless as tl
    >>> grid = tl.zeros(1, 1, 1, 1, 3)  # the middle
    >>> tl.grid_sampler_3d(tl.arange(8.0).reshape(1, 1, 2, 2, 2), grid, 0, 0, True).item()
    3.5
    """
    return _by_number(input, grid, interpolation_mode, padding_mode, align_corners)


@composite("nn.functional.affine_grid", methods="")
def affine_grid(theta: Any, size: Any, align_corners: bool | None = None) -> Any:
    """Return the grid for `grid_sample` of affine maps ``(N, 2, 3)`` or ``(N, 3, 4)``; `size` is ``(N, C, [D,] H, W)``.

    >>> import tapeless as tl
    >>> tl.nn.functional.affine_grid(tl.eye(2, 3).unsqueeze(0), (1, 1, 2, 2), align_corners=True)[0, 0]
    tensor([[-1., -1.],
            [ 1., -1.]])
    """
    sizes = tuple(size)[2:]
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    if theta.ndim != 3 or tuple(theta.shape)[1:] != (len(sizes), len(sizes) + 1):
        raise ValueError(
            f"Expected a batch of {len(sizes)}D affine matrices of shape Nx{len(sizes)}x{len(sizes) + 1} for size "
            f"{tuple(size)}. Got {tuple(theta.shape)}."
        )
    axes = []
    for n in sizes:
        line = np.linspace(-1, 1, n) if n > 1 else np.zeros(1)
        axes.append(line if align_corners or n <= 1 else line * (n - 1) / n)
    grids = np.meshgrid(*axes, indexing="ij")
    points = np.stack([*reversed(grids), np.ones(sizes)], -1).reshape(1, -1, len(sizes) + 1).astype(theta.dtype)
    return (wrap(points) @ theta.transpose(1, 2)).reshape(size[0], *sizes, len(sizes))
