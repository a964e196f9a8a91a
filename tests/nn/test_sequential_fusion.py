"""`Sequential` runs a `Linear` and the activation after it as one operation: nobody may tell by the numbers."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tapeless import nn
from tapeless._core import modes
from tapeless._ops.linear_activation import LinearActivation
from tapeless.nn import functional as F

ACTIVATIONS = {"relu": nn.ReLU, "relu in place": lambda: nn.ReLU(inplace=True), "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
each_activation = pytest.mark.parametrize("make", ACTIVATIONS.values(), ids=ACTIVATIONS)
Results = list[Any]


@pytest.fixture(autouse=True)
def nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests of this process have used hooks on saved tensors, and may have left modules with hooks behind."""
    monkeypatch.setattr(modes, "watched_anywhere", 0)
    gc.collect()


def make_model(make: Callable[[], Any], dtype: Any = tl.float32, last: bool = False) -> Any:
    tl.manual_seed(0)
    layers = [
        nn.Linear(5, 7, dtype=dtype),
        make(),
        nn.Linear(7, 200, dtype=dtype),
        make(),
        nn.Linear(200, 3, dtype=dtype),
    ]
    return nn.Sequential(*layers, make()) if last else nn.Sequential(*layers)


def one_by_one(model: Any, x: Any) -> Any:
    """Run the modules as a user would: each by a call of its own."""
    for module in model:
        x = module(x)
    return x


def is_fused(output: Any) -> bool:
    """Return whether the last activation is one node with the layer before it."""
    return isinstance(output.grad_fn, LinearActivation)


def assert_same(results: Results, expected: Results) -> None:
    for a, b in zip(results, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy(), strict=True)


def gradients(run: Callable[..., Any], model: Any, x: Any) -> Results:
    out = run(model, x)
    return [out, *tl.autograd.grad((out * out).sum(), [x, *model.parameters()])]


@each_activation
@pytest.mark.parametrize("rows", [1, 4, 100])  # the last one: enough for the ways of large arrays
@pytest.mark.parametrize("dtype", [tl.float16, tl.float32, tl.float64])
def test_results_and_gradients_are_those_of_single_modules(make: Any, rows: int, dtype: Any) -> None:
    model = make_model(make, dtype, last=True)
    x = tl.randn(rows, 5, dtype=dtype, requires_grad=True)
    assert is_fused(model(x)) and not is_fused(one_by_one(model, x))
    assert_same(gradients(nn.Sequential.__call__, model, x), gradients(one_by_one, model, x))


@each_activation
def test_second_derivatives_are_those_of_single_modules(make: Any) -> None:
    model = make_model(make, tl.float64)
    x = tl.randn(4, 5, dtype=tl.float64, requires_grad=True)

    def second(run: Callable[..., Any]) -> Results:
        wanted = [x, *model.parameters()]
        first = tl.autograd.grad(run(model, x).square().sum(), wanted, create_graph=True)
        return list(tl.autograd.grad(sum((g * g).sum() for g in first), wanted))

    assert_same(second(nn.Sequential.__call__), second(one_by_one))


@each_activation
def test_gradcheck(make: Any) -> None:
    model = make_model(make, tl.float64, last=True)
    x = tl.randn(3, 5, dtype=tl.float64, requires_grad=True)
    assert tl.autograd.gradcheck(model, x) and tl.autograd.gradgradcheck(model, x)


@each_activation
def test_without_gradients(make: Any) -> None:
    model, x = make_model(make), tl.randn(4, 5)
    expected = [one_by_one(model, x)]
    with tl.no_grad():
        assert_same([model(x)], expected)
    with tl.inference_mode():
        assert_same([model(x)], expected)
    model.eval().requires_grad_(False)
    assert_same([model(x)], expected)
    assert model(x).grad_fn is None


@pytest.mark.parametrize("frozen", [(), (0,), (1,), (0, 1), (2,)])
def test_frozen_parameters_get_no_gradient(frozen: tuple[int, ...]) -> None:
    model, x = make_model(nn.ReLU), tl.randn(4, 5)
    for i, p in enumerate(model.parameters()):
        p.requires_grad_(i not in frozen)
    model(x).sum().backward()
    fused = [p.grad for p in model.parameters()]
    model.zero_grad()
    one_by_one(model, x).sum().backward()
    expected = [p.grad for p in model.parameters()]
    assert [g is None for g in fused] == [g is None for g in expected] == [i in frozen for i in range(6)]
    assert_same([g for g in fused if g is not None], [g for g in expected if g is not None])


@each_activation
def test_training_goes_the_same_way(make: Any) -> None:
    x, y = tl.randn(16, 5), tl.randint(0, 3, (16,))

    def train(run: Callable[..., Any]) -> Results:
        model = make_model(make)
        optimizer = tl.optim.Adam(model.parameters(), lr=0.01)
        losses = []
        for _ in range(5):
            optimizer.zero_grad()
            losses.append(F.cross_entropy(run(model, x), y))
            losses[-1].backward()
            optimizer.step()
        return [*losses, *model.parameters()]

    assert_same(train(nn.Sequential.__call__), train(one_by_one))


