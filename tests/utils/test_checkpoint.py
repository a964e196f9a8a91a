"""Checkpoints: the same gradients with less memory, errors where the recomputation differs, PyTorch's behaviour."""

from __future__ import annotations

import contextlib
import gc
import weakref

import numpy as np
import pytest

import tapeless as tl
from tapeless import nn
from tapeless.utils.checkpoint import (
    CheckpointError,
    checkpoint,
    checkpoint_sequential,
    detach_variable,
    set_checkpoint_debug_enabled,
    set_checkpoint_early_stop,
)

BOTH = pytest.mark.parametrize("reentrant", [True, False], ids=["reentrant", "hooks"])


def model_of(lib, seed=0):
    lib.manual_seed(seed)
    return lib.nn.Sequential(
        lib.nn.Linear(4, 8), lib.nn.Tanh(), lib.nn.Dropout(0.5), lib.nn.Linear(8, 8), lib.nn.Softmax(1),
        lib.nn.LayerNorm(8), lib.nn.Linear(8, 2),
    )  # fmt: skip


def train(lib, run, seed=0):
    """Return loss and gradients of one step, and a number of the random stream afterwards."""
    model = model_of(lib, seed)
    x = lib.linspace(-1, 1, 20).reshape(5, 4).requires_grad_()
    loss = (run(model, x) ** 2).sum()
    loss.backward()
    grads = [x.grad, *(p.grad for p in model.parameters())]
    return [loss.detach().numpy(), *(g.numpy() for g in grads), lib.rand(2).numpy()]


def runs(lib):
    """The ways to run a model under checkpoints, in either library."""
    utils = lib.utils.checkpoint
    nested = lambda model, x, r: utils.checkpoint(
        lambda y: model[3:](utils.checkpoint(model[:3], y, use_reentrant=r)), x, use_reentrant=r
    )
    return {
        "whole": lambda r: lambda model, x: utils.checkpoint(model, x, use_reentrant=r),
        "parts": lambda r: lambda model, x: utils.checkpoint_sequential(model, 3, x, use_reentrant=r),
        "nested": lambda r: lambda model, x: nested(model, x, r),
        "every layer": lambda r: lambda model, x: utils.checkpoint_sequential(list(model), 7, x, use_reentrant=r),
    }


@BOTH
@pytest.mark.parametrize("name", runs(tl))
def test_nothing_changes_but_memory(name, reentrant):
    plain = train(tl, lambda model, x: model(x))
    for mine, expected in zip(train(tl, runs(tl)[name](reentrant)), plain, strict=True):
        np.testing.assert_array_equal(mine, expected)


@BOTH
@pytest.mark.parametrize("name", runs(tl))
def test_the_same_as_pytorch(name, reentrant):
    torch = pytest.importorskip("torch")
    ours, theirs = train(tl, runs(tl)[name](reentrant)), train(torch, runs(torch)[name](reentrant))
    for mine, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, expected, rtol=2e-4, atol=1e-6)


class Spy(nn.Module):
    """Notes weak references to the arrays that it computes, and how often it ran."""

    def __init__(self):
        super().__init__()
        self.arrays, self.calls = [], 0

    def forward(self, x):
        self.calls += 1
        for _ in range(3):
            x = (x * 1.5).sigmoid()
            self.arrays.append(weakref.ref(x._array))
            x = x.softmax(0)
            self.arrays.append(weakref.ref(x._array))
        return x.sum()

    def alive(self):
        gc.collect()
        return sum(ref() is not None for ref in self.arrays)


@BOTH
def test_arrays_are_let_go_of_between_forward_and_backward(reentrant):
    spy, plain = Spy(), Spy()
    x = tl.linspace(0, 1, 50).requires_grad_()
    kept = plain(x)
    assert plain.alive() == 6
    out = checkpoint(spy, x, use_reentrant=reentrant)
    assert spy.alive() == 0
    out.backward()
    assert spy.calls == 2
    del out
    assert spy.alive() == 0
    gradient = x.grad.clone()
    x.grad = None
    kept.backward()
    assert gradient.tolist() == x.grad.tolist()


