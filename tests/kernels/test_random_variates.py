"""Gamma, Poisson and binomial draws: PyTorch's numbers, and frozen ones where PyTorch is not installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tapeless._kernels import random_variates
from tapeless._kernels.random_stream import RandomStream

RNG = np.random.default_rng(0)
GAMMA = np.concatenate([RNG.uniform(1e-3, 1, 400), RNG.uniform(1, 80, 401), [0.0]])
RATES = np.concatenate([RNG.uniform(0.01, 10, 400), RNG.uniform(10, 300, 401), [0.0, 1e6]])
COUNTS, PROBS = RNG.integers(0, 200, 800), np.concatenate([RNG.uniform(0, 1, 796), [0, 0, 1, 1]])
CASES = {
    "gamma": (random_variates.gamma, (GAMMA,)),
    "poisson": (random_variates.poisson, (RATES,)),
    "binomial": (random_variates.binomial, (COUNTS, PROBS)),
}


@pytest.mark.parametrize("name", list(CASES))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", [0, 7])
def test_the_numbers_are_those_of_pytorch_and_the_stream_goes_on_as_there(name: str, dtype: Any, seed: int) -> None:
    torch = pytest.importorskip("torch")
    draw, params = CASES[name]
    arrays = [p.astype(dtype) for p in params]
    theirs = {"gamma": torch._standard_gamma, "poisson": torch.poisson, "binomial": torch.binomial}[name]
    torch.manual_seed(seed)
    torch.randn(3)  # one normal number waits
    expected = theirs(*(torch.from_numpy(a) for a in arrays)).numpy()
    stream = RandomStream(seed)
    stream.normal(3)
    drawn = draw(stream, *arrays).astype(dtype)
    if name == "gamma":
        drawn = np.maximum(drawn, np.finfo(dtype).tiny)
    np.testing.assert_array_equal(drawn, expected)
    np.testing.assert_array_equal(stream.get_state(), torch.get_rng_state().numpy())


# From PyTorch 2.13.
FROZEN: dict[str, Any] = {
    "gamma": [[0.8799756972712028, 1.4460558732153423], [5.569768201078035, 65.28459564620383]],
    "poisson": [0.0, 7.0, 10.0, 390.0],
    "binomial": [0.0, 22.0, 47.0, 691.0],
}


def test_frozen_numbers() -> None:
    gamma = random_variates.gamma(RandomStream(1), np.array([[0.3, 1.0], [4.0, 60.0]]))
    np.testing.assert_allclose(gamma, FROZEN["gamma"], rtol=1e-13)
    assert random_variates.poisson(RandomStream(1), np.array([0.5, 9.0, 10.0, 400.0])).tolist() == FROZEN["poisson"]
    counts, probs = np.array([5.0, 50.0, 50.0, 1000.0]), np.array([0.2, 0.5, 0.9, 0.7])
    assert random_variates.binomial(RandomStream(1), counts, probs).tolist() == FROZEN["binomial"]


def test_parameters_without_a_distribution() -> None:
    assert np.isnan(random_variates.gamma(RandomStream(0), np.array([-1.0, np.nan]))).all()
    assert np.isnan(random_variates.binomial(RandomStream(0), np.array([3.0, np.nan]), np.array([np.nan, 0.5]))).all()
    for bad in (-1.0, np.nan):
        with pytest.raises(RuntimeError, match="invalid Poisson rate, expected rate to be non-negative"):
            random_variates.poisson(RandomStream(0), np.array([bad]))


def test_no_parameters_draw_nothing() -> None:
    stream, before = RandomStream(3), RandomStream(3).get_state()
    assert random_variates.gamma(stream, np.zeros((0, 2))).shape == (0, 2)
    assert random_variates.poisson(stream, np.zeros(3)).tolist() == [0, 0, 0]
    assert random_variates.binomial(stream, np.array([4.0, 0.0]), np.array([1.0, 0.5])).tolist() == [4, 0]
    np.testing.assert_array_equal(stream.get_state(), before)


@pytest.mark.parametrize(
    ("name", "params", "mean", "variance"),
    [
        ("gamma", (0.2,), 0.2, 0.2),
        ("gamma", (30.0,), 30.0, 30.0),
        ("poisson", (3.0,), 3.0, 3.0),
        ("poisson", (70.0,), 70.0, 70.0),
        ("binomial", (9.0, 0.3), 2.7, 1.89),
        ("binomial", (300.0, 0.8), 240.0, 48.0),
    ],
)
def test_moments(name: str, params: Any, mean: float, variance: float) -> None:
    draw, n = CASES[name][0], 4000
    x = draw(RandomStream(5), *(np.full(n, p) for p in params))
    assert abs(x.mean() - mean) < 5 * np.sqrt(variance / n)
    spread = np.sqrt(((x - mean) ** 2).var() / n)  # of the estimate of the variance
    assert abs(((x - mean) ** 2).mean() - variance) < 5 * spread
