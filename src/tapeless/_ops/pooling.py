"""Poolings in one to three dims: averages, maxima, adaptive and fractional ones, and unpooling."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import composite
from .._core.tensor_base import unwrap, wrap
from .._dtypes import int64, scalar_name
from .._kernels.indexing import along, scatter_add
from .._kernels.pooling import part_argmax, place_chosen, spread_windows, window_argmax, window_sums
from .convolution import spatial
from .padding import ConstantPad


class WindowSums(Function):
    """The sum of each window of the last dims."""

    numpy = staticmethod(window_sums)

    def forward(self, input: Any, window: Any, stride: Any, sizes: Any) -> Any:
        self.window, self.stride, self.spatial = window, stride, input.shape[input.ndim - len(window) :]
        return window_sums(input, window, stride, sizes)

    def grad_input(self, g):
        return spread_windows(g, self.window, self.stride, self.spatial)


class SpreadWindows(Function):
    """Elements added to all places of their windows."""

    numpy = staticmethod(spread_windows)

    def forward(self, g: Any, window: Any, stride: Any, shape: Any) -> Any:
        self.window, self.stride, self.sizes = window, stride, g.shape[g.ndim - len(window) :]
        return spread_windows(g, window, stride, shape)

    def grad_g(self, g):
        return window_sums(g, self.window, self.stride, self.sizes)


class PlaceChosen(Function):
    """Elements put to different places of the last dim, for the rules."""

    numpy = staticmethod(place_chosen)

    def forward(self, values: Any, index: Any, count: int) -> Any:
        return place_chosen(values, index, count)

    def grad_values(self, g, index):
        return g[along(index, index.ndim - 1)]


class _Chosen(Function):
    """One element of each window, by its place in the flat last dims; what all maximum poolings share."""

    def choose(self, input: Any, values: Any, index: Any, ndim: int, distinct: bool = False) -> Any:
        """Remember the choice, and whether no element may be chosen twice; return (values, index)."""
        self.index, self.shape_in, self.ndim, self.distinct = index, input.shape, ndim, distinct
        return values, index

    def grad_input(self, g):
        lead, inner = self.shape_in[: len(self.shape_in) - self.ndim], self.shape_in[len(self.shape_in) - self.ndim :]
        flat = (*lead, math.prod(self.index.shape[len(lead) :]))
        where = self.index.reshape(flat)
        if self.distinct:
            return place_chosen(g[0].reshape(flat), where, math.prod(inner)).reshape(self.shape_in)
        return scatter_add(g[0].reshape(flat), where, len(lead), (*lead, math.prod(inner))).reshape(self.shape_in)


class MaxPool(_Chosen):
    """The largest element of each window; public through `max_pool1d` and others."""

    def forward(self, input: Any, window: Any, stride: Any, padding: Any, dilation: Any, sizes: Any) -> Any:
        values, index = window_argmax(input, window, stride, padding, dilation, sizes)
        apart = all(s > d * (k - 1) for s, d, k in zip(stride, dilation, window, strict=True))
        return self.choose(input, values, index, len(window), apart)


class AdaptiveMaxPool(_Chosen):
    """The largest element of each of a given number of parts."""

    def forward(self, input: Any, sizes: Any) -> Any:
        inner = input.shape[input.ndim - len(sizes) :]
        bounds = [_parts(n, m) for n, m in zip(inner, sizes, strict=True)]
        values, index = part_argmax(input, bounds)
        return self.choose(input, values, index, len(sizes))


class FractionalMaxPool(_Chosen):
    """The largest element of windows that begin at random places."""

    def forward(self, input: Any, starts: Any, window: Any) -> Any:
        ndim = len(window)
        lead, inner = input.shape[: input.ndim - ndim], input.shape[input.ndim - ndim :]
        flat: Any = np.zeros((), int64)
        for axis, (start, k) in enumerate(zip(starts, window, strict=True)):
            # (..., out, k) of this axis, shaped to broadcast as (..., out_1, out_2, ..., k_1, k_2, ...)
            at = start[..., None] + np.arange(k)
            shape = [1] * (2 * ndim)
            shape[axis], shape[ndim + axis] = at.shape[-2:]
            flat = flat * inner[axis] + at.reshape(*lead, *shape)
        sizes = flat.shape[len(lead) : len(lead) + ndim]
        flat = flat.reshape(*lead, math.prod(sizes), math.prod(window))
        values = np.take_along_axis(input.reshape(*lead, 1, math.prod(inner)), flat, -1)
        best = values.argmax(-1)[..., None]
        chosen = np.take_along_axis(values, best, -1).reshape(*lead, *sizes)
        return self.choose(input, chosen, np.take_along_axis(flat, best, -1).reshape(*lead, *sizes), ndim)


def _parts(n: int, count: int) -> list[tuple[int, int]]:
    """Return the bounds of `count` parts that cover `n` places, overlapping where they must."""
    return [(i * n // count, -((-(i + 1) * n) // count)) for i in range(count)]


# -- Arguments -------------------------------------------------------------------------------------------


def _batched(name: str, input: Any, ndim: int) -> None:
    if input.ndim not in (ndim + 1, ndim + 2):
        raise RuntimeError(
            f"Expected {ndim + 1}D or {ndim + 2}D (batch mode) tensor for input with possibly 0 batch size and other "
            f"non-zero dimensions, but got {input.ndim}D input\n{name}: the shape is {list(input.shape)}."
        )
    if 0 in tuple(input.shape)[input.ndim - ndim - 1 :]:
        raise RuntimeError(
            f"Expected {ndim + 1}D or {ndim + 2}D (batch mode) tensor with optional 0 dim batch size for input, but "
            "got: "
            f"{list(input.shape)}"
        )


def _float_only(name: str, input: Any) -> None:
    if input.dtype.kind != "f":
        raise NotImplementedError(f"\"{name}\" not implemented for '{scalar_name(input.dtype)}'")


def _sizes(inner: Any, window: Any, stride: Any, padding: Any, dilation: Any, ceil: bool) -> tuple[int, ...]:
    """Return the number of windows along each dim; with `ceil`, those that begin inside but reach out too."""
    sizes = []
    for n, k, s, p, d in zip(inner, window, stride, padding, dilation, strict=True):
        room = n + 2 * p - d * (k - 1) - 1
        count = (-(-room // s) if ceil else room // s) + 1
        if ceil and (count - 1) * s >= n + p:
            count -= 1
        sizes.append(count)
    return tuple(sizes)


def _check_windows(name: str, input: Any, window: Any, stride: Any, padding: Any, dilation: Any, sizes: Any) -> None:
    ndim = len(window)
    for what, values in (("kernel size", window), ("stride", stride), ("dilation", dilation)):
        if min(values) <= 0:
            raise RuntimeError(f"{what} should be greater than zero, but got {list(values)}\nIn {name}.")
    for p, k, d in zip(padding, window, dilation, strict=True):
        if p < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {p}\nIn {name}.")
        if p > (d * (k - 1) + 1) // 2:
            raise RuntimeError(
                f"pad should be at most half of effective kernel size, but got pad={p}, kernel_size={k} and "
                f"dilation={d}\nIn {name}."
            )
    if min(sizes) < 1:
        raise RuntimeError(
            f"Given input size: {list(input.shape[input.ndim - ndim - 1 :])}. Calculated output size: {list(sizes)}. "
            "Output size is too small"
        )


# -- Averages --------------------------------------------------------------------------------------------


def _average(name: str, ndim: int, input: Any, options: tuple[Any, ...]) -> Any:
    kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override = options
    _batched(name, input, ndim)
    window = spatial(kernel_size, ndim, "kernel_size")
    strides = (
        window
        if stride is None or (isinstance(stride, (tuple, list)) and not stride)
        else spatial(stride, ndim, "stride")
    )
    pads = spatial(padding, ndim, "padding")
    inner, ones = tuple(input.shape)[input.ndim - ndim :], (1,) * ndim
    if min(window) <= 0 or min(strides) <= 0:
        raise RuntimeError(f"stride should not be zero\n{name} got kernel_size={window} and stride={strides}.")
    sizes = _sizes(inner, window, strides, pads, ones, ceil_mode)
    _check_windows(name, input, window, strides, pads, ones, sizes)
    if divisor_override == 0:
        raise RuntimeError("divisor must be not zero")
    reach = [(n - 1) * s + k for n, s, k in zip(sizes, strides, window, strict=True)]
    after = [max(r - n - p, 0) for r, n, p in zip(reach, inner, pads, strict=True)]
    widths = ((0, 0),) * (input.ndim - ndim) + tuple(zip(pads, after, strict=True))
    padded = ConstantPad.apply(input, widths, 0) if any(map(any, widths)) else input
    sums, whole = WindowSums.apply(padded, window, strides, sizes), input.dtype.kind in "iu"
    if divisor_override:
        return sums.div(divisor_override, rounding_mode="trunc" if whole else None)
    counts = _counts(inner, window, strides, pads, sizes, count_include_pad)
    counts = counts if isinstance(counts, int) else wrap(counts.astype(input.real.dtype))
    return sums.div(counts, rounding_mode="trunc" if whole else None)


def _counts(inner: Any, window: Any, stride: Any, padding: Any, sizes: Any, include_pad: bool) -> Any:
    """Return by how many elements each window's sum is divided: an int where it is the same for all."""
    axes = []
    for n, k, s, p, m in zip(inner, window, stride, padding, sizes, strict=True):
        start = np.arange(m) * s - p
        end = np.minimum(start + k, n + p)
        axes.append(end - start if include_pad else np.minimum(end, n) - np.maximum(start, 0))
    if all((axis == axis[0]).all() for axis in axes):
        return int(math.prod(int(axis[0]) for axis in axes))
    total: Any = 1
    for i, axis in enumerate(axes):
        total = total * axis.reshape([-1 if j == i else 1 for j in range(len(axes))])
    return np.asarray(total)


