"""Gradient clipping and parameter vectors."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tapeless as tl
from tapeless import nn
from tapeless.nn import utils


def with_grads(lib, *grads):
    parameters = []
    for values in grads:
        p = lib.nn.Parameter(lib.zeros(len(values)))
        (p * lib.tensor(values)).sum().backward()
        parameters.append(p)
    return [*parameters, lib.nn.Parameter(lib.zeros(2))]  # one without a gradient


GRADS = [1.0, -2.0, 3.0], [0.5, 4.0]


@pytest.mark.parametrize("norm_type", [1, 2.0, 3.5, 0, math.inf, -math.inf, "inf"])
@pytest.mark.parametrize("max_norm", [0.5, 1e6])
def test_clip_grad_norm(norm_type, max_norm):
    torch = pytest.importorskip("torch")
    results = []
    for lib in (tl, torch):
        parameters = with_grads(lib, *GRADS)
        norm = lib.nn.utils.clip_grad_norm_(iter(parameters), max_norm, norm_type)
        results.append((norm.item(), str(norm.dtype)[-7:], [p.grad.tolist() for p in parameters[:2]]))
    (norm, dtype, grads), (expected_norm, expected_dtype, expected) = results
    assert norm == pytest.approx(expected_norm, rel=1e-6) and dtype == expected_dtype
    for ours, theirs in zip(grads, expected, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-6)


def test_clip_grad_value():
    p, q, _ = parameters = with_grads(tl, *GRADS)
    utils.clip_grad_value_(parameters, 1.5)
    assert p.grad.tolist() == [1.0, -1.5, 1.5] and q.grad.tolist() == [0.5, 1.5]
    utils.clip_grad_value_(p, 1)
    assert p.grad.tolist() == [1.0, -1.0, 1.0]


def test_clipping_keeps_the_gradient_tensor():
    p, *_ = with_grads(tl, [3.0, 4.0])
    grad = p.grad
    assert utils.clip_grad_norm_(p, 1.0, foreach=True).item() == 5.0
    assert p.grad is grad and grad.tolist() == pytest.approx([0.6, 0.8])


def test_nothing_to_clip():
    assert utils.clip_grad_norm_([nn.Parameter(tl.zeros(2))], 1.0).item() == 0.0
    with pytest.warns(UserWarning, match="`parameters` is an empty generator"):
        utils.clip_grad_norm_((p for p in []), 1.0)


def test_nonfinite_norms():
    p, *_ = parameters = with_grads(tl, [3.0, 1.0])
    p.grad = tl.tensor([math.inf, 1.0])
    with pytest.raises(RuntimeError, match="The total norm of order 2.0 for gradients from `parameters` is non-finite"):
        utils.clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)
    assert p.grad.tolist() == [math.inf, 1.0]
    assert utils.clip_grad_norm_(parameters, 1.0).item() == math.inf


def test_half_precision_norms_do_not_overflow():
    big = tl.full((1000,), 200.0, dtype=tl.float16)
    assert utils.get_total_norm([big]).item() == pytest.approx(200 * math.sqrt(1000), rel=1e-3)


def test_get_total_norm_and_clip_with_it():
    p, *_ = with_grads(tl, [3.0, 4.0])
    total = utils.get_total_norm(p.grad)
    utils.clip_grads_with_norm_(p, 10.0, total)
    assert p.grad.tolist() == [3.0, 4.0]
    utils.clip_grads_with_norm_([p], 1.0, total)
    assert p.grad.tolist() == pytest.approx([0.6, 0.8])


def test_parameter_vectors():
    layer = nn.Linear(3, 2)
    vector = utils.parameters_to_vector(layer.parameters())
    np.testing.assert_array_equal(vector.detach().numpy()[:6], layer.weight.detach().numpy().ravel())
    vector.sum().backward()
    assert layer.bias.grad.tolist() == [1.0, 1.0]
    utils.vector_to_parameters(tl.arange(8.0), layer.parameters())
    assert layer.weight.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]] and layer.bias.tolist() == [6.0, 7.0]
    assert layer.weight.requires_grad and layer.weight.is_leaf
    with pytest.raises(TypeError, match="expected torch.Tensor, but got: list"):
        utils.vector_to_parameters([1.0], layer.parameters())
    with pytest.raises(ValueError, match="the parameters have 8 elements together, but the vector has 7"):
        utils.vector_to_parameters(tl.ones(7), layer.parameters())
