"""Maximum pooling against a loop over windows, where windows hold padding, ties, NaN and the lowest value."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tapeless._kernels.pooling import place_chosen, window_argmax


def by_loop(x, window, stride, padding, dilation, sizes):
    """Return the maxima of (H, W) and their flat places: the first of equals, the last NaN."""
    values, index = np.empty(sizes, x.dtype), np.empty(sizes, np.int64)
    for at in itertools.product(*map(range, sizes)):
        best = None
        for place in itertools.product(*map(range, window)):
            y, z = (a * s - p + i * d for a, s, p, i, d in zip(at, stride, padding, place, dilation, strict=True))
            if not (0 <= y < x.shape[0] and 0 <= z < x.shape[1]):
                continue
            if best is None or x[y, z] > x[best] or x[y, z] != x[y, z]:
                best = (y, z)
        values[at], index[at] = x[best], best[0] * x.shape[1] + best[1]
    return values, index


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
@pytest.mark.parametrize(
    ("window", "stride", "padding", "dilation"),
    [
        ((2, 2), (2, 2), (0, 0), (1, 1)),
        ((3, 2), (1, 2), (1, 1), (1, 1)),
        ((3, 3), (2, 1), (1, 1), (1, 2)),
        ((1, 3), (1, 1), (0, 1), (1, 1)),
    ],
    ids=str,
)
def test_window_argmax(window, stride, padding, dilation, dtype):
    rng = np.random.default_rng(0)
    reach = zip((9, 8), window, stride, padding, dilation, strict=True)
    sizes = tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in reach)
    for _ in range(20):
        x = rng.integers(-3, 3, (9, 8)).astype(dtype)
        x[rng.random(x.shape) < 0.5] = -np.inf if dtype == np.float32 else np.iinfo(dtype).min
        if dtype == np.float32:
            x[rng.random(x.shape) < 0.1] = np.nan
        values, index = window_argmax(x, window, stride, padding, dilation, sizes)
        expected_values, expected_index = by_loop(x, window, stride, padding, dilation, sizes)
        np.testing.assert_array_equal(values, expected_values)
        np.testing.assert_array_equal(index, expected_index)


def test_place_chosen():
    index = np.array([[[2, 0], [3, 1]]])
    values = np.array([[[1.0, 2.0], [3.0, 4.0]]])
    assert place_chosen(values, index, 4).tolist() == [[[2, 0, 1, 0], [0, 4, 0, 3]]]
    assert place_chosen(np.zeros((0, 2)), np.zeros((0, 2), np.int64), 4).shape == (0, 4)
