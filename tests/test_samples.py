"""Draws with parameters for each element: the numbers, errors and gradients of PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tapeless.nn import functional as F

RATES = np.array([[0.0, 0.3, 4.0], [9.5, 30.0, 700.0]])
CHANCES = np.array([0.0, 0.3, 1.0])


def test_means() -> None:
    tl.manual_seed(0)
    drawn = tl.poisson(tl.full((4000,), 3.0, dtype=tl.float64)).numpy()
    assert abs(drawn.mean() - 3) < 5 * np.sqrt(3 / 4000) and set(drawn % 1) == {0.0}
    drawn = tl.binomial(tl.full((4000,), 10.0), tl.tensor(0.3)).numpy()
    assert abs(drawn.mean() - 3) < 5 * np.sqrt(2.1 / 4000) and drawn.max() <= 10


def test_gumbel_softmax_picks_in_proportion() -> None:
    tl.manual_seed(0)
    logits = tl.tensor([0.2, 0.8]).log().expand(4000, 2).contiguous().requires_grad_()
    hard = F.gumbel_softmax(logits, hard=True)
    assert abs(hard.detach().numpy()[:, 1].mean() - 0.8) < 5 * np.sqrt(0.16 / 4000)
    (hard * tl.tensor([0.0, 1.0])).sum().backward()
    assert logits.grad.abs().sum() > 0


def test_what_is_refused() -> None:
    with pytest.raises(
        RuntimeError, match="invalid Poisson rate, expected rate to be non-negative\nThe smallest is -1"
    ):
        tl.poisson(tl.tensor([-1.0]))
    with pytest.raises(NotImplementedError, match="\"poisson_cpu\" not implemented for 'Long'"):
        tl.poisson(tl.tensor([1]))
    with pytest.raises(NotImplementedError, match="\"binomial_cpu\" not implemented for 'Long'"):
        tl.binomial(tl.tensor([1]), tl.tensor([1]))
    with pytest.raises(RuntimeError, match="Boolean value of Tensor with more than one value is ambiguous"):
        tl.is_nonzero(tl.ones(2))


def test_poisson_draws_have_a_gradient_of_zeros() -> None:
    rates = tl.tensor([0.0, 2.0], requires_grad=True)
    tl.poisson(rates).sum().backward()
    assert rates.grad.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_are_pytorchs(dtype: str) -> None:
    torch = pytest.importorskip("torch")

    def draws(lib: Any) -> list[Any]:
        lib.manual_seed(3)
        rates, chances = (lib.tensor(x.astype(dtype)) for x in (RATES, CHANCES))
        logits = lib.tensor(RATES.astype(dtype) / 10).requires_grad_()
        soft = lib.nn.functional.gumbel_softmax(logits, tau=0.7)
        hard = lib.nn.functional.gumbel_softmax(logits, hard=True, dim=0)
        ((soft + hard) * rates).sum().backward()
        results = [lib.poisson(rates), lib.binomial(rates.round(), chances), soft, hard, logits.grad]
        return [result.detach().numpy() for result in results]

    for a, b in zip(draws(tl), draws(torch), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5 if dtype == "float32" else 1e-12, atol=1e-6)
        assert a.dtype == b.dtype


def test_in_place_activations() -> None:
    for name in "relu_ leaky_relu_ elu_ hardtanh_ celu_ selu_ rrelu_".split():
        x = tl.tensor([-2.0, 0.5])
        assert getattr(F, name)(x) is x
        np.testing.assert_allclose(x.numpy(), getattr(F, name[:-1])(tl.tensor([-2.0, 0.5])).numpy(), rtol=1e-6)
    x = tl.tensor([-2.0, 0.5])
    assert F.threshold_(x, 0.0, 7.0).tolist() == [7.0, 0.5]
