"""Edges, nodes and hooks on several tensors, beside PyTorch."""

from __future__ import annotations

import pytest

import tapeless as tl
from tapeless.autograd import graph


def test_edges_stand_for_tensors():
    x = tl.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2
    z = (y * y).sum()
    edge = graph.get_gradient_edge(y)
    assert edge == (y.grad_fn, 0, None) and isinstance(edge.node, graph.Node)
    assert tl.autograd.grad(z, edge, retain_graph=True)[0].tolist() == [4.0, 8.0]
    total = graph.get_gradient_edge(z)
    assert tl.autograd.grad(total, [x, graph.get_gradient_edge(x)], retain_graph=True)[1].tolist() == [8.0, 16.0]
    tl.autograd.backward(total, inputs=graph.get_gradient_edge(x))
    assert x.grad.tolist() == [8.0, 16.0]
    assert repr(edge) == "GradientEdge(node=<MulBackward0>, output_nr=0, ownership_token=None)"


def test_edges_of_one_of_several_results():
    x = tl.arange(4.0, requires_grad=True)
    first, second = x.split(2)
    out = (first * 3).sum() + (second**2).sum()
    edge = graph.get_gradient_edge(second)
    assert edge.output_nr == 1
    assert tl.autograd.grad(out, edge, retain_graph=True)[0].tolist() == [4.0, 6.0]
    made = graph.GradientEdge(edge.node, 0)
    assert tl.autograd.grad(made, x, grad_outputs=tl.ones(2))[0].tolist() == [1.0, 1.0, 0.0, 0.0]


def test_edges_that_do_not_fit():
    x = tl.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="not possible to get the gradient edge"):
        graph.get_gradient_edge(tl.ones(1))
    with pytest.raises(RuntimeError, match="only for scalar outputs"):
        tl.autograd.grad(graph.get_gradient_edge(x * 2), x)
    y = x * 2
    with pytest.raises(RuntimeError, match="only accumulate into tensors"):
        tl.autograd.backward(y.sum(), inputs=graph.get_gradient_edge(y))


def test_nodes_have_metadata_and_prehooks():
    x = tl.ones(2, requires_grad=True)
    node = graph.get_gradient_edge(x).node
    node.metadata["note"] = 1
    assert graph.get_gradient_edge(x).node.metadata == {"note": 1}
    (x * 1).grad_fn.metadata["note"] = 2
    handle = node.register_prehook(lambda grads: (grads[0] * 5,))
    (x * 3).sum().backward()
    handle.remove()
    (x * 3).sum().backward()
    assert x.grad.tolist() == [18.0, 18.0]


def multi_hook_story(lib, mode):
    a, b, c = [lib.tensor([value], requires_grad=True) for value in (2.0, 3.0, 4.0)]
    log = []
    note = lambda grads: log.append([g if g is None else g.item() for g in grads] if mode == "all" else grads.item())
    hook = lib.autograd.graph.register_multi_grad_hook((a, b, c), note, mode=mode)
    (a * b).sum().backward()
    log.append("---")
    (a * b * c).sum().backward(inputs=[c])
    log.append("---")
    (a * b * c).sum().backward()
    middle = a * 2
    with lib.autograd.graph.register_multi_grad_hook((middle, b), note, mode=mode):
        (middle * b).sum().backward()
    hook.remove()
    (a * b).sum().backward()
    return [str(entry) for entry in log]


@pytest.mark.parametrize("mode", ["all", "any"])
def test_hooks_on_several_tensors(mode):
    ours = multi_hook_story(tl, mode)
    assert len(ours) == 7
    torch = pytest.importorskip("torch")
    theirs = multi_hook_story(torch, mode)
    if mode == "all":
        assert ours == theirs
    else:  # which gradient comes first is not promised
        assert [entry == "---" for entry in ours] == [entry == "---" for entry in theirs]


def test_hooks_on_several_tensors_under_grad():
    """PyTorch refuses this for leaves."""
    a, b = tl.ones(1, requires_grad=True), tl.ones(1, requires_grad=True)
    log = []
    with graph.register_multi_grad_hook((a, b), lambda grads: log.append(grads)):
        tl.autograd.grad(a * b * 2, a)
    ((first, second),) = log
    assert first.tolist() == [2.0] and second is None


def test_hooks_on_several_tensors_that_do_not_fit():
    with pytest.raises(ValueError, match=r"one of \('all', 'any'\) but got some"):
        graph.register_multi_grad_hook((), print, mode="some")
    with pytest.raises(AssertionError, match=r"gradient function to be set: tensors\[1\]"):
        graph.register_multi_grad_hook((tl.ones(1, requires_grad=True), tl.ones(1)), print)


def test_increment_version():
    x = tl.ones(2, requires_grad=True)
    y, z = x.exp(), x.exp()
    graph.increment_version([y])
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
    z.sum().backward()
    for wrong in (3, [3]):
        with pytest.raises(RuntimeError, match="expect a Iterable"):
            graph.increment_version(wrong)
