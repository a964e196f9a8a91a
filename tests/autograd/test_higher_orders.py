"""Second and third derivatives of what most networks consist of, which have formulas of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tapeless as tl

torch = pytest.importorskip("torch")

SHAPES = [(5, 4), (5,), (3, 5), (3,)]


def derivatives(lib: Any, activation: str, reduction: str) -> list[Any]:
    """Return a loss's first, second and third derivatives, by its parameters and by a factor of the loss."""
    random = np.random.default_rng(0)
    x = lib.from_numpy(random.standard_normal((7, 4)))
    y = lib.from_numpy(random.integers(0, 3, 7))
    params = [lib.from_numpy(random.standard_normal(shape)).requires_grad_() for shape in SHAPES]
    factor = lib.from_numpy(np.array(0.7)).requires_grad_()
    w1, b1, w2, b2 = params
    F = lib.nn.functional
    hidden = getattr(lib, activation)(F.linear(x, w1, b1))
    along = factor * F.cross_entropy(F.linear(hidden, w2, b2), y, reduction=reduction)
    wanted, found = [*params, factor], []
    for order in range(3):
        gradients = lib.autograd.grad(along, wanted, create_graph=order < 2)
        found += gradients
        vectors = [lib.from_numpy(np.asarray(random.standard_normal(tuple(p.shape)))) for p in wanted]
        along = sum((g * v).sum() for g, v in zip(gradients, vectors))
    return [g.detach().numpy() for g in found]


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_an_mlp_has_pytorchs_derivatives(activation: str, reduction: str) -> None:
    mine, theirs = derivatives(tl, activation, reduction), derivatives(torch, activation, reduction)
    assert len(mine) == 15
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def names_behind(tensor: Any) -> list[str]:
    """Return the names of the nodes that a tensor was computed by, without repetition."""
    seen, stack = [], [tensor.grad_fn]
    while stack:
        node = stack.pop()
        if node is not None and node not in seen:
            seen.append(node)
            stack += [below for below, _ in node.next_functions]
    return sorted(node.name() for node in seen)


def test_the_gradient_of_a_layer_is_a_node_for_each_part() -> None:
    layer = tl.nn.Linear(4, 3)
    loss = tl.nn.functional.cross_entropy(layer(tl.ones(2, 4)), tl.tensor([0, 2]))
    weight, bias = tl.autograd.grad(loss, list(layer.parameters()), create_graph=True)
    below = ["AddmmBackward0", "LogSoftmaxBackwardDataBackward0"]
    leaves = ["torch::autograd::AccumulateGrad"] * 2
    assert names_behind(weight) == sorted([*below, "MmBackward0", *leaves])
    assert names_behind(bias) == sorted([*below, "SumBackward1", *leaves])


def test_a_gradient_that_was_asked_for_by_a_view_is_recorded() -> None:
    layer = tl.nn.Linear(4, 4)
    x = tl.ones(2, 4, requires_grad=True)
    seed = tl.ones(8, requires_grad=True)
    (g,) = tl.autograd.grad(layer(x), x, seed.view(2, 4), create_graph=True)
    (back,) = tl.autograd.grad(g.sum(), seed)
    np.testing.assert_allclose(back.numpy(), np.tile(layer.weight.detach().numpy().sum(1), 2), rtol=1e-6)


def test_only_the_leaves_asked_for_are_found_on_the_short_way() -> None:
    x, other = tl.ones(3, requires_grad=True), tl.ones(3, requires_grad=True)
    y = (x * 2).exp().sum() + other.sin().sum()
    (g,) = tl.autograd.grad(y, x)
    np.testing.assert_allclose(g.numpy(), 2 * np.exp(2.0), rtol=1e-6)
    assert x.grad is None and other.grad is None
