"""What all methods share: targets, errors, and that nothing but the result remains."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tapeless import attribution, nn
from tapeless.attribution import input_x_gradient, integrated_gradients, occlusion, saliency, smoothgrad
from tapeless.testing import assert_close
from tests.attribution.models import fill, randn, relu_net, smooth_net, two_inputs

BY_GRADIENT = [saliency, input_x_gradient, partial(smoothgrad, n_samples=3), partial(integrated_gradients, n_steps=4)]
ALL = [*BY_GRADIENT, partial(occlusion, window=2)]
NAMES = ["saliency", "input_x_gradient", "smoothgrad", "integrated_gradients", "occlusion"]
each_method = pytest.mark.parametrize("method", ALL, ids=NAMES)
each_gradient_method = pytest.mark.parametrize("method", BY_GRADIENT, ids=NAMES[:-1])


def test_the_module_is_there_by_name() -> None:
    assert tl.attribution is attribution
    assert sorted(attribution.__all__) == sorted(NAMES)


@each_method
def test_all_ways_to_name_a_target(method: Any) -> None:
    model, x = smooth_net(), randn(3, 6)
    expected = method(model, x, 2)
    for target in (
        np.int64(2),
        (2,),
        -2,
        tl.tensor(2),
        tl.tensor([2, 2, 2]),
        tl.tensor([[2], [2], [2]], dtype=tl.int32),
    ):
        assert_close(method(model, x, target), expected)
    assert_close(method(lambda x: model(x)[:, 2], x), expected)
    assert_close(method(lambda x: model(x)[:, 2:3], x), expected)


@each_method
def test_outputs_of_more_dims(method: Any) -> None:
    model, x = smooth_net(), randn(3, 6)
    grid = lambda x: model(x).view(-1, 2, 2)
    assert_close(method(grid, x, (1, 0)), method(model, x, 2))
    assert_close(method(grid, x, tl.tensor([[0, 0], [1, 0], [1, 1]])), method(model, x, tl.tensor([0, 2, 3])))


@each_method
def test_nothing_but_the_result_remains(method: Any) -> None:
    model = fill(nn.Sequential(nn.Linear(6, 5), nn.Dropout(0.5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 4)))
    model[0].bias.requires_grad_(False)
    model[4].weight.grad = tl.ones(4, 5, dtype=tl.float64)
    x = randn(3, 6).requires_grad_()
    before, values = tl.get_rng_state(), {name: v.clone() for name, v in model.state_dict().items()}
    found = method(model, x, tl.tensor([0, 1, 2]))
    assert tl.equal(tl.get_rng_state(), before)
    assert not found.requires_grad and x.grad is None and x.requires_grad and x.is_leaf
    assert [p.grad is None for p in model.parameters()] == [True, True, True, True, False, True]
    assert tl.equal(model[4].weight.grad, tl.ones(4, 5, dtype=tl.float64))
    assert [p.requires_grad for p in model.parameters()] == [True, False, True, True, True, True]
    assert not any(module.training for module in model.modules())
    assert all(tl.equal(v, values[name]) for name, v in model.state_dict().items())


@each_method
def test_grad_mode_does_not_matter(method: Any) -> None:
    model, x, target = relu_net(), randn(3, 6), tl.tensor([0, 1, 2])
    expected = method(model, x, target)
    with tl.no_grad():
        assert_close(method(model, x, target), expected)
        assert not tl.is_grad_enabled()
    with tl.inference_mode():
        assert_close(method(model, x, target), expected)
        assert_close(method(model, x * 1, target * 1), expected)  # inference tensors
    assert tl.is_grad_enabled()


@each_method
def test_the_result_of_an_operation_can_be_explained_too(method: Any) -> None:
    model, x = smooth_net(), randn(3, 6)
    computed = x.clone().requires_grad_() * 1
    assert_close(method(model, computed, 0), method(model, x, 0))


@each_method
def test_a_model_that_writes_to_its_input(method: Any) -> None:
    model, x = smooth_net(), randn(3, 6)
    copy = x.clone()
    inplace = nn.Sequential(nn.ReLU(inplace=True), model)
    assert_close(method(inplace, x, 0), method(nn.Sequential(nn.ReLU(), model), copy, 0))
    assert tl.equal(x, copy)


@each_method
def test_more_arguments_of_the_model(method: Any) -> None:
    model, (image, vector) = two_inputs()
    scale = tl.tensor([[1.0], [2.0], [-3.0]], dtype=tl.float64)  # a row for each sample
    if method is ALL[-1]:
        method = partial(method, window=(2, 2))
    elif method is ALL[2]:
        method = partial(method, noise_level=0.0)  # it is drawn for the batch, and differs for a sample alone
    found = method(model, image, 1, args=(vector, scale))
    for i in range(3):
        alone = lambda x, i=i: model(x, vector[i : i + 1].expand(len(x), -1), scale[i])
        assert_close(found[i : i + 1], method(alone, image[i : i + 1], 1))
    doubled = method(model, image, 1, args=(vector, 2.0))
    assert_close(doubled, 2 * method(model, image, 1, args=vector))


@each_method
def test_the_form_of_the_result_is_that_of_the_inputs(method: Any) -> None:
    model, x = smooth_net(), randn(3, 6)
    windows = {"window": (2,)} if method is ALL[-1] else {}
    (found,) = method(model, (x,), 0, **windows)
    assert_close(found, method(model, x, 0))
    assert isinstance(method(model, [x], 0, **windows), tuple)


@each_method
def test_targets_that_do_not_fit_are_refused(method: Any) -> None:
    model, x = smooth_net(), randn(3, 6)
    with pytest.raises(
        ValueError, match=r"returns an output of shape \[\d+, 4\] for \d+ rows: pass the class as target"
    ):
        method(model, x)
    with pytest.raises(
        IndexError, match=r"target 4 is out of range: the model's output of shape \[\d+, 4\] has 4 there"
    ):
        method(model, x, 4)
    with pytest.raises(IndexError, match="target -5 is out of range"):
        method(model, x, tl.tensor([0, -5, 1]))
    with pytest.raises(
        ValueError, match=r"has shape \[\d+, 4\]: expected a target of 1 indices for each sample, .*, got 2"
    ):
        method(model, x, (0, 1))
    with pytest.raises(ValueError, match=r"expected target of shape \(3,\) or \(3, dims\), .* got \[2\]"):
        method(model, x, tl.tensor([0, 1]))
    with pytest.raises(TypeError, match="expected target to be an int, .* or None, got 'cat'"):
        method(model, x, "cat")
    with pytest.raises(TypeError, match="expected target to be an int, .* got a Tensor of float32"):
        method(model, x, tl.tensor([0.0, 1.0, 2.0]))


@each_method
def test_inputs_and_outputs_that_do_not_fit_are_refused(method: Any) -> None:
    model, x = smooth_net(), randn(3, 6)
    with pytest.raises(TypeError, match=r"expected a Tensor or a tuple of them as inputs, got ndarray as inputs\[0\]"):
        method(model, x.numpy(), 0)
    with pytest.raises(ValueError, match="a tuple of them as inputs, got an empty one"):
        method(model, (), 0)
    with pytest.raises(ValueError, match=r"batch as their first dim, got a 0-d Tensor as inputs\[0\]"):
        method(model, tl.tensor(1.0), 0)
    with pytest.raises(
        ValueError, match=r"expected inputs of one batch, of at least one sample, got first dims \[3, 2\]"
    ):
        method(model, (x, x[:2]), 0)
    with pytest.raises(ValueError, match=r"got first dims \[0\]"):
        method(model, x[:0], 0)
    with pytest.raises(TypeError, match="expected the model to return one Tensor of floating point numbers, got tuple"):
        method(lambda x: (model(x), 0), x, 0)
    with pytest.raises(TypeError, match="one Tensor of floating point numbers, got int64"):
        method(lambda x: model(x).argmax(1), x)
    with pytest.raises(ValueError, match=r"expected a row of output for each of \d+ rows of input, got shape \[\]"):
        method(lambda x: model(x).sum(), x)


@each_gradient_method
def test_where_there_is_no_gradient_it_is_said(method: Any) -> None:
    with pytest.raises(TypeError, match=r"inputs\[0\] is int64, and gradients exist for floating point numbers"):
        method(lambda x: x.double().sum(1), tl.ones(2, 3, dtype=tl.int64))
    with pytest.raises(TypeError, match=r"inputs\[1\] is complex64"):
        method(lambda x, z: x.sum(1), (tl.ones(2, 3), tl.ones(2, 3, dtype=tl.complex64)))
    weight = nn.Parameter(tl.ones(3))
    for model in (lambda x: x.detach().sum(1), lambda x: (x.detach() * weight).sum(1)):
        with pytest.raises(RuntimeError, match="does not depend on the inputs in a way that has a gradient"):
            method(model, tl.ones(2, 3))


@pytest.mark.parametrize("method", ALL[2:], ids=NAMES[2:])
def test_a_pass_has_at_least_one_row(method: Any) -> None:
    with pytest.raises(ValueError, match="expected internal_batch_size >= 1, the rows in one pass, got 0"):
        method(smooth_net(), randn(1, 6), 0, internal_batch_size=0)
