"""The Gaussian error linear unit and its slope, against the definition in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tapeless._kernels.accelerated import ENGINE
from tapeless._kernels.gelu import _PIECE, gelu


def exact(x: Any) -> tuple[Any, Any]:
    cdf = np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x.tolist()])
    return x * cdf, cdf + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def approximate(x: Any) -> tuple[Any, Any]:
    """The tanh formula, and its derivative by central differences in float64."""

    def value(x: Any) -> Any:
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))

    return value(x), (value(x + 1e-6) - value(x - 1e-6)) / 2e-6


@pytest.mark.parametrize(("dtype", "limit"), [("float32", 2e-7), ("float64", 1e-15), ("float16", 1e-3)])
def test_exact_formula(dtype: str, limit: float) -> None:
    x = np.linspace(-12, 12, 4001).astype(dtype)
    value, slope = gelu(x, "none", True)
    expected, expected_slope = exact(x.astype(float))
    assert value.dtype == slope.dtype == dtype
    assert (np.abs(value - expected) <= limit * np.maximum(np.abs(x), 1)).all()
    assert (np.abs(slope - expected_slope) <= 2 * limit).all()


# The slope holds 2 * x * s * (1 - s) * u', where 1 - s is exact to float32's resolution at 1, and the rest up to 33.
@pytest.mark.parametrize(("dtype", "limit", "slope_limit"), [("float32", 3e-7, 2e-6), ("float64", 1e-9, 1e-9)])
def test_approximate_formula(dtype: str, limit: float, slope_limit: float) -> None:
    x = np.linspace(-8, 8, 4001).astype(dtype)
    value, slope = gelu(x, "tanh", True)
    expected, expected_slope = approximate(x.astype(float))
    assert (np.abs(value - expected) <= limit * np.maximum(np.abs(x), 1)).all()
    assert (np.abs(slope - expected_slope) <= slope_limit).all()


@pytest.mark.parametrize("kind", ["none", "tanh"])
@pytest.mark.parametrize("shape", [(0, 3), (), (2, _PIECE), (_PIECE + 1,)])
def test_pieces_are_the_whole(kind: str, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ENGINE, "active", False)  # compiled, the whole goes through a loop and one number does not
    x = np.linspace(-3, 3, math.prod(shape), dtype="float32").reshape(shape)
    value, slope = gelu(x, kind, True)
    assert value.shape == slope.shape == shape
    for i in [0, _PIECE - 1, _PIECE, x.size - 1] if x.size > 1 else range(x.size):
        one, one_slope = gelu(x.reshape(-1)[i : i + 1], kind, True)
        np.testing.assert_allclose([value.reshape(-1)[i], slope.reshape(-1)[i]], [one[0], one_slope[0]], rtol=1e-6)


@pytest.mark.parametrize("kind", ["none", "tanh"])
def test_transposed_input_and_no_slope(kind: str) -> None:
    x = np.linspace(-3, 3, 12).reshape(3, 4)
    value, slope = gelu(x.T, kind, False)
    assert slope is None
    np.testing.assert_array_equal(value.T, gelu(x, kind, True)[0])


def test_awkward_points() -> None:
    x = np.array([np.nan, 0.0, -0.0, 1e6, -1e6], np.float32)
    value, slope = gelu(x, "none", True)
    np.testing.assert_array_equal(value, np.array([np.nan, 0, 0, 1e6, 0], np.float32))
    np.testing.assert_array_equal(slope, np.array([np.nan, 0.5, 0.5, 1, 0], np.float32))
