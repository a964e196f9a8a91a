"""`autograd.Function`: every test runs on PyTorch too, where it is installed, so none asks for anything else."""

from __future__ import annotations

import importlib

import pytest


@pytest.fixture(params=["tapeless", "torch"])
def lib(request):
    return importlib.import_module("tapeless") if request.param == "tapeless" else pytest.importorskip("torch")


def leaf(lib, *values):
    return lib.tensor(list(values), dtype=lib.float64, requires_grad=True)


def cube(lib, saved="input"):
    class Cube(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x * x * x
            ctx.save_for_backward(x if saved == "input" else y)
            return y

        @staticmethod
        def backward(ctx, g):
            (kept,) = ctx.saved_tensors
            return g * 3 * kept * kept if saved == "input" else g * 3 * kept ** (2 / 3)

    return Cube


def test_gradient_of_a_saved_input(lib):
    x = leaf(lib, 2.0, 3.0)
    y = cube(lib).apply(x)
    assert y.grad_fn.name() == "CubeBackward" and y.requires_grad and not y.is_leaf
    y.sum().backward()
    assert x.grad.tolist() == [12, 27]


def test_gradient_of_a_saved_output(lib):
    x = leaf(lib, 2.0, 3.0)
    cube(lib, "output").apply(x).sum().backward()
    assert x.grad.tolist() == pytest.approx([12, 27])


@pytest.mark.parametrize("saved", ["input", "output"])
def test_double_and_triple_backward(lib, saved):
    x = leaf(lib, 2.0)
    (first,) = lib.autograd.grad(cube(lib, saved).apply(x), x, create_graph=True)
    (second,) = lib.autograd.grad(first, x, create_graph=True)
    (third,) = lib.autograd.grad(second, x)
    assert [first.item(), second.item(), third.item()] == pytest.approx([12, 12, 6])


def test_forward_records_nothing_and_backward_only_under_create_graph(lib):
    seen = []

    class Look(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            seen.append(lib.is_grad_enabled())
            return x * 2

        @staticmethod
        def backward(ctx, g):
            seen.append(lib.is_grad_enabled())
            return g * 2

    x = leaf(lib, 1.0)
    Look.apply(x).backward()
    lib.autograd.grad(Look.apply(x), x, create_graph=True)
    assert seen == [False, False, False, True]


def test_setup_context(lib):
    class Mul(lib.autograd.Function):
        @staticmethod
        def forward(x, factor):
            return x * factor

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.factor = inputs[1]
            ctx.save_for_backward(inputs[0], output)

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            assert (x * ctx.factor).tolist() == y.tolist()
            return g * ctx.factor, None

    x = leaf(lib, 1.0, 2.0)
    Mul.apply(x, 5).sum().backward()
    assert x.grad.tolist() == [5, 5]


def test_needs_input_grad(lib):
    needed = []

    class Mul(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x, y, number):
            needed.append(ctx.needs_input_grad)
            ctx.save_for_backward(x, y)
            return x * y * number

        @staticmethod
        def backward(ctx, g):
            needed.append(ctx.needs_input_grad)
            _, y = ctx.saved_tensors
            return g * y * 2, None, None

    x = leaf(lib, 3.0)
    Mul.apply(x, leaf(lib, 4.0).detach(), 2).backward()
    assert x.grad.tolist() == [8]
    assert needed == [(True, False, False)] * 2


def test_without_grad_nothing_is_recorded(lib):
    x = leaf(lib, 2.0)
    with lib.no_grad():
        y = cube(lib).apply(x)
    assert not y.requires_grad and y.grad_fn is None
    assert not cube(lib).apply(x.detach()).requires_grad


def two(lib, materialize=True):
    class Two(lib.autograd.Function):
        seen: list = []

        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(materialize)
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, g, h):
            Two.seen.append((g is None, h is None))
            return (0 if g is None else 2 * g) + (0 if h is None else 3 * h)

    return Two


def test_several_outputs(lib):
    x = leaf(lib, 1.0, 2.0)
    a, b = two(lib).apply(x)
    (a + b * 10).sum().backward()
    assert x.grad.tolist() == [32, 32]


@pytest.mark.parametrize("materialize", [True, False])
def test_gradients_of_unused_outputs(lib, materialize):
    Two = two(lib, materialize)
    x = leaf(lib, 1.0)
    Two.apply(x)[1].backward()
    assert x.grad.tolist() == [3] and Two.seen == [(not materialize, False)]


def test_mark_non_differentiable(lib):
    class Sort(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            order = x.argsort()
            ranks = order.double()
            ctx.mark_non_differentiable(order, ranks)
            ctx.save_for_backward(order)
            return x[order], order, ranks

        @staticmethod
        def backward(ctx, g, *rest):
            (order,) = ctx.saved_tensors
            out = g * 0
            out[order] = g
            return out

    x = leaf(lib, 3.0, 1.0, 2.0)
    y, order, ranks = Sort.apply(x)
    assert y.requires_grad and not order.requires_grad and not ranks.requires_grad and ranks.is_leaf
    (y * lib.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert x.grad.tolist() == [100, 1, 10]


def test_mark_dirty(lib):
    class Double(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = leaf(lib, 1.0, 2.0)
    y = x * 1
    z = Double.apply(y)
    assert z is y and y.grad_fn.name() == "DoubleBackward"
    y.sum().backward()
    assert x.grad.tolist() == [2, 2]
    with pytest.raises(
        RuntimeError, match="a leaf Variable that requires grad (is being|has been) used in an in-place operation"
    ):
        Double.apply(leaf(lib, 1.0))


def test_mark_dirty_of_a_view_rewrites_its_base(lib):
    class Double(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = leaf(lib, 1.0, 2.0)
    base = x * 1
    Double.apply(base[:1])
    base.sum().backward()
    assert base.tolist() == [2, 2] and x.grad.tolist() == [2, 1]


def test_an_input_returned_unchanged_is_a_result_of_its_own(lib):
    class Same(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 7

    x = leaf(lib, 1.0)
    y = Same.apply(x)
    assert y is not x and x.is_leaf and not y.is_leaf
    y.backward()
    assert x.grad.tolist() == [7]


def test_once_differentiable(lib):
    class Square(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @lib.autograd.function.once_differentiable
        def backward(ctx, g):
            assert not lib.is_grad_enabled()
            (x,) = ctx.saved_tensors
            return 2 * x * g

    x = leaf(lib, 3.0)
    Square.apply(x).backward()
    assert x.grad.tolist() == [6]
    (slope,) = lib.autograd.grad(Square.apply(x), x, create_graph=True)
    with pytest.raises(
        RuntimeError, match="differentiate twice a function that was marked with @once_diff|does not require grad"
    ):
        slope.backward()


def returning(lib, answer):
    class Wrong(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x * y

        @staticmethod
        def backward(ctx, g):
            return answer(g)

    return Wrong


@pytest.mark.parametrize("answer", [lambda g: g, lambda g: (g, g, g)])
def test_wrong_number_of_gradients(lib, answer):
    x = leaf(lib, 1.0)
    with pytest.raises(
        RuntimeError, match="function WrongBackward returned an incorrect number of gradients .expected 2, got [13]"
    ):
        returning(lib, answer).apply(x, x).backward()


def test_extra_gradients_may_be_none(lib):
    x = leaf(lib, 1.0)
    returning(lib, lambda g: (g, g, None, None)).apply(x, x).backward()
    assert x.grad.tolist() == [2]


def test_gradient_of_the_wrong_shape(lib):
    x = leaf(lib, 1.0, 2.0)
    with pytest.raises(
        RuntimeError,
        match=r"Function WrongBackward returned an invalid gradient.* got \[3\] but expected shape comp",
    ):
        returning(lib, lambda g: (lib.ones(3, dtype=lib.float64), g)).apply(x, x).sum().backward()


def test_a_gradient_that_broadcast_is_summed_back(lib):
    x = leaf(lib, 1.0)
    returning(lib, lambda g: (g * lib.ones(3, dtype=lib.float64), None)).apply(x, x).sum().backward()
    assert x.grad.tolist() == [3]


def test_no_gradient_leaves_grad_alone(lib):
    x = leaf(lib, 1.0)
    y = leaf(lib, 2.0)
    returning(lib, lambda g: (None, g)).apply(x, y).sum().backward()
    assert x.grad is None and y.grad.tolist() == [1]


def test_a_gradient_that_is_no_tensor(lib):
    x = leaf(lib, 1.0)
    with pytest.raises((TypeError, RuntimeError), match="(?i)expected"):
        returning(lib, lambda g: (1.0, g)).apply(x, x).backward()


def test_second_backward_without_retain_graph(lib):
    y = cube(lib).apply(leaf(lib, 1.0))
    y.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.backward()


def test_retain_graph(lib):
    x = leaf(lib, 2.0)
    y = cube(lib).apply(x)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [24]


def test_a_saved_tensor_that_was_written_to(lib):
    x = leaf(lib, 2.0) * 1
    y = cube(lib).apply(x)
    x.add_(1)
    with pytest.raises(
        RuntimeError,
        match="one of the variables needed for gradient computation has been modified by an inplace operation",
    ):
        y.backward()


def test_a_returned_gradient_is_not_aliased(lib):
    class Share(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x + y

        @staticmethod
        def backward(ctx, g):
            return g, g

    x, y = leaf(lib, 1.0), leaf(lib, 2.0)
    Share.apply(x, y).backward()
    x.grad.add_(5)
    assert y.grad.tolist() == [1]
    seed = lib.ones(1, dtype=lib.float64)
    x.grad = None
    Share.apply(x, y).backward(seed)
    x.grad.add_(5)
    assert seed.tolist() == [1]


def test_forward_and_backward_must_be_written(lib):
    class Empty(lib.autograd.Function):
        pass

    with pytest.raises(
        NotImplementedError, match="You must implement the forward function for custom autograd.Function."
    ):
        Empty.apply(leaf(lib, 1.0))

    class Half(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

    with pytest.raises(NotImplementedError, match="You must implement either the backward or vjp method"):
        Half.apply(leaf(lib, 1.0)).backward()


def test_arguments_that_are_no_tensors(lib):
    class Pick(lib.autograd.Function):
        @staticmethod
        def forward(ctx, name, x, options):
            ctx.options = options
            assert name == "mul"
            return x * options["factor"]

        @staticmethod
        def backward(ctx, g):
            return None, g * ctx.options["factor"], None

    x = leaf(lib, 1.0)
    Pick.apply("mul", x, {"factor": 4}).backward()
    assert x.grad.tolist() == [4]


def test_hooks_on_the_node(lib):
    seen = []
    x = leaf(lib, 2.0)
    y = cube(lib).apply(x)
    y.grad_fn.register_hook(lambda grads, outs: seen.append((grads[0].item(), outs[0].item())))
    y.backward()
    assert seen == [(12.0, 1.0)]
