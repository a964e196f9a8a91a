"""Hooks on saved tensors: what they see, that their answers are used, and that they agree with PyTorch."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import tapeless as tl
from tapeless import nn
from tapeless._core.function import Function
from tapeless.autograd import graph


def identity_hooks(lib, log):
    return lib.autograd.graph.saved_tensors_hooks(
        lambda t: log.append(("pack", t.tolist(), t.requires_grad, t.is_leaf, lib.is_grad_enabled())) or t,
        lambda t: log.append(("unpack", t.tolist(), lib.is_grad_enabled())) or t,
    )


def story(lib):
    """Run the same program under hooks in either library; return all that they saw, and gradients."""
    log = []
    x = lib.tensor([0.5, 2.0], requires_grad=True)
    with identity_hooks(lib, log):
        product = (x * 2) * x
        out = product.exp()
    (first,) = lib.autograd.grad(out.sum(), x, create_graph=True)
    log.append("second")
    (second,) = lib.autograd.grad(first.sum(), x)
    return log, [first.tolist(), second.tolist()]


def test_hooks_see_what_they_see_in_pytorch():
    torch = pytest.importorskip("torch")
    (ours, our_grads), (theirs, their_grads) = story(tl), story(torch)
    np.testing.assert_allclose(our_grads, their_grads, rtol=1e-5)
    ordered = lambda log: sorted(map(repr, log))  # x * y may keep its factors in another order
    cut, other_cut = ours.index("second"), theirs.index("second")
    for mine, other in ((ours[:cut], theirs[:other_cut]), (ours[cut:], theirs[other_cut:])):
        assert [entry[0] for entry in mine] == [entry[0] for entry in other]
        assert [len(entry) for entry in mine] == [len(entry) for entry in other]
    no_numbers = lambda log: ordered([entry[:1] + entry[2:] for entry in log if entry != "second"])
    assert no_numbers(ours) == no_numbers(theirs)


def test_leaves_are_handed_over_themselves():
    x, seen = tl.ones(2, requires_grad=True), []
    with graph.saved_tensors_hooks(lambda t: seen.append(t), lambda handle: x):
        x * 2.0 * x
    assert any(t is x for t in seen)


def test_what_unpack_returns_is_used():
    x = tl.tensor([1.0, 2.0], requires_grad=True)
    with graph.saved_tensors_hooks(lambda t: None, lambda handle: tl.tensor([10.0, 20.0])):
        y = (x * x).sum()
    y.backward()
    assert x.grad.tolist() == [20.0, 40.0]


MODELS = {
    "fused loss": lambda lib, x: lib.nn.functional.cross_entropy(x, lib.tensor([0, 1, 2, 1])),
    "softmax": lambda lib, x: (lib.softmax(x, 1) ** 2).sum(),
    "max": lambda lib, x: x.max(dim=1)[0].sum(),
    "layer norm": lambda lib, x: (lib.nn.functional.layer_norm(x, (3,)) ** 3).sum(),
    "batch norm": lambda lib, x: (lib.nn.functional.batch_norm(x, None, None, training=True) ** 3).sum(),
    "pooling": lambda lib, x: lib.nn.functional.max_pool1d(x[None], 2).sum(),
    "cummax": lambda lib, x: lib.cummax(x, 1)[0].sum(),
    "several results": lambda lib, x: sum(part.exp().sum() for part in lib.linalg.qr(x)),
    "variadic": lambda lib, x: (lib.cat([x, x * x]) ** 2).sum(),
    "indexing": lambda lib, x: (x[lib.tensor([0, 0, 2])] ** 2).sum(),
    "in place": lambda lib, x: (x * 1).mul_(x).sigmoid_().sum(),
    "a view written to": lambda lib, x: write_row(x * 1).exp().sum(),
}


def write_row(x):
    x[0].mul_(x[1] * 2)
    return x


@pytest.mark.parametrize("name", MODELS)
def test_gradients_are_those_without_hooks(name):
    """Nothing that was packed stays on the node, and all of it comes back, also for a second pass and order."""
    values = np.cos(np.arange(12.0)).reshape(4, 3)

    def gradients(hooks):
        x = tl.tensor(values, requires_grad=True)
        if hooks:
            store = []
            with graph.saved_tensors_hooks(
                lambda t: (store.append(t.numpy(force=True).copy()), len(store) - 1)[1], lambda i: tl.tensor(store[i])
            ):
                out = MODELS[name](tl, x)
            assert store
        else:
            out = MODELS[name](tl, x)
        (again,) = tl.autograd.grad(out, x, retain_graph=True)
        (first,) = tl.autograd.grad(out, x, create_graph=True)
        second = tl.autograd.grad((first**2).sum(), x)[0] if first.requires_grad else tl.zeros(1)
        return [again.numpy(), first.detach().numpy(), second.numpy()]

    for mine, plain in zip(gradients(True), gradients(False), strict=True):
        np.testing.assert_array_equal(mine, plain)


def test_arrays_are_let_go_of():
    x = tl.ones(1000, requires_grad=True)
    with graph.saved_tensors_hooks(lambda t: None, lambda handle: tl.ones(1000)):
        middle = x * 2
        array = weakref.ref(middle._array)
        out = middle.exp().sum()
    assert array() is not None
    del middle
    gc.collect()
    assert array() is None
    out.backward()


LAYERS = {
    "LSTM": lambda: nn.LSTM(8, 5),
    "GRU": lambda: nn.GRU(8, 5),
    "RNN": lambda: nn.RNN(8, 5),
    "TransformerEncoderLayer": lambda: nn.TransformerEncoderLayer(8, 2, 16),
    "BatchNorm1d": lambda: nn.BatchNorm1d(6),
    "LayerNorm": lambda: nn.LayerNorm(8),
    "GroupNorm": lambda: nn.GroupNorm(2, 6),
    "Dropout": lambda: nn.Dropout(),
    "Conv1d": lambda: nn.Conv1d(6, 3, 3),
    "ConvTranspose1d": lambda: nn.ConvTranspose1d(6, 3, 3),
    "MaxPool1d": lambda: nn.MaxPool1d(2),
    "LPPool1d": lambda: nn.LPPool1d(2, 2),
    "AdaptiveMaxPool1d": lambda: nn.AdaptiveMaxPool1d(3),
    "Upsample": lambda: nn.Upsample(scale_factor=2, mode="linear"),
    "PReLU": lambda: nn.PReLU(),
    "GELU": lambda: nn.GELU(),
    "Softmax": lambda: nn.Softmax(1),
    "GLU": lambda: nn.GLU(),
    "Fold": lambda: nn.Fold((2, 4), (1, 2)),
}


def arrays_below(node):
    """Yield the arrays of some size that the graph holds, by whatever name."""
    stack, seen = [node], set()
    while stack:
        value = stack.pop()
        if id(value) in seen or isinstance(value, tl.Tensor):  # leaves are held in any case
            continue
        seen.add(id(value))
        if isinstance(value, np.ndarray):
            if value.size > 8:
                yield value
        elif isinstance(value, (list, tuple)):
            stack += value
        elif isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, Function) or hasattr(value, "restored"):
            slots = [name for cls in type(value).__mro__ for name in getattr(cls, "__slots__", ())]
            stack += [getattr(value, name) for name in slots if hasattr(value, name) and name != "plan"]


@pytest.mark.parametrize("name", LAYERS)
def test_no_array_stays_on_a_node(name):
    tl.manual_seed(0)
    layer = LAYERS[name]()
    x = tl.randn((4, 2, 6) if name == "Fold" else (4, 6, 8)).requires_grad_()
    with graph.saved_tensors_hooks(lambda t: None, lambda handle: tl.ones(1)):
        out = layer(x)
    out = out[0] if isinstance(out, tuple) else out
    assert [array.shape for array in arrays_below(out.grad_fn)] == []


def test_the_search_for_arrays_finds_some():
    out = nn.MaxPool1d(2)(tl.randn(4, 6, 8, requires_grad=True)).exp()
    assert len(list(arrays_below(out.grad_fn))) >= 2


def test_custom_functions_unpack_when_asked():
    class Exp(tl.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            out = x.exp()
            ctx.save_for_backward(x, None, out)
            return out

        @staticmethod
        def backward(ctx, g):
            x, nothing, out = ctx.saved_tensors
            assert nothing is None
            return g * out + 0 * x

    log = []
    x = tl.tensor([1.0], requires_grad=True)
    with identity_hooks(tl, log):
        y = Exp.apply(x)
    assert [entry[0] for entry in log] == ["pack", "pack"]
    (first,) = tl.autograd.grad(y, x, create_graph=True)
    assert [entry[0] for entry in log] == ["pack", "pack", "unpack", "unpack"]
    (second,) = tl.autograd.grad(first, x)
    assert second.item() == pytest.approx(np.e)


def test_the_innermost_hooks_count():
    log = []
    x = tl.ones(1, requires_grad=True)
    outer = graph.saved_tensors_hooks(lambda t: log.append("outer") or t, lambda t: t)
    inner = graph.saved_tensors_hooks(lambda t: log.append("inner") or t, lambda t: t)
    with outer:
        with inner:
            y = x.exp()
        y.exp()
    x.exp()
    assert log == ["inner", "outer"]


def test_a_packed_tensor_may_be_written_to():
    """PyTorch does not look at versions either where hooks are in play."""
    x = tl.tensor([1.0, 2.0], requires_grad=True)
    with graph.saved_tensors_hooks(lambda t: t.detach().clone(), lambda t: t):
        y = x.exp()
    expected = y.tolist()
    with tl.no_grad():
        y.zero_()
    y.sum().backward()
    assert x.grad.tolist() == expected


def test_what_the_operation_itself_overwrote_is_an_error_still():
    x = tl.tensor([1.0, 2.0], requires_grad=True)
    with graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        y = x * 1
        y.mul_(y.view(2))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_second_pass_through_a_freed_graph_is_an_error():
    x = tl.ones(2, requires_grad=True)
    with graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        y = x.exp().sum()
    y.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        y.backward()


def test_wrong_hooks():
    x = tl.ones(2, requires_grad=True)
    with graph.saved_tensors_hooks(lambda t: 1, lambda handle: handle):
        y = x.exp().sum()
    with pytest.raises(TypeError, match="unpack_hook expected to be a Tensor but got result of type int"):
        y.backward()
    with graph.saved_tensors_hooks(lambda t: t.detach().mul_(2), lambda handle: handle):
        with pytest.raises(RuntimeError, match="pack hook is modifying its input in place"):
            x.exp()
    with pytest.raises(TypeError, match="pack_hook must be callable, got int"):
        graph.saved_tensors_hooks(1, 2).__enter__()


def test_disabling_hooks():
    hooks = graph.saved_tensors_hooks(lambda t: t, lambda t: t)
    with graph.disable_saved_tensors_hooks("outer"):
        with graph.disable_saved_tensors_hooks("inner"), pytest.raises(RuntimeError, match="inner"):
            hooks.__enter__()
        with pytest.raises(RuntimeError, match="outer"):
            hooks.__enter__()
    with hooks, pytest.raises(RuntimeError, match="not now"):
        graph.disable_saved_tensors_hooks("not now").__enter__()


def test_save_on_cpu_and_allowed_mutation():
    x = tl.tensor([1.0, 2.0], requires_grad=True)
    with graph.save_on_cpu(pin_memory=True):
        x.exp().sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp([1.0, 2.0]), rtol=1e-6)
    x.grad = None
    with graph.allow_mutation_on_saved_tensors():
        a = x * 1
        y = a**2
        a.fill_(7.0)
        y.sum().backward()
        assert x.grad.tolist() == [2.0, 4.0]
        with pytest.raises(RuntimeError, match="cannot be nested"):
            graph.allow_mutation_on_saved_tensors().__enter__()
        late = ((x * 1) ** 2).sum()
    with pytest.raises(AssertionError, match="Trying to backward outside of the 'allow_mutation"):
        late.backward()
