"""The backward pass as users see it: what runs here runs on PyTorch too, where that is installed."""

from __future__ import annotations

import gc
import importlib
import threading
import warnings
import weakref

import pytest

import tapeless as tl
from tapeless._core.function import Function


@pytest.fixture(params=["tapeless", "torch"])
def lib(request):
    return importlib.import_module("tapeless") if request.param == "tapeless" else pytest.importorskip("torch")


def leaf(lib, *values):
    return lib.tensor(list(values), dtype=lib.float64, requires_grad=True)


# -- The graph ---------------------------------------------------------------------------------------------------


def test_a_chain_of_100_000_nodes_runs_backward_and_is_freed_without_the_collector():
    gc.disable()
    try:
        x = tl.tensor(1.0, requires_grad=True)
        y = x
        for _ in range(100_000):
            y = y + 1e-5
        middle = weakref.ref(y.grad_fn)
        y.backward()
        assert x.grad.item() == 1
        del y
        assert middle() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "build",
    [
        lambda x: (x * x).exp().sum(),
        lambda x: tl.stack(x.unbind()).mean() + x.chunk(2)[0].sum(),
        lambda x: x.clone().mul_(x).sigmoid_().sum(),
        lambda x: x.max(0).values + x.sort().values.sum() + x.std(),
        lambda x: tl.softmax(x.reshape(2, 2) @ x.reshape(2, 2), 0).log().sum(),
    ],
)
def test_graphs_make_no_reference_cycles(build):
    gc.disable()
    try:
        x = tl.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
        y = build(x)
        y.retain_grad()
        (slope,) = tl.autograd.grad(y, x, create_graph=True)
        if slope.requires_grad:
            (slope * slope).sum().backward()
        dead = [weakref.ref(t) for t in (y, y.grad_fn, slope, slope.grad_fn) if t is not None]
        del y, slope
        assert all(ref() is None for ref in dead)
    finally:
        gc.enable()


def test_next_functions_lead_from_the_root_to_the_leaves(lib):
    x = leaf(lib, 1.0)
    y = (x * 2).sin()
    (below,) = y.grad_fn.next_functions
    assert y.grad_fn.name() == "SinBackward0" and below[0].name() == "MulBackward0" and below[1] == 0
    accumulate = below[0].next_functions[0][0]
    assert accumulate.variable is x and "AccumulateGrad" in accumulate.name()


def test_a_tensor_used_many_times_gets_the_sum(lib):
    x = leaf(lib, 2.0)
    sum([x * x for _ in range(10)], x).backward()
    assert x.grad.tolist() == [41]


def test_zero_dimensional_sums_of_gradients(lib):
    x = lib.tensor(2.0, requires_grad=True)
    y = x.sin()
    (y * 1 + y * 2 + y * 3 + y * 4).backward()
    assert x.grad.item() == pytest.approx(10 * lib.cos(x).item())


def test_gradients_add_up_over_calls_and_in_place(lib):
    x = leaf(lib, 1.0)
    (x * 2).backward()
    first = x.grad
    (x * 3).backward()
    assert x.grad is first and first.tolist() == [5]


