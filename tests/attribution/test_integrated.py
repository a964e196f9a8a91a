"""Integrated gradients: the axioms of the paper, and the rules of integration."""

from __future__ import annotations

from typing import Any

import pytest

import tapeless as tl
from tapeless import nn
from tapeless.attribution import integrated_gradients
from tapeless.testing import assert_close
from tests.attribution.models import conv_net, fill, randn, relu_net, smooth_net, two_inputs

METHODS = ["gausslegendre", "riemann_trapezoid", "riemann_middle", "riemann_left", "riemann_right"]


def gap(model: Any, x: Any, baseline: Any, attributions: Any, target: int) -> float:
    """How far the sum of attributions is from the change of the output."""
    with tl.no_grad():
        change = (model(x) - model(baseline))[:, target]
    return float((attributions.flatten(1).sum(1) - change).abs().max())


@pytest.mark.parametrize("baseline", [0.0, 1.5])
@pytest.mark.parametrize(("make", "shape"), [(smooth_net, (5, 6)), (conv_net, (3, 2, 6, 5))])
def test_completeness_on_smooth_nets(make: Any, shape: tuple[int, ...], baseline: float) -> None:
    model, x = make(), randn(*shape)
    found, delta = integrated_gradients(model, x, 1, baseline, n_steps=60, return_convergence_delta=True)
    assert gap(model, x, tl.full_like(x, baseline), found, 1) < 1e-9
    assert delta.shape == (shape[0],) and float(delta.abs().max()) < 1e-9


def test_completeness_on_relu_nets() -> None:
    model, x = relu_net(), randn(5, 6)
    gaps = [
        gap(model, x, tl.zeros_like(x), integrated_gradients(model, x, 3, n_steps=n, method="riemann_middle"), 3)
        for n in (100, 1000, 10_000)
    ]
    change = float(model(x)[:, 3].detach().abs().max())
    assert gaps[2] < 1e-4 * change, gaps
    assert gaps[2] < gaps[1] < gaps[0], "the gap shrinks with more steps"


@pytest.mark.parametrize("method", METHODS)
def test_a_linear_model_is_explained_exactly(method: str) -> None:
    model, x, baseline = nn.Linear(6, 4).double(), randn(3, 6), randn(3, 6, seed=5)
    for n_steps in (2, 3, 17):
        found = integrated_gradients(model, x, 2, baseline, n_steps=n_steps, method=method)
        assert_close(found, model.weight.detach()[2] * (x - baseline))


@pytest.mark.parametrize(("method", "degree"), list(zip(METHODS, [8, 2, 2, 1, 1])))
def test_each_rule_is_exact_to_its_degree(method: str, degree: int) -> None:
    """The gradient of x ** degree has degree - 1; with four points, Gauss and Legendre's rule is exact up to 7."""
    x = tl.tensor([[1.5, -2.0]], dtype=tl.float64)

    def error(power: int) -> float:
        found = integrated_gradients(lambda x: (x**power).sum(1), x, n_steps=4, method=method)
        return float((found - x**power).abs().max())

    assert error(degree) < 1e-11
    assert error(degree + 1) > 1e-3


@pytest.mark.parametrize("method", METHODS)
def test_the_delta_is_what_the_sum_misses(method: str) -> None:
    model, x = smooth_net(), randn(4, 6)
    found, delta = integrated_gradients(model, x, 0, n_steps=5, method=method, return_convergence_delta=True)
    with tl.no_grad():
        change = (model(x) - model(tl.zeros_like(x)))[:, 0]
    assert_close(delta, found.sum(1) - change)


def test_sensitivity() -> None:
    """An element that alone differs and changes the output gets it all, even where its gradient is 0; one that does not
    matter gets nothing.
    """

    def model(x: Any) -> Any:
        return 1 - tl.relu(1 - x[:, 0]) + 0 * x[:, 1]  # the example of the paper: flat from 1 on

    x = tl.tensor([[2.0, 3.0]], dtype=tl.float64)
    found = integrated_gradients(model, x, n_steps=1000, method="riemann_middle")
    assert_close(found, tl.tensor([[1.0, 0.0]], dtype=tl.float64))


def test_implementation_invariance() -> None:
    """Two networks that compute the same are explained the same: here a hidden layer permuted and scaled."""
    first, x = relu_net(), randn(4, 6)
    second = relu_net()
    order, scale = tl.randperm(16), tl.rand(16, 1, dtype=tl.float64) + 0.5
    with tl.no_grad():
        second[0].weight.copy_((first[0].weight * scale)[order])
        second[0].bias.copy_((first[0].bias * scale[:, 0])[order])
        second[2].weight.copy_((first[2].weight / scale[:, 0])[:, order])
        assert_close(first(x), second(x))
    assert_close(integrated_gradients(first, x, 1), integrated_gradients(second, x, 1))


