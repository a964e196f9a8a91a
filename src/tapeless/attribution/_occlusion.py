"""Occlusion: cover a part of the input, and see how much the output falls."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._core.registry import FUNCTIONS
from .._creation import from_numpy, zeros
from ._query import Query, checked_baselines

Sizes = tuple[int, ...]


def occlusion(
    model: Callable[..., Any],
    inputs: Any,
    target: Any = None,
    baselines: Any = None,
    *,
    window: Any,
    strides: Any = 1,
    args: Any = (),
    internal_batch_size: int | None = None,
) -> Any:
    """Return how much the output falls, on average, as a window that slides over the inputs covers each element.

    Args:
        model, inputs, target, args, internal_batch_size: what to explain, see `tapeless.attribution`; here inputs may
            be of any dtype, since no gradients are needed.
        baselines: what stands in the covered part, 0 by default: a number, a Tensor that broadcasts to the input's
            shape, or a tuple of these for a tuple of inputs.
        window: the window's size in the last dims of the input: ``(3, 3)`` for images (N, C, H, W), which covers all
            their channels, an int for the last dim. For a tuple of inputs a tuple with one for each.
        strides: how far the window moves from place to place, an int or one for each dim of the window; for a tuple
            of inputs a tuple with one for each may be given. The last place is at the far edge, even where that is less
            far.

    A Tensor of floats of the shape (N, ...) of the inputs, or a tuple of them: for each element, the output minus that
    with the window covered, averaged over the places of the window that cover it. The model is evaluated once for each
    place. Raises TypeError and ValueError for a target, baselines, window or strides that do not fit.

    Zeiler and Fergus: Visualizing and Understanding Convolutional Networks (2013), arXiv:1311.2901.

    >>> import tapeless as tl
    >>> x = tl.tensor([[1.0, 2.0, 3.0]])
    >>> occlusion(lambda x: x.sum(1), x, window=1)
    tensor([[1., 2., 3.]])
    >>> occlusion(lambda x: x.sum(1), x, window=2)  # 1 + 2 and 2 + 3
    tensor([[3., 4., 5.]])
    """
    query = Query(model, inputs, target, args, internal_batch_size)
    fills = checked_baselines(baselines, query)
    windows = _for_each_input(window, query, "window")
    steps = _for_each_input(strides, query, "strides") if isinstance(strides, tuple | list) else [strides] * len(fills)
    sizes = [_checked(i, *given) for i, given in enumerate(zip(query.inputs, windows, steps))]
    whole = query.outputs(*[x.unsqueeze(0) for x in query.inputs])
    return query.as_given([_falls(query, whole, i, fills[i], *sizes[i]) for i in range(len(fills))])


def _falls(query: Query, whole: Any, i: int, fill: Any, window: Sizes, strides: Sizes) -> Any:
    """Return the falls of the output `whole`, (1, N), as input `i` is covered with `fill`."""
    x = query.inputs[i]
    places = _places(tuple(x.shape[1:]), window, strides)
    total, covered = zeros(x.shape, dtype=whole.dtype), zeros(x.shape[1:], dtype=whole.dtype)
    for group in query.groups(len(places)):
        masks = _masks(places[group.start : group.stop], tuple(x.shape[1:])).unsqueeze(1)  # (places, 1, ...)
        points = [tensor.expand(len(group), *tensor.shape) for tensor in query.inputs]
        points[i] = FUNCTIONS["where"](masks, fill, x)
        falls = whole - query.outputs(*points)
        total += (falls.reshape(*falls.shape, *[1] * (x.ndim - 1)) * masks).sum(0)
        covered += masks.sum((0, 1))
    return total / covered


def _places(shape: Sizes, window: Sizes, strides: Sizes) -> list[tuple[slice, ...]]:
    """Return the parts of a sample that the window covers, one after the other."""
    starts = [
        [min(i * stride, size - width) for i in range(math.ceil((size - width) / stride) + 1)]
        for size, width, stride in zip(shape, window, strides)
    ]
    return [tuple([slice(a, a + width) for a, width in zip(at, window)]) for at in itertools.product(*starts)]


def _masks(places: list[tuple[slice, ...]], shape: Sizes) -> Any:
    masks = np.zeros((len(places), *shape), dtype=bool)
    for mask, place in zip(masks, places):
        mask[place] = True
    return from_numpy(masks)


def _for_each_input(given: Any, query: Query, name: str) -> Any:
    """Return one window, or its strides, for each input."""
    if not query.is_tuple:
        return [given]
    if not isinstance(given, tuple | list) or len(given) != len(query.inputs):
        raise ValueError(f"expected a tuple with a {name} for each of {len(query.inputs)} inputs, got {given!r}")
    return given


def _checked(i: int, x: Any, window: Any, strides: Any) -> tuple[Sizes, Sizes]:
    """Return the window and its strides for all dims of a sample of input `i`."""
    shape = tuple(x.shape[1:])
    sizes = (window,) if isinstance(window, int) else tuple(window)
    steps = (strides,) * len(sizes) if isinstance(strides, int) else tuple(strides)
    if not 0 < len(sizes) <= len(shape) or any(not 1 <= a <= b for a, b in zip(sizes[::-1], shape[::-1])):
        raise ValueError(
            f"expected as window the sizes in some last dims of inputs[{i}], whose samples have shape {list(shape)}, "
            f"got {window}"
        )
    if len(steps) != len(sizes) or any(not 1 <= a <= b for a, b in zip(steps, sizes)):
        raise ValueError(
            f"expected strides from 1 to the window's sizes {list(sizes)}, so that no element stays uncovered, "
            f"got {strides}"
        )
    others = shape[: len(shape) - len(sizes)]
    return others + sizes, (1,) * len(others) + steps