def test_a_second_backward_pass(lib):
    x = leaf(lib, 2.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [8]
    with pytest.raises(
        RuntimeError, match=r"Trying to backward through the graph a second time \(or directly access saved"
    ):
        y.backward()


def test_a_graph_that_kept_nothing_may_run_again(lib):
    x = leaf(lib, 2.0)
    y = (x + 1).sum()
    y.backward()
    y.backward()
    assert x.grad.tolist() == [2]


def test_create_graph_of_any_order(lib):
    x = leaf(lib, 1.3)
    y, order = (x.sin() * x).sum(), 5
    for _ in range(order):
        (y,) = lib.autograd.grad(y, x, create_graph=True)
    expected = 5 * lib.sin(x) + x * lib.cos(x)
    assert y.item() == pytest.approx(expected.item())


def test_backward_with_create_graph_gives_gradients_a_graph(lib):
    x = leaf(lib, 3.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns of the cycle that x.grad makes
        (x**3).sum().backward(create_graph=True)
    assert x.grad.requires_grad
    (second,) = lib.autograd.grad(x.grad, x)
    assert second.tolist() == [18]
    x.grad = None


def test_inputs_choose_where_gradients_go(lib):
    x, y = leaf(lib, 1.0), leaf(lib, 2.0)
    z = x * y
    (z * z).backward(inputs=[y])
    assert x.grad is None and y.grad.tolist() == [4]
    z = x * y
    z.retain_grad()
    (z * z).backward(inputs=[x, z])
    assert x.grad.tolist() == [8] and z.grad.tolist() == [4]
    with pytest.raises(RuntimeError, match="cannot be empty"):
        (x * y).backward(inputs=[])


def test_a_gradient_for_each_element(lib):
    x = leaf(lib, 1.0, 2.0)
    (x * x).backward(lib.tensor([1.0, 10.0], dtype=lib.float64))
    assert x.grad.tolist() == [2, 40]
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        (x * x).backward()
    with pytest.raises(RuntimeError, match=r"Mismatch in shape: grad_output\[0\] has a shape of"):
        (x * x).backward(lib.ones(3, dtype=lib.float64))


def test_there_must_be_a_graph(lib):
    with pytest.raises(RuntimeError, match="element 0 of tensors does not require grad and does not have a grad_fn"):
        lib.ones(1).backward()


# -- autograd.grad ------------------------------------------------------------------------------------------------


def test_grad_accumulates_nothing(lib):
    x, y = leaf(lib, 2.0), leaf(lib, 5.0)
    gx, gy = lib.autograd.grad(x * y, (x, y))
    assert (gx.item(), gy.item()) == (5, 2) and x.grad is None and y.grad is None


def test_grad_of_several_outputs_is_that_of_their_sum(lib):
    x = leaf(lib, 2.0)
    (g,) = lib.autograd.grad([x * x, x * 3], x, [None, lib.tensor([2.0], dtype=lib.float64)])
    assert g.item() == 10


def test_grad_with_respect_to_what_is_no_leaf(lib):
    x = leaf(lib, 2.0)
    y = x * x
    gy, gx = lib.autograd.grad(y * y, [y, x])
    assert (gy.item(), gx.item()) == (8, 32)


def test_grad_of_a_tensor_with_respect_to_itself(lib):
    x = leaf(lib, 2.0)
    y = x * 3
    assert lib.autograd.grad(y, y)[0].item() == 1
    assert lib.autograd.grad(x, x)[0].item() == 1


def test_inputs_that_are_not_used(lib):
    x, y = leaf(lib, 2.0), leaf(lib, 3.0, 4.0)
    with pytest.raises(
        RuntimeError,
        match="The differentiated Tensor at index 1 appears to not have been used in the graph. Set allow_unused=True",
    ):
        lib.autograd.grad(x * x, [x, y])
    gx, gy = lib.autograd.grad(x * x, [x, y], allow_unused=True)
    assert gx.item() == 4 and gy is None
    gx, gy = lib.autograd.grad(x * x, [x, y], materialize_grads=True)
    assert gx.item() == 4 and gy.tolist() == [0, 0]
    with pytest.raises(ValueError, match="Expected allow_unused to be True or not passed when materialize_grads=True"):
        lib.autograd.grad(x * x, [x, y], materialize_grads=True, allow_unused=False)
    with pytest.raises(RuntimeError, match="One of the differentiated Tensors does not require grad"):
        lib.autograd.grad(x * x, lib.ones(1))


def test_only_what_leads_to_the_inputs_runs(lib):
    x, y = leaf(lib, 2.0), leaf(lib, 3.0)
    ran = []
    other = y * y
    other.register_hook(ran.append)
    lib.autograd.grad(x * other, x)
    assert not ran


# -- Hooks --------------------------------------------------------------------------------------------------------


def test_hooks_see_and_change_gradients(lib):
    x = leaf(lib, 2.0)
    y = x * x
    seen = []
    y.register_hook(lambda g: seen.append(g.item()))
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: seen.append(g.item()))
    x.register_hook(lambda g: g + 1)
    (y * 3).backward()
    assert seen == [3, 30] and x.grad.tolist() == [121]


def test_a_removed_hook_is_not_called(lib):
    x = leaf(lib, 1.0)
    handle = x.register_hook(lambda g: g * 100)
    handle.remove()
    handle.remove()
    with x.register_hook(lambda g: g * 100):
        pass
    (x * 1).backward()
    assert x.grad.tolist() == [1]


def test_a_leafs_hook_runs_once_with_the_whole_gradient(lib):
    x = leaf(lib, 1.0)
    seen = []
    x.register_hook(lambda g: seen.append(g.item()))
    (x * 2 + x * 3).backward()
    assert seen == [5]


def test_post_accumulate_hooks_see_grad_in_its_place(lib):
    x = leaf(lib, 1.0)
    seen = []
    x.register_post_accumulate_grad_hook(lambda t: seen.append((t is x, t.grad.item())))
    (x * 2).backward()
    (x * 3).backward()
    assert seen == [(True, 2), (True, 5)]
    with pytest.raises(RuntimeError, match="post accumulate grad hooks cannot be registered on non-leaf tensors"):
        (x * 2).register_post_accumulate_grad_hook(print)


def test_node_hooks(lib):
    x = leaf(lib, 2.0)
    y = x * x
    seen = []
    y.grad_fn.register_prehook(lambda outs: (outs[0] * 10,))
    y.grad_fn.register_hook(lambda ins, outs: seen.append((len(ins), outs[0].item())))
    y.backward()
    assert x.grad.tolist() == [40] and seen == [(2, 10)]


def test_hooks_of_a_node_with_several_results(lib):
    x = leaf(lib, 1.0, 2.0)
    a, b = x.unbind()
    seen = []
    a.grad_fn.register_prehook(lambda outs: seen.append(len(outs)))
    a.grad_fn.register_prehook(lambda outs: tuple(None if g is None else g * 10 for g in outs))
    (b * 2).backward()
    assert x.grad.tolist() == [0, 20] and seen == [2]


def test_hooks_need_a_tensor_that_requires_grad(lib):
    with pytest.raises(RuntimeError, match="cannot register a hook on a tensor that doesn't require gradient"):
        lib.ones(1).register_hook(print)


def test_a_hook_must_keep_the_shape(lib):
    x = leaf(lib, 1.0, 2.0)
    y = x * 2
    y.register_hook(lambda g: g[:1])
    with pytest.raises(RuntimeError, match="has changed the size of value"):
        y.sum().backward()


def test_retain_grad(lib):
    x = leaf(lib, 2.0)
    y = x * x
    y.retain_grad()
    y.retain_grad()
    assert y.retains_grad and not x.retains_grad
    (y * 5).backward(retain_graph=True)
    (y * 5).backward()
    assert y.grad.tolist() == [10]
    with pytest.raises(RuntimeError, match="can't retain_grad on Tensor that has requires_grad=False"):
        lib.ones(1).retain_grad()


def test_the_retained_gradient_is_what_hooks_have_made_of_it(lib):
    y = leaf(lib, 2.0) * 1
    y.register_hook(lambda g: g * 2)
    y.retain_grad()
    y.register_hook(lambda g: g * 5)
    y.backward()
    assert y.grad.tolist() == [10]


def test_the_grad_of_a_computed_tensor_is_warned_of(lib):
    with pytest.warns(UserWarning, match="The .grad attribute of a Tensor that is not a leaf Tensor is being accessed"):
        assert (leaf(lib, 1.0) * 2).grad is None


# -- Modes --------------------------------------------------------------------------------------------------------


def test_no_grad_and_back(lib):
    x = leaf(lib, 1.0)
    with lib.no_grad():
        assert not (x * 2).requires_grad and not lib.is_grad_enabled()
        with lib.enable_grad():
            assert (x * 2).requires_grad
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad and lib.is_grad_enabled()


def test_modes_are_left_also_by_an_error(lib):
    for mode in (lib.no_grad, lib.inference_mode, lambda: lib.set_grad_enabled(False)):
        with pytest.raises(KeyError):
            with mode():
                raise KeyError
        assert lib.is_grad_enabled()


def test_set_grad_enabled_at_once(lib):
    lib.set_grad_enabled(False)
    try:
        assert not lib.is_grad_enabled()
    finally:
        lib.set_grad_enabled(True)


@pytest.mark.parametrize(
    "name", ["no_grad", "no_grad()", "inference_mode", "inference_mode()", "set_grad_enabled(False)"]
)
def test_modes_as_decorators(lib, name):
    decorator = eval(f"lib.{name}")

    @decorator
    def function(x):
        return x * 2

    x = leaf(lib, 1.0)
    assert not function(x).requires_grad and function.__name__ == "function"
    assert lib.is_grad_enabled() and (x * 2).requires_grad


def test_a_generator_runs_in_the_mode_and_its_caller_does_not(lib):
    @lib.no_grad()
    def numbers():
        got = yield lib.is_grad_enabled()
        try:
            yield (lib.is_grad_enabled(), got)
        except ValueError:
            yield lib.is_grad_enabled()
        return "end"

    generator = numbers()
    assert next(generator) is False and lib.is_grad_enabled()
    assert generator.send(7) == (False, 7) and lib.is_grad_enabled()
    assert generator.throw(ValueError()) is False and lib.is_grad_enabled()
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "end"


def test_grad_mode_belongs_to_the_thread(lib):
    seen = []
    with lib.no_grad():
        thread = threading.Thread(target=lambda: seen.append(lib.is_grad_enabled()))
        thread.start()
        thread.join()
        seen.append(lib.is_grad_enabled())
    assert seen == [True, False]


def test_inference_tensors(lib):
    x = leaf(lib, 1.0)
    with lib.inference_mode():
        y = x * 2
        y.add_(1)
    assert y.is_inference() and not y.requires_grad
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor outside InferenceMode is not allowed"):
        y.add_(1)
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        x * y
    assert (x + y).requires_grad and (x * y.clone()).requires_grad
    with pytest.raises(RuntimeError, match="Setting requires_grad=True on inference tensor outside InferenceMode"):
        y.requires_grad_()


def test_requires_grad_belongs_to_leaves_of_floats(lib):
    x = leaf(lib, 1.0)
    with pytest.raises(RuntimeError, match="you can only change requires_grad flags of leaf variables"):
        (x * 2).requires_grad = False
    with pytest.raises(
        RuntimeError, match="(?i)only tensors of floating point (and complex )?dtype can require gradients"
    ):
        lib.arange(3).requires_grad_()
    assert not (x * 2).detach().requires_grad


def test_a_leaf_switched_off_gets_no_gradient(lib):
    x, y = leaf(lib, 1.0), leaf(lib, 2.0)
    z = x * y
    x.requires_grad_(False)
    z.backward()
    assert x.grad is None and y.grad.tolist() == [1]


# -- Gradients belong to their leaf alone ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "build",
    [
        lambda x, y: x + y,
        lambda x, y: x - y + (x + y) * 0,
        lambda x, y: (x + y).view(-1).reshape(2).clone(),
        lambda x, y: x.view(2, 1).squeeze(1) + y.unsqueeze(0)[0],
        lambda x, y: x * y,
    ],
)
def test_gradients_of_leaves_are_not_aliased(build):  # in PyTorch some are
    lib = tl
    x, y = leaf(lib, 1.0, 2.0), leaf(lib, 3.0, 4.0)
    seed = lib.ones(2, dtype=lib.float64)
    out = build(x, y)
    out.backward(seed, retain_graph=True)
    values = y.grad.tolist()
    x.grad.add_(100)
    assert y.grad.tolist() == values and seed.tolist() == [1, 1]
    assert x.tolist() == [1, 2] and y.tolist() == [3, 4]
    seed.add_(1)
    assert y.grad.tolist() == values