def _adaptive_average(name: str, ndim: int, input: Any, output_size: Any) -> Any:
    _check_adaptive(input, ndim, output_size)
    _batched(name, input, ndim)
    inner = tuple(input.shape)[input.ndim - ndim :]
    sizes = _wanted(output_size, inner, ndim, name)
    for axis, (n, m) in enumerate(zip(inner, sizes, strict=True)):
        dim = input.ndim - ndim + axis
        if n == m:
            continue
        if n % m == 0:  # parts of one size: the mean of another dim
            shape = (*input.shape[:dim], m, n // m, *input.shape[dim + 1 :])
            input = input.reshape(shape).mean(dim + 1)
            continue
        matrix = np.zeros((n, m), input.dtype)
        for i, (a, b) in enumerate(_parts(n, m)):
            matrix[a:b, i] = 1 / (b - a)
        input = (input.transpose(dim, -1) @ wrap(matrix)).transpose(dim, -1)
    return input


def _check_adaptive(input: Any, ndim: int, output_size: Any) -> None:
    if ndim > 1 and isinstance(output_size, (tuple, list)) and input.ndim <= len(output_size):
        raise ValueError(
            f"Input dimension should be at least {len(output_size) + 1}\nThe input has shape {list(input.shape)}."
        )


def _wanted(output_size: Any, inner: Any, ndim: int, name: str) -> tuple[int, ...]:
    sizes = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * ndim
    if len(sizes) == 1:
        sizes = tuple(sizes) * ndim
    if len(sizes) != ndim:
        raise RuntimeError(f"{name}: output_size must be {ndim}\nGot {list(sizes)}: one number, or one for each dim.")
    wanted = tuple(n if m is None else int(m) for n, m in zip(inner, sizes, strict=True))
    if min(wanted) < 0:
        raise RuntimeError(f"elements of output_size must be greater than or equal to 0 but received {list(wanted)}")
    return wanted


# -- Maxima ----------------------------------------------------------------------------------------------


def _maximum(name: str, ndim: int, input: Any, options: tuple[Any, ...]) -> Any:
    kernel_size, stride, padding, dilation, ceil_mode = options
    if ndim > 1 and input.ndim not in (ndim + 1, ndim + 2):
        raise RuntimeError(
            f"non-empty {ndim + 1}D or {ndim + 2}D (batch mode) tensor expected for input\n"
            f"{name} got the shape {list(input.shape)}."
        )
    _batched(name, input, ndim)
    window = spatial(kernel_size, ndim, "kernel_size")
    strides = (
        window
        if stride is None or (isinstance(stride, (tuple, list)) and not stride)
        else spatial(stride, ndim, "stride")
    )
    pads, dilations = spatial(padding, ndim, "padding"), spatial(dilation, ndim, "dilation")
    if min(window) <= 0 or min(strides) <= 0:
        raise RuntimeError(f"kernel_size and stride must be greater than zero\n{name} got {window} and {strides}.")
    sizes = _sizes(tuple(input.shape)[input.ndim - ndim :], window, strides, pads, dilations, ceil_mode)
    _check_windows(name, input, window, strides, pads, dilations, sizes)
    return MaxPool.apply(input, window, strides, pads, dilations, sizes)


def fractional(name: str, ndim: int, input: Any, options: tuple[Any, ...], draw: Callable[..., Any]) -> Any:
    kernel_size, output_size, output_ratio, samples = options
    if output_size is None and output_ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    _batched(name, input, ndim)
    window = spatial(kernel_size, ndim, "kernel_size")
    inner = tuple(input.shape)[input.ndim - ndim :]
    if output_size is None:
        ratios = output_ratio if isinstance(output_ratio, (tuple, list)) else (output_ratio,) * ndim
        output_size = [int(n * r) for n, r in zip(inner, ratios, strict=True)]
    sizes = spatial(output_size, ndim, "output_size")
    batch = 1 if input.ndim == ndim + 1 else input.shape[0]
    channels = input.shape[input.ndim - ndim - 1]
    shape = (batch, channels, ndim)
    samples = draw(shape, input.dtype) if samples is None else unwrap(samples)
    # For one image PyTorch takes the first of however many numbers there are.
    samples = samples.reshape(-1, channels, ndim)[:batch].reshape(*(input.shape[: input.ndim - ndim]), ndim)
    starts = []
    for axis, (n, m, k) in enumerate(zip(inner, sizes, window, strict=True)):
        if m + k - 1 > n - (ndim == 3):  # PyTorch wants one more in three dims
            raise RuntimeError(f"{name}(): pool size {k} too large relative to input size {n}\nThe output size is {m}.")
        u = samples[..., ndim - 1 - axis if ndim == 2 else axis]  # PyTorch's order: of two numbers width first
        starts.append(_starts(n, m, k, u))
    return FractionalMaxPool.apply(input, tuple(starts), window)


def _starts(n: int, count: int, window: int, u: Any) -> Any:
    """Return where the windows begin, from one random number for each batch and channel."""
    last = np.full((*u.shape, 1), n - window, int64)
    if count == 1:
        return last
    alpha = u.dtype.type((n - window) / (count - 1))
    steps = np.arange(count - 1, dtype=u.dtype)
    begin = ((steps + u[..., None]) * alpha).astype(int64) - (u * alpha).astype(int64)[..., None]
    return np.concatenate([begin, last], -1)


def _unpool(name: str, ndim: int, input: Any, indices: Any, options: tuple[Any, ...]) -> Any:
    kernel_size, stride, padding, output_size = options
    window = spatial(kernel_size, ndim, "kernel_size")
    strides = window if stride is None else spatial(stride, ndim, "stride")
    pads = spatial(padding, ndim, "padding")
    if indices.dtype != int64:
        raise RuntimeError(f"elements in indices should be type int64 but got: {indices.dtype}")
    if tuple(indices.shape) != tuple(input.shape):
        raise RuntimeError(
            f"Expected shape of indices to be: {list(input.shape)} but got: {list(indices.shape)}\nIn {name}."
        )
    if input.ndim not in (ndim + 1, ndim + 2):
        raise RuntimeError(f"Input to {name} should be a {ndim + 1}d or {ndim + 2}d Tensor, but got {input.ndim}d.")
    inner = tuple(input.shape)[input.ndim - ndim :]
    default = tuple((n - 1) * s - 2 * p + k for n, s, p, k in zip(inner, strides, pads, window, strict=True))
    if output_size is None:
        shape = default
    else:
        wanted = list(output_size)
        shape = tuple(wanted[len(wanted) - ndim :])
        for n, d, s in zip(shape, default, strides, strict=True):
            if not d - s < n < d + s:
                raise ValueError(
                    f'invalid output_size "{list(shape)}" (dim {shape.index(n)} must be between {d - s} and {d + s})'
                )
    lead = tuple(input.shape)[: input.ndim - ndim]
    flat = (*lead, math.prod(inner))
    places = indices.reshape(flat)
    count = math.prod(shape)
    array = unwrap(places)
    if array.size and (array.min() < 0 or array.max() >= count):
        raise RuntimeError(f"Found an invalid max index: {int(array.max())} (output volumes are of size {list(shape)})")
    return input.new_zeros((*lead, count)).scatter(len(lead), places, input.reshape(flat)).reshape((*lead, *shape))


# -- Public ----------------------------------------------------------------------------------------------

_SEE = "See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional."


def _publish(names: str, function: Any, doc: str, example: str, shape: str) -> None:
    """Add a function with a docstring whose example shows the shape of what `example`, applied to `F`, returns."""
    name = names.split()[0].rpartition(".")[2]
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{doc}

    {_SEE}{name}.html

    >>> import tapeless as tl
    >>> tl.nn.functional.{name}({example}.shape
    torch.Size([{shape}])
    """
    composite(names, methods="")(function)


def _declare(ndim: int) -> None:
    """Declare the poolings of one number of dims."""
    average, adaptive, adaptive_max = f"avg_pool{ndim}d", f"adaptive_avg_pool{ndim}d", f"adaptive_max_pool{ndim}d"
    maximum, unpool = f"max_pool{ndim}d", f"max_unpool{ndim}d"
    top = average if ndim == 1 else ""  # PyTorch has these few at the top too

    def avg_pool(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Any:
        options = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
        return _average(average, ndim, input, options)

    def max_pool(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        values, index = _maximum(maximum, ndim, input, (kernel_size, stride, padding, dilation, ceil_mode))
        return (values, index) if return_indices else values

    def max_pool_with_indices(*args: Any, **kwargs: Any) -> Any:
        return max_pool(*args, **{**kwargs, "return_indices": True})

    def adaptive_avg_pool(input: Any, output_size: Any) -> Any:
        return _adaptive_average(adaptive, ndim, input, output_size)

    def adaptive_max_pool(input: Any, output_size: Any, return_indices: bool = False) -> Any:
        _check_adaptive(input, ndim, output_size)
        _batched(adaptive_max, input, ndim)
        sizes = _wanted(output_size, tuple(input.shape)[input.ndim - ndim :], ndim, adaptive_max)
        values, index = AdaptiveMaxPool.apply(input, sizes)
        return (values, index) if return_indices else values

    def max_unpool(
        input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
    ) -> Any:
        return _unpool(unpool, ndim, input, indices, (kernel_size, stride, padding, output_size))

    def lp_pool(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
        window = spatial(kernel_size, ndim, "kernel_size")
        mean = avg_pool(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
        return (mean.sign() * mean.abs().relu() * math.prod(window)).pow(1.0 / norm_type)

    # For the examples: images of 4 x 4, halves of them, and ends of the calls that give their shape.
    image, half = f"tl.ones(1, {', '.join(['4'] * ndim)})", ", ".join(["1", *["2"] * ndim])
    both = f"tl.nn.functional.{maximum}({image}, 2, return_indices=True)"
    where = f"over windows of {ndim} dim{'s' if ndim > 1 else ''} of ``(N, C, ...)`` or ``(C, ...)``"
    _publish(
        f"nn.functional.{average} {top}".strip(),
        avg_pool,
        f"Return averages {where}.",
        f"{image}, kernel_size=2)",
        half,
    )
    _publish(
        f"nn.functional.{maximum} {maximum}",
        max_pool,
        f"Return maxima {where}; NaN is the largest.",
        f"{image}, 2)",
        half,
    )
    _publish(
        f"nn.functional.{maximum}_with_indices" + (" max_pool1d_with_indices" if ndim == 1 else ""),
        max_pool_with_indices,
        f"Return maxima {where}, and their places in the flat dims.",
        f"{image}, 2)[1]",
        half,
    )
    _publish(
        f"nn.functional.{adaptive}" + (f" {adaptive}" if ndim == 1 else ""),
        adaptive_avg_pool,
        f"Return averages of `output_size` parts of the last {ndim} of ``(N, C, ...)`` or ``(C, ...)``.",
        f"{image}, output_size=2)",
        half,
    )
    _publish(
        f"nn.functional.{adaptive_max}" + (f" {adaptive_max}" if ndim == 1 else ""),
        adaptive_max_pool,
        f"Return maxima of `output_size` parts of the last {ndim} of ``(N, C, ...)`` or ``(C, ...)``.",
        f"{image}, output_size=2)",
        half,
    )
    _publish(
        f"nn.functional.{adaptive_max}_with_indices",
        lambda input, output_size: adaptive_max_pool(input, output_size, True),
        f"Return maxima of `output_size` parts of the last {ndim} of ``(N, C, ...)``, and their places when flat.",
        f"{image}, 2)[1]",
        half,
    )
    _publish(
        f"nn.functional.{unpool}",
        max_unpool,
        f"Put maxima ``(N, C, ...)`` back to the places where `{maximum}` found them.",
        f"*{both}, kernel_size=2)",
        ", ".join(["1", *["4"] * ndim]),
    )
    _publish(
        f"nn.functional.lp_pool{ndim}d", lp_pool, f"Return norms of order `norm_type` {where}.", f"{image}, 2, 2)", half
    )


for _ndim in (1, 2, 3):
    _declare(_ndim)
