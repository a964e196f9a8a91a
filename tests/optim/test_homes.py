"""Gradients that live in the optimizer's arena: nothing else may be lost or overwritten by it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tapeless import nn
from tapeless._core import function


@pytest.fixture(autouse=True, params=["copied", "lent"])
def _lent(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every test twice: gradients copied into the arena, as small ones are, and computed there, as large ones."""
    if request.param == "lent":
        monkeypatch.setattr(function, "LARGE", 0)


def make(with_arena: bool) -> tuple[Any, Any]:
    """A small network; with an arena, its gradients have a place there."""
    tl.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 2))
    optimizer = tl.optim.SGD(model.parameters(), lr=0.0)
    if with_arena:
        model(tl.ones(1, 3)).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        assert model[0].weight._home is not None
    return model, optimizer


def gradients(model: Any) -> list[Any]:
    return [p.grad.numpy().copy() for p in model.parameters()]


def both(run: Any) -> None:
    """Check that `run` leaves the same gradients with an arena as without one."""
    expected, got = (make(False)[0], make(True)[0])
    run(expected)
    run(got)
    for a, b in zip(gradients(expected), gradients(got), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-6)


X = tl.arange(12.0).reshape(4, 3) / 10


def test_a_gradient_is_written_into_the_arena() -> None:
    model, _ = make(True)
    home = model[0].weight._home
    model(X).sum().backward()
    assert model[0].weight._grad is home
    assert model[0].weight._home is home


def test_a_weight_that_is_used_twice() -> None:
    both(lambda model: (model(X) + model[2](model[0](model[0](X)))).sum().backward())


def test_a_weight_that_another_operation_uses_as_well() -> None:
    both(lambda model: (model(X).sum() + (model[0].weight ** 2).sum() + model[2].weight.exp().sum()).backward())
    both(lambda model: ((model[0].weight ** 2).sum() + model(X).sum()).backward())


def test_a_gradient_of_several_uses_is_in_the_arena() -> None:
    model, optimizer = make(True)
    home = model[0].weight._home
    for _ in range(2):
        optimizer.zero_grad()
        (model(model[0](X)).sum() + (model[0].weight ** 2).sum()).backward()
        assert model[0].weight._grad is model[0].weight._home is home
        optimizer.step()


def test_accumulation_over_several_passes() -> None:
    def run(model: Any) -> None:
        model(X).sum().backward()
        model(X * 2).sum().backward()

    both(run)


def test_what_a_hook_keeps_does_not_change() -> None:
    model, optimizer = make(True)
    seen: list[Any] = []
    model[0].weight.register_hook(seen.append)
    model(X).sum().backward()
    kept = seen[0].numpy().copy()
    optimizer.zero_grad()
    model(X * 3).sum().backward()
    np.testing.assert_array_equal(seen[0].numpy(), kept)


def test_a_pass_within_a_pass_does_not_write_over_the_outer_one() -> None:
    def run(model: Any) -> None:
        hidden = model[0](X)

        def hook(g: Any) -> None:
            """Run when the outer pass has the gradient of model[2].weight, before that pass ends."""
            with tl.enable_grad():
                model(X * 5).sum().backward()

        hidden.register_hook(hook)
        model[2](hidden).sum().backward()

    both(run)


def test_a_pass_that_fails_leaves_no_gradient_and_no_damage() -> None:
    model, _ = make(True)

    def fail(g: Any) -> None:
        raise ValueError("stop here")

    hidden = model[0](X)
    hidden.register_hook(fail)
    with pytest.raises(ValueError, match="stop here"):
        model[2](hidden).sum().backward()
    assert all(p.grad is None for p in model.parameters())
    assert model[2].weight._home is not None
    model(X).sum().backward()
    reference, _ = make(False)
    reference(X).sum().backward()
    for a, b in zip(gradients(reference), gradients(model), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-6)


def test_autograd_grad_leaves_the_arena_alone() -> None:
    model, _ = make(True)
    model(X).sum().backward()
    before = model[0].weight._grad.copy()
    tl.autograd.grad(model(X * 7).sum(), list(model.parameters()))
    np.testing.assert_array_equal(model[0].weight._grad, before)