def test_gradients_that_grad_returns_are_not_aliased():
    x, y = leaf(tl, 1.0, 2.0), leaf(tl, 3.0, 4.0)
    gx, gy = tl.autograd.grad((x + y).sum(), [x, y])
    gx.add_(1)
    assert gy.tolist() == [1, 1]


def test_a_tensor_that_is_its_own_output(lib):
    x, seed = leaf(lib, 1.0, 2.0), lib.ones(2, dtype=lib.float64)
    x.backward(seed)
    x.grad.add_(1)
    assert seed.tolist() == [1, 1]


@pytest.mark.parametrize("use", [[0], [1], [2], [0, 2], [2, 1, 1]])
def test_results_that_are_not_used_count_as_zero(lib, use):
    x = lib.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=True)
    for split in (lambda t: t.unbind(0), lambda t: t.split([1, 1, 1]), lambda t: t.chunk(3)):
        x.grad = None
        rows = split(x * 2)
        sum((rows[i] * 3).sum() for i in use).backward()
        assert x.grad.tolist() == [[6.0 * use.count(i)] * 2 for i in range(3)]


def test_gradients_have_the_dtype_of_their_tensor(lib):
    x = lib.ones(2, requires_grad=True)
    (x.double() * 2).sum().backward()
    assert x.grad.dtype == lib.float32