LAYERS = {
    "LSTM": (8, 5), "GRU": (8, 5), "BatchNorm1d": (6,), "Conv1d": (6, 3, 3), "MaxPool1d": (2,), "Dropout": (),
    "Softmax": (1,),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_layers_of_all_kinds(name):
    """Their nodes keep more than tensors: gates, statistics, places of maxima."""
    layer = getattr(nn, name)(*LAYERS[name])
    x = tl.linspace(-1, 1, 192).reshape(4, 6, 8).requires_grad_()
    found = []
    for run in (layer, lambda x: checkpoint(layer, x, use_reentrant=False)):
        tl.manual_seed(0)
        out = run(x)
        out = out[0] if isinstance(out, tuple) else out
        wanted = [x, *layer.parameters()]
        found.append(tl.autograd.grad((out**3).sum(), wanted))
    for plain, again in zip(*found, strict=True):
        np.testing.assert_array_equal(plain.numpy(), again.numpy())


def test_an_outer_checkpoint_keeps_no_inputs_of_inner_ones():
    inner, arrays = Spy(), []

    def outer(x):
        y = x * 2
        arrays.append(weakref.ref(y._array))
        return checkpoint(inner, y, use_reentrant=False)

    x = tl.ones(5, requires_grad=True)
    out = checkpoint(outer, x, use_reentrant=False)
    gc.collect()
    assert arrays[0]() is None and inner.alive() == 0
    out.backward()
    # Its own, then once more as part of the outer one, up to where its input is known, and itself.
    assert inner.calls == 2


def test_recomputation_stops_early():
    done = []

    def function(x):
        y = x.exp()
        done.append("kept")
        y = y * 2
        done.append("the end")
        return y

    x = tl.ones(2, requires_grad=True)
    checkpoint(function, x, use_reentrant=False).sum().backward()
    assert done == ["kept", "the end"]  # what exp keeps is the last thing needed
    del done[:]
    with set_checkpoint_early_stop(False):
        out = checkpoint(function, x, use_reentrant=False)
    out.sum().backward()
    assert done == ["kept", "the end"] * 2
    del done[:]
    checkpoint(function, x, use_reentrant=False, early_stop=False).sum().backward()
    assert done == ["kept", "the end"] * 2


def test_several_passes_and_higher_order():
    x = tl.tensor([0.5, 1.0], requires_grad=True)
    function = lambda x: x.exp().sin()
    y = checkpoint(function, x, use_reentrant=False).sum()
    (first,) = tl.autograd.grad(y, x, retain_graph=True)
    (again,) = tl.autograd.grad(y, x, create_graph=True)
    (second,) = tl.autograd.grad(again.sum(), x)
    (expected,) = tl.autograd.grad(function(x).sum(), x, create_graph=True)
    assert first.tolist() == again.tolist() == expected.tolist()
    assert second.tolist() == tl.autograd.grad(expected.sum(), x)[0].tolist()
    y = checkpoint(function, x, use_reentrant=False).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        y.backward()


@BOTH
def test_arguments_and_results_of_any_kind(reentrant):
    def function(x, factor, nothing, y):
        assert nothing is None
        return x * factor + y, "text", y.detach(), 3

    x, y = tl.ones(2, requires_grad=True), tl.ones(2, requires_grad=True)
    out, text, plain, number = checkpoint(function, x, 5, None, y, use_reentrant=reentrant)
    assert (text, number) == ("text", 3) and plain.tolist() == [1.0, 1.0]
    out.sum().backward()
    assert x.grad.tolist() == [5.0, 5.0] and y.grad.tolist() == [1.0, 1.0]


def test_keywords_and_parameters_of_closures():
    weight, x = tl.ones(2, requires_grad=True), tl.ones(2)
    out = checkpoint(lambda x, *, power: (x * weight.exp()) ** power, x, use_reentrant=False, power=2)
    out.sum().backward()
    np.testing.assert_allclose(weight.grad.numpy(), 2 * np.exp(2.0), rtol=1e-6)


@BOTH
def test_without_grad_the_function_just_runs(reentrant):
    x = tl.ones(2, requires_grad=True)
    with tl.no_grad():
        assert not checkpoint(tl.exp, x, use_reentrant=reentrant).requires_grad


@BOTH
def test_random_state(reentrant):
    """Without preserve_rng_state the recomputation draws other numbers."""

    def gradient(preserve):
        tl.manual_seed(0)
        x = tl.ones(100, requires_grad=True)
        mask = checkpoint(
            lambda x: nn.functional.dropout(x) * x, x, use_reentrant=reentrant, preserve_rng_state=preserve
        )
        mask.sum().backward()
        return mask.detach() * 2, x.grad

    mask, grad = gradient(True)
    assert mask.tolist() == grad.tolist()
    mask, grad = gradient(False)
    assert mask.tolist() != grad.tolist()


def test_contexts():
    seen = []

    @contextlib.contextmanager
    def note(name):
        seen.append(name)
        yield

    x = tl.ones(1, requires_grad=True)
    both = lambda: (note("forward"), note("again"))
    out = checkpoint(lambda x: (seen.append("function"), x.exp())[1], x, use_reentrant=False, context_fn=both)
    out.backward()
    assert seen == ["forward", "function", "again", "function"]


def unsteady(kind, lib=tl):
    """A function that does something else when it is called again."""
    calls = []

    def function(x):
        calls.append(None)
        if len(calls) == 1:
            return x.exp().sin()
        others = {
            "fewer": lambda: x.exp(),
            "more": lambda: x.exp().sin().exp(),
            "shape": lambda: lib.ones(3, 1).exp().mul(x).sin(),
            "dtype": lambda: x.double().exp().sin(),
        }
        return others[kind]()

    return function


def error_of(kind, lib=tl, **options):
    x = lib.ones(2, requires_grad=True)
    with pytest.raises(Exception) as caught:
        lib.utils.checkpoint.checkpoint(unsteady(kind, lib), x, use_reentrant=False, **options).sum().backward()
    return type(caught.value).__name__, str(caught.value)


@pytest.mark.parametrize("kind", ["fewer", "shape", "dtype"])
def test_a_recomputation_that_differs_is_an_error(kind):
    name, text = error_of(kind)
    assert name == "CheckpointError" and "must do the same when it is called again" in text
    torch = pytest.importorskip("torch")
    theirs = error_of(kind, torch)
    assert (name, text.split("\n")[0]) == (theirs[0], theirs[1].split("\n")[0])
    if kind == "fewer":
        assert text.split("\n")[:3] == theirs[1].split("\n")[:3]


def test_more_than_before():
    x = tl.ones(2, requires_grad=True)
    checkpoint(unsteady("more"), x, use_reentrant=False).sum().backward()  # stops before it can tell, as PyTorch
    assert "trying to save more tensors" in error_of("more", early_stop=False)[1]
    out = checkpoint(unsteady("shape"), x, use_reentrant=False, determinism_check="none")
    with contextlib.suppress(RuntimeError, ValueError):  # whatever comes of it, it's not the check
        out.sum().backward()


def test_debug_shows_the_lines():
    _, text = error_of("fewer", debug=True)
    assert text.count("return x.exp().sin()") == 2 and "In the recomputation, tensors were kept:" in text
    with set_checkpoint_debug_enabled(True):
        assert "In the recomputation" in error_of("fewer")[1]
    with set_checkpoint_debug_enabled(False):
        assert "In the recomputation" not in error_of("fewer", debug=True)[1]


def test_inputs_that_were_written_to():
    x = tl.ones(2, requires_grad=True)
    y = x * 1
    out = checkpoint(lambda y: (y * 2).exp(), y, use_reentrant=False)
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()


def test_saved_tensors_may_be_asked_for_once():
    class Twice(tl.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            ctx.saved_tensors
            return ctx.saved_tensors[0] * g

    out = checkpoint(Twice.apply, tl.ones(1, requires_grad=True), use_reentrant=False)
    with pytest.raises(CheckpointError, match="already unpacked once"):
        out.backward()


def test_what_reentrant_cannot_do():
    x = tl.ones(2, requires_grad=True)
    for call in (lambda y: tl.autograd.grad(y, x), lambda y: y.backward(inputs=[x])):
        out = checkpoint(tl.exp, x, use_reentrant=True).sum()
        with pytest.raises(RuntimeError, match="incompatible with .grad"):
            call(out)
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad=True"):
        checkpoint(tl.exp, tl.ones(2), use_reentrant=True)
    out = checkpoint(lambda x: x.detach() * 2, x, use_reentrant=True)
    with pytest.raises(RuntimeError, match="none of output has requires_grad=True"):
        out.sum().backward()


def test_options_that_do_not_go_together():
    x = tl.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match="Unexpected keyword arguments: foo"):
        checkpoint(tl.exp, x, use_reentrant=True, foo=1)
    with pytest.raises(ValueError, match="only supported when use_reentrant=False"):
        checkpoint(tl.exp, x, use_reentrant=True, debug=True)
    with pytest.raises(ValueError, match=r"should be one of \['default', 'none'\], but got foo"):
        checkpoint(tl.exp, x, use_reentrant=False, determinism_check="foo")
    with pytest.warns(UserWarning, match="use_reentrant parameter should be passed explicitly"):
        checkpoint(tl.exp, x)
    with pytest.warns(UserWarning, match="checkpoint_sequential: the use_reentrant parameter"):
        checkpoint_sequential([tl.exp, tl.sin], 2, x)
    with pytest.raises(ValueError, match="Unexpected keyword arguments: foo"):
        checkpoint_sequential([tl.exp], 1, x, use_reentrant=False, foo=1)
    with pytest.raises(ValueError, match="1 functions do not make 2 segments"):
        checkpoint_sequential([tl.exp], 2, x, use_reentrant=False)
    with pytest.raises(RuntimeError, match="Only tuple of tensors is supported"):
        detach_variable(x)