def test_linearity() -> None:
    first, second, x = smooth_net(), relu_net(), randn(3, 6)
    mixed = integrated_gradients(lambda x: 2 * first(x) - 3 * second(x), x, 1)
    assert_close(mixed, 2 * integrated_gradients(first, x, 1) - 3 * integrated_gradients(second, x, 1))


def test_symmetry() -> None:
    x = tl.tensor([[0.7, 0.7]], dtype=tl.float64)
    found = integrated_gradients(lambda x: tl.sigmoid(x[:, 0] * x[:, 1]), x)
    assert_close(found[:, 0], found[:, 1])


def test_several_inputs_share_the_change() -> None:
    model, inputs = two_inputs()
    baselines = (0.5, randn(1, 5, seed=9))
    found, delta = integrated_gradients(model, inputs, 1, baselines, return_convergence_delta=True)
    assert isinstance(found, tuple) and [part.shape for part in found] == [x.shape for x in inputs]
    with tl.no_grad():
        change = model(*inputs)[:, 1] - model(tl.full_like(inputs[0], 0.5), baselines[1].expand(3, 5))[:, 1]
    assert_close(sum(part.flatten(1).sum(1) for part in found), change, rtol=1e-9, atol=1e-9)
    assert float(delta.abs().max()) < 1e-9


@pytest.mark.parametrize(
    "baseline", [2, 2.0, tl.tensor(2), tl.full((6,), 2.0), tl.full((1, 6), 2.0), tl.full((3, 6), 2.0)]
)
def test_baselines_may_be_given_in_many_forms(baseline: Any) -> None:
    model, x = smooth_net(), randn(3, 6)
    expected = integrated_gradients(model, x, 0, tl.full((3, 6), 2.0, dtype=tl.float64))
    assert_close(integrated_gradients(model, x, 0, baseline), expected, rtol=0, atol=0)


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 7, 10, 1000])
def test_the_size_of_a_pass_changes_nothing(rows: int) -> None:
    model, (image, vector) = two_inputs()
    sizes, target = [], tl.tensor([0, 2, 1])

    def watched(*inputs: Any) -> Any:
        sizes.append(len(inputs[0]))
        return model(*inputs)

    found = integrated_gradients(watched, (image, vector), target, n_steps=9, internal_batch_size=rows)
    assert_close(found, integrated_gradients(model, (image, vector), target, n_steps=9))
    assert sum(sizes) == 27 and max(sizes) <= rows


def test_a_batch_is_its_samples_one_by_one() -> None:
    model, x = conv_net(), randn(4, 2, 6, 5)
    target = tl.tensor([2, 0, 1, 2])
    alone = [integrated_gradients(model, x[i : i + 1], int(target[i])) for i in range(4)]
    assert_close(integrated_gradients(model, x, target), tl.cat(alone))


def test_float32_stays_float32_and_is_complete_to_its_precision() -> None:
    model, x = smooth_net().float(), randn(5, 6).float()
    found, delta = integrated_gradients(model, x, 1, return_convergence_delta=True)
    assert found.dtype == delta.dtype == tl.float32
    assert float(delta.abs().max()) < 1e-6


def test_batch_normalization_in_eval_mode() -> None:
    model = fill(nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Sigmoid(), nn.Linear(5, 2)))
    x, mean = randn(3, 6), model[1].running_mean.clone()
    assert gap(model, x, tl.zeros_like(x), integrated_gradients(model, x, 0), 0) < 1e-9
    assert tl.equal(model[1].running_mean, mean)


def test_what_does_not_fit_is_refused() -> None:
    model, x = smooth_net(), randn(2, 6)
    with pytest.raises(ValueError, match="expected method to be one of gausslegendre, .*, got 'simpson'"):
        integrated_gradients(model, x, 0, method="simpson")
    for method in METHODS:
        with pytest.raises(ValueError, match=rf"expected n_steps >= \d with method '{method}', got 0"):
            integrated_gradients(model, x, 0, method=method, n_steps=0)
    with pytest.raises(ValueError, match="expected n_steps >= 2 with method 'riemann_trapezoid', got 1"):
        integrated_gradients(model, x, 0, method="riemann_trapezoid", n_steps=1)
    with pytest.raises(ValueError, match=r"broadcasts to the shape of inputs\[0\], \[2, 6\], got \[3, 6\]"):
        integrated_gradients(model, x, 0, tl.zeros(3, 6))
    with pytest.raises(ValueError, match=r"inputs\[0\], \[2, 6\], got \[1, 2, 6\]"):
        integrated_gradients(model, x, 0, tl.zeros(1, 2, 6))
    with pytest.raises(TypeError, match=r"expected a number or a Tensor as baseline, got str for inputs\[0\]"):
        integrated_gradients(model, x, 0, "zero")
    with pytest.raises(ValueError, match="expected as many baselines as inputs, 1, got 2"):
        integrated_gradients(model, (x,), 0, (0, 0))