# -- Errors and anomalies ------------------------------------------------------------------------------------------


class Broken(tl.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        raise KeyError("lost")


def notes(error):
    return "\n".join(error.value.__notes__)


def test_an_error_in_a_rule_names_the_operation():
    x = tl.ones(3, requires_grad=True)
    with pytest.raises(KeyError) as error:
        (Broken.apply(x) * 2).sum().backward()
    assert "While running the backward rule of BrokenBackward" in notes(error)
    assert "autograd.detect_anomaly()" in notes(error)


def test_in_anomaly_mode_an_error_names_the_users_line():
    x = tl.ones(3, requires_grad=True)
    with tl.autograd.detect_anomaly(), pytest.raises(KeyError) as error:
        y = Broken.apply(x)  # this line
        y.sum().backward()
    assert "test_engine.py" in notes(error) and "y = Broken.apply(x)  # this line" in notes(error)


def test_in_anomaly_mode_an_in_place_error_names_the_users_line():
    x = tl.ones(3, requires_grad=True)
    with tl.autograd.detect_anomaly(), pytest.raises(RuntimeError, match="modified by an inplace operation") as error:
        y = x.exp()  # kept here
        y.add_(1)
        y.sum().backward()
    assert "y = x.exp()  # kept here" in notes(error)


def test_detect_anomaly_refuses_nan(lib):
    x = leaf(lib, -1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            lib.autograd.detect_anomaly(),
            pytest.raises(RuntimeError, match="Function 'SqrtBackward0' returned nan values in its 0th output"),
        ):
            x.sqrt().sum().backward()
        with lib.autograd.detect_anomaly(check_nan=False):
            x.sqrt().sum().backward()
        with lib.autograd.set_detect_anomaly(True), pytest.raises(RuntimeError, match="returned nan values"):
            x.sqrt().sum().backward()
    assert not lib.is_anomaly_enabled() if hasattr(lib, "is_anomaly_enabled") else True


def test_nothing_is_stored_when_the_pass_fails():
    x, y = tl.ones(2, requires_grad=True), tl.ones(2, requires_grad=True)
    with pytest.raises(KeyError):
        (Broken.apply(x) + y * 2).sum().backward()
    assert x.grad is None and y.grad is None
    assert tl.is_grad_enabled()


def test_a_shared_backward_replaces_inherited_rules():
    class Ruled(Function):
        def forward(self, x, y):
            return x * y

        def grad_x(self, g, y):
            return g * y

        def grad_y(self, g, x):
            return g * x

    class Shared(Ruled):
        differentiable = ("x", "y")

        def backward(self, g, x, y):
            return g * y, g * x

    x, y = tl.tensor([2.0, 3.0], requires_grad=True), tl.tensor([5.0, 7.0], requires_grad=True)
    Shared.apply(x, y).sum().backward()
    assert x.grad.tolist() == [5, 7] and y.grad.tolist() == [2, 3]