def test_nodes_have_the_names_of_the_last_operation() -> None:
    x = tl.randn(4, 5)
    assert make_model(nn.ReLU)(x).grad_fn.name() == "AddmmBackward0"
    for make, name in ((nn.ReLU, "Relu"), (nn.Tanh, "Tanh"), (nn.Sigmoid, "Sigmoid")):
        assert make_model(make, last=True)(x).grad_fn.name() == f"{name}Backward0"


def test_whoever_wants_to_see_what_is_between_does() -> None:
    model, x = make_model(nn.ReLU, last=True), tl.randn(4, 5)
    seen: list[Any] = []
    for module in (model[4], model[5]):
        with module.register_forward_hook(lambda module, args, output: seen.append(type(module))):
            assert not is_fused(model(x))
    assert seen == [nn.Linear, nn.ReLU]
    assert is_fused(model(x))


def test_replaced_forwards_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    class Doubled(nn.ReLU):
        def forward(self, input: Any) -> Any:
            return input.relu() * 2

    x = tl.randn(4, 5)
    plain = nn.Sequential(nn.Linear(5, 3), nn.ReLU())
    twice = (plain(x) * 2).detach()
    assert_same([nn.Sequential(plain[0], Doubled())(x)], [twice])
    with monkeypatch.context() as patched:
        patched.setattr(plain[1], "forward", Doubled().forward)
        assert_same([plain(x)], [twice])
    with monkeypatch.context() as patched:
        patched.setattr(plain[0], "forward", lambda input: F.linear(input * 0, plain[0].weight * 0))
        assert_same([plain(x)], [tl.zeros(4, 3)])
    with monkeypatch.context() as patched:
        patched.setattr(nn.ReLU, "forward", Doubled.forward)
        patched.setattr(nn.Linear, "forward", lambda self, input: input[:, :3])
        assert not is_fused(plain(x.requires_grad_()))
    assert is_fused(plain(x))


def test_other_inputs_go_the_long_way() -> None:
    model = make_model(nn.ReLU, last=True)
    for shape in ((5,), (2, 4, 5), (0, 5)):
        x = tl.randn(*shape)
        assert_same([model(x)], [one_by_one(model, x)])
    view = tl.randn(8, 10)[::2, 5:]
    assert_same([model(view)], [one_by_one(model, view)])
    complex_model = nn.Sequential(nn.Linear(5, 2, dtype=tl.complex64), nn.Tanh())
    z = tl.randn(4, 5, dtype=tl.complex64)
    assert_same([complex_model(z)], [one_by_one(complex_model, z)])
    unbiased = nn.Sequential(nn.Linear(5, 2, bias=False), nn.ReLU())
    assert_same([unbiased(view)], [one_by_one(unbiased, view)])


def test_errors_name_the_layer() -> None:
    model = make_model(nn.ReLU)
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied") as fused:
        model(tl.ones(4, 6))
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied") as single:
        model[0](tl.ones(4, 6))
    assert str(fused.value) == str(single.value)
    assert fused.value.__context__ is None
    with pytest.raises(RuntimeError, match="expected m1 and m2 to have the same dtype"):
        model(tl.ones(4, 5, dtype=tl.float64))


def test_writing_into_a_kept_array_is_noticed() -> None:
    model = make_model(nn.Tanh, last=True)
    out = model(tl.randn(4, 5))
    out.data.zero_()
    kept = model(tl.randn(4, 5))
    with tl.no_grad():
        kept.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        kept.sum().backward()


def test_a_second_pass_needs_the_graph() -> None:
    out = make_model(nn.ReLU, last=True)(tl.randn(4, 5)).sum()
    out.backward(retain_graph=True)
    out.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        out.backward()


def test_hooks_on_saved_tensors_and_anomaly_mode_see_single_operations() -> None:
    model, x = make_model(nn.ReLU, last=True), tl.randn(4, 5)
    packed: list[Any] = []
    with tl.autograd.graph.saved_tensors_hooks(lambda t: packed.append(t) or t, lambda t: t):
        out = model(x)
    assert not is_fused(out) and packed
    out.sum().backward()
    with tl.autograd.detect_anomaly(check_nan=False):
        assert not is_fused(model(x))


@pytest.mark.parametrize("batch", [(4,), (2, 4), ()])
def test_a_bias_of_another_dtype_is_refused_fused_or_not(batch: tuple[int, ...]) -> None:
    model = nn.Sequential(nn.Linear(3, 5), nn.ReLU())
    model[0].bias.data = model[0].bias.data.double()
    for run in (model, model[0]):
        with pytest.raises(RuntimeError, match="must have the same dtype, but got Double and Float\nlinear does"):
            run(tl.ones(*batch, 3))


@pytest.mark.parametrize("shape", [(5,), (1,), (), (1, 5), (4, 1), (4, 5)])
def test_a_bias_of_any_shape_that_broadcasts_has_its_gradient(shape: tuple[int, ...]) -> None:
    bias = tl.zeros(shape, requires_grad=True)
    out = nn.functional.linear(tl.ones(4, 3), tl.ones(5, 3), bias)
    out.sum().backward()
    assert out.shape == (4, 5)
    assert bias.grad.shape == shape
    assert (bias.grad == 20 / max(1, bias.numel())).all()
