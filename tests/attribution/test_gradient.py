"""Saliency, input times gradient and SmoothGrad."""

from __future__ import annotations

from typing import Any

import pytest

import tapeless as tl
from tapeless import nn
from tapeless.attribution import input_x_gradient, saliency, smoothgrad
from tapeless.testing import assert_close
from tests.attribution.models import conv_net, generator, randn, relu_net, smooth_net, two_inputs


@pytest.mark.parametrize(("make", "shape"), [(smooth_net, (3, 6)), (relu_net, (3, 6)), (conv_net, (2, 2, 6, 5))])
def test_saliency_is_the_slope_by_finite_differences(make: Any, shape: tuple[int, ...]) -> None:
    model, x, step = make(), randn(*shape), 1e-6
    found = saliency(model, x, 1, absolute=False)
    slopes = tl.zeros_like(x)
    with tl.no_grad():
        for i in range(x.numel()):
            move = tl.zeros(x.numel(), dtype=x.dtype)
            move[i] = step
            move = move.view(shape)
            slopes.view(-1)[i] = (model(x + move) - model(x - move))[:, 1].sum() / (2 * step)
    assert_close(found, slopes, rtol=1e-5, atol=1e-8)
    assert_close(saliency(model, x, 1), found.abs(), rtol=0, atol=0)


def test_on_a_linear_model_all_are_known() -> None:
    model, x = nn.Linear(6, 4).double(), randn(5, 6)
    target = tl.tensor([0, 3, 1, 1, 2])
    weights = model.weight.detach()[target]
    assert_close(saliency(model, x, target, absolute=False), weights)
    assert_close(smoothgrad(model, x, target, absolute=False), weights)
    assert_close(input_x_gradient(model, x, target), x * weights)
    summed = input_x_gradient(model, x, target).sum(1) + model.bias.detach()[target]
    assert_close(summed, model(x).detach()[range(5), target])


def test_smoothgrad_without_noise_is_saliency() -> None:
    model, x = relu_net(), randn(4, 6)
    assert_close(smoothgrad(model, x, 2, noise_level=0.0), saliency(model, x, 2))
    assert_close(smoothgrad(model, x, 2, noise_level=0, absolute=False), saliency(model, x, 2, absolute=False))


def test_smoothgrad_is_the_mean_gradient_under_noise_of_the_samples_range() -> None:
    """Of x ** 3 under noise of deviation s: 3 (x ** 2 + s ** 2)."""
    x = tl.tensor([[0.0, 2.0, -2.0], [1.0, 1.5, 2.0]], dtype=tl.float64)
    deviation = 0.2 * tl.tensor([[4.0], [1.0]], dtype=tl.float64)
    found = smoothgrad(lambda x: (x**3).sum(1), x, n_samples=40_000, noise_level=0.2)
    assert_close(found, 3 * (x**2 + deviation**2), rtol=0.02, atol=0.0)


def test_smoothgrad_of_a_constant_sample_has_no_noise() -> None:
    seen = []
    smoothgrad(lambda x: (seen.append(x.detach()), (x**2).sum(1))[1], tl.full((1, 3), 5.0), n_samples=2)
    assert all((x == 5).all() for x in seen)


def test_noise_is_the_same_each_time_or_from_the_generator() -> None:
    model, x = smooth_net(), randn(2, 6)
    first = smoothgrad(model, x, 0, n_samples=3)
    assert_close(smoothgrad(model, x, 0, n_samples=3), first, rtol=0, atol=0)
    stream = generator(7)
    drawn = [smoothgrad(model, x, 0, n_samples=3, generator=stream) for _ in range(2)]
    again = smoothgrad(model, x, 0, n_samples=3, generator=generator(7))
    assert_close(drawn[0], again, rtol=0, atol=0)
    assert not tl.equal(drawn[0], drawn[1]) and not tl.equal(drawn[0], first)


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 7, 100])
def test_the_size_of_a_pass_does_not_change_smoothgrad(rows: int) -> None:
    model, x, target, sizes = smooth_net(), randn(3, 6), tl.tensor([1, 0, 3]), []
    watched = lambda x: (sizes.append(len(x)), model(x))[1]
    found = smoothgrad(watched, x, target, n_samples=4, internal_batch_size=rows)
    assert_close(found, smoothgrad(model, x, target, n_samples=4))
    assert sum(sizes) == 12 and max(sizes) <= rows


@pytest.mark.parametrize("method", [saliency, input_x_gradient, smoothgrad])
def test_a_batch_is_its_samples_one_by_one(method: Any) -> None:
    # Noise is drawn for the whole batch, so only without it are samples by themselves the same.
    options = {"noise_level": 0.0} if method is smoothgrad else {}
    model, (image, vector) = two_inputs()
    target = tl.tensor([2, 0, 1])
    whole = method(model, (image, vector), target, **options)
    for i in range(3):
        alone = method(model, (image[i : i + 1], vector[i : i + 1]), target[i : i + 1], **options)
        assert_close(tuple(part[i : i + 1] for part in whole), alone)


@pytest.mark.parametrize("method", [saliency, input_x_gradient, smoothgrad])
def test_an_input_that_does_not_matter_gets_zeros(method: Any) -> None:
    used, unused = method(lambda a, b: a.sum(1), (randn(2, 3), randn(2, 4)))
    assert used.abs().sum() > 0 and tl.equal(unused, tl.zeros(2, 4, dtype=tl.float64))


def test_smoothgrad_says_which_numbers_it_takes() -> None:
    for options in ({"n_samples": 0}, {"noise_level": -0.1}):
        with pytest.raises(ValueError, match="expected n_samples >= 1 and noise_level >= 0, got n_samples="):
            smoothgrad(smooth_net(), randn(1, 6), 0, **options)
