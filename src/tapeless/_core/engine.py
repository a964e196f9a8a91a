"""The backward pass: hand gradients from node to node, youngest first.

Creation order is a topological order (an edge always leads to an older node), so a heap of node numbers is all
the bookkeeping there is: when a node comes up, every gradient that it will ever get has arrived. Nothing
recurses, so a chain may be as long as memory allows.

What rules may leave undone is repaired here, once for all of them: gradients are summed back over broadcast
axes, brought to the dtype of the tensor they belong to, and added up; `None` counts as zero.

Complex gradients follow PyTorch's convention: that of a real L is dL/d(re z) + i dL/d(im z), so a holomorphic f
hands on ``g * conj(f'(z))``. Rules are written for real numbers, ``g * f'(z)``, and are right for complex ones because
the engine conjugates what goes in and what comes out: ``conj(conj(g) * f'(z))``.
See https://docs.pytorch.org/docs/stable/notes/autograd.html#autograd-for-complex-numbers
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from heapq import heappop, heappush, heapreplace
from typing import Any

import numpy as np
from numpy import ndarray

from . import clock, modes
from .clock import tick
from .function import FREED, NOTHING, Alias, Function, Output
from .modes import state
from .tensor_base import TensorBase, is_lent, wrap


def run_backward(
    roots: Iterable[tuple[Any, Any]],
    *,
    create_graph: bool = False,
    retain_graph: bool = False,
    captures: set[Any] | None = None,
) -> dict[Any, Any]:
    """Send the gradients of `roots` (pairs of edge and gradient) through the graph.

    Without `captures`, gradients are added to the `.grad` of the leaves. With it (a set of edges: nodes or
    leaves), nothing is accumulated and the gradients of those edges are returned; only the part of the graph
    that leads to them runs.
    """
    roots = list(roots)
    if modes.passes_watched:
        state.passes = (*state.passes, Pass(roots, captures))
    previous, state.grad_enabled = state.grad_enabled, create_graph
    lends, state.lends = state.lends, captures is None and not create_graph
    try:
        return _run(roots, create_graph, retain_graph, captures)
    finally:
        state.grad_enabled, state.lends = previous, lends
        if modes.passes_watched:
            state.passes = state.passes[:-1]


class Pass:
    """A backward pass that runs now, for those who ask: its roots, and what it was asked for (None: all leaves)."""

    __slots__ = ("_reached", "captures", "roots", "seq")

    def __init__(self, roots: list[tuple[Any, Any]], captures: set[Any] | None) -> None:
        self.roots, self.captures = roots, captures
        self.seq = tick()
        self._reached: set[Any] | None = None

    def reaches(self, edge: Any) -> bool:
        """Return whether a gradient will arrive at this node or leaf."""
        if self._reached is None:
            roots = [root for root, _ in self.roots]
            self._reached = set(_reachable(roots))
            leading = None if self.captures is None else _leading_to(self.captures, roots)
            if leading is not None:
                self._reached &= leading
        return edge in self._reached


def current_pass() -> Pass | None:
    """Return the backward pass that runs in this thread, the innermost one, if any (and if `passes_watched`)."""
    return state.passes[-1] if state.passes else None


# One loop, longer than other functions here: a call for each edge would make a small network's backward pass slower.
def _run(roots: list[tuple[Any, Any]], create_graph: bool, retain_graph: bool, captures: set[Any] | None) -> Any:
    useful = None if captures is None else _leading_to(captures, [edge for edge, _ in roots])
    captured: dict[Any, Any] = {}
    pending: dict[Any, Any] = {}  # node -> the gradient that has arrived so far
    leaves: dict[Any, Any] = {}
    owned: set[Any] = set()  # edges whose gradient is an array that nobody else holds
    heap: list[tuple[int, Any]] = []
    waiting: Any = None  # one node that is not in the heap: mostly there is no other, and the heap stays empty
    node: Any = None
    incoming: Any = None
    edges: Any = [edge for edge, _ in roots]
    grads: Any = [g for _, g in roots]
    trusted = False  # whether new arrays among the gradients belong to the engine alone
    # Nearly every pass of a training step: nodes without hooks or several results then take a shorter way.
    plain = not (create_graph or modes.complex_anywhere or modes.anomaly_anywhere)
    try:
        while True:
            last = None
            for edge, g in zip(edges, grads):
                if g is None or edge is None or (useful is not None and edge not in useful):
                    continue
                is_leaf = isinstance(edge, TensorBase)
                target = edge._array if is_leaf else edge
                shape = g.shape
                # Dtypes are nearly always the same object; comparing two by value is slow.
                if shape != target.shape or (g.dtype is not target.dtype and g.dtype != target.dtype):
                    g = repair(g, target.shape, target.dtype, node)
                if not is_leaf:
                    if edge not in pending:
                        pending[edge] = g
                        if waiting is None:
                            waiting = edge
                        else:
                            heappush(heap, (-edge.seq, edge))
                        continue
                elif edge not in leaves:
                    leaves[edge] = g
                    # Where an optimizer has memory for it, the gradient is copied there, whoever owns it.
                    if (
                        (captures is not None or type(edge._home) is not ndarray)
                        and trusted
                        and g is not incoming
                        and g is not last
                        and shape
                        and (g.base is None or is_lent(edge, g))
                    ):
                        owned.add(edge)
                        last = g
                    continue
                slots = leaves if is_leaf else pending
                old = slots[edge]
                if create_graph:
                    slots[edge] = old + g
                elif is_leaf and is_lent(edge, g):
                    slots[edge] = np.add(old, g, out=g)
                    owned.add(edge)
                elif edge in owned:
                    np.add(old, g, out=old)
                else:
                    slots[edge] = old = np.add(old, g)
                    if old.shape:  # NumPy makes immutable scalars of 0-d results
                        owned.add(edge)
            if waiting is None:
                if not heap:
                    break
                node = heappop(heap)[1]
            elif heap and heap[0][0] < -waiting.seq:
                node = heapreplace(heap, (-waiting.seq, waiting))[1]
            else:
                node = waiting
            waiting = None
            incoming = pending.pop(node)
            while plain and node.hooks is None and type(incoming) is not list and node.plan is not None:
                if captures is not None and node in captures:
                    captured[node] = incoming
                edges, kept, plan = node.edges, node.kept, node.plan
                # What `run` and `free` do for most nodes, without a call of them: 14 bytecodes where those take 36.
                if plan.direct and (kept is NOTHING or (kept and node.seq > clock.last_write)):
                    grads = plan.run(node, incoming, kept)
                else:
                    grads = node.run(incoming)
                trusted = plan.owned
                if not retain_graph and (kept is not NOTHING or node.saved is not None):
                    node.kept, node.saved = FREED, None
                if not plan.single or useful is not None:
                    break
                # A chain: this node leads to one other, and all that wait are older. It comes next, without the loop,
                # `pending` and the heap: 112 bytecodes a node in place of 153.
                edge, g = edges[0], grads[0]
                if g is None or isinstance(edge, TensorBase) or (heap and heap[0][0] <= -edge.seq):
                    break
                if g.shape != edge.shape or (g.dtype is not edge.dtype and g.dtype != edge.dtype):
                    g = repair(g, edge.shape, edge.dtype, node)
                node, incoming = edge, g
            else:
                if node.hooks is not None:
                    incoming = _run_hooks(node.hooks.pre, incoming, create_graph)
                if captures is not None and node in captures:
                    captured[node] = incoming
                if type(node) is Output:
                    edges = grads = ()
                    trusted = False
                    if useful is None or node.source in useful:
                        _deliver(node, incoming, pending, heap)
                    continue
                edges, grads = node.edges, _run_rule(node, incoming, create_graph)
                trusted = node.owns_results and not create_graph and type(incoming) is not list
                if not retain_graph:
                    node.free()
    except Exception as error:
        _explain(error, node)
        raise
    return _finish(leaves, owned, captures, captured, create_graph)


def _run_rule(node: Any, incoming: Any, create_graph: bool) -> Any:
    """Run the gradient rule of a node, and what comes before and after it."""
    if type(incoming) is list and node.materialize:
        incoming = _fill_zeros(node, incoming, create_graph)
    if create_graph and node.composite is not None and node.recorded is None:
        grads = run_composite(node, incoming)
    elif modes.complex_anywhere:
        grads = node.run_complex(incoming, create_graph)
    else:
        grads = node.run(incoming, create_graph)
    if modes.anomaly_anywhere and state.anomaly:
        _check_nan(node, grads)
    if node.hooks is not None and node.hooks.post:
        grads = _run_post_hooks(node.hooks.post, grads, incoming, create_graph)
    return grads


def _finish(
    leaves: Any, owned: set[Any], captures: set[Any] | None, captured: dict[Any, Any], create_graph: bool
) -> Any:
    """Run the leaves' hooks and put the gradients where they belong; nothing was stored before this."""
    plain = captures is None and not create_graph
    for leaf, g in leaves.items():
        home = leaf._home
        # What `_accumulate` does for nearly every parameter, without a call of it: 30 bytecodes where those take 75.
        if plain and type(home) is ndarray and leaf._grad is leaf._hooks is leaf._view is None and leaf._requires_grad:
            home[...] = g
            leaf._grad = home
            continue
        view, hooks, fresh = leaf._view, leaf._hooks, leaf in owned
        if view is not None and not view.own:
            continue  # it requires grad only because its base does: see `views`
        if hooks is None and captures is None:
            if leaf._requires_grad:  # not switched off since
                leaf._accumulate(g, fresh)
            continue
        if hooks is not None and hooks.pre:
            changed = _run_hooks(hooks.pre, g, create_graph)
            fresh = fresh and changed is g
            g = changed
        if captures is not None:
            captured[leaf] = g if fresh or create_graph else g.copy()
            continue
        if not leaf._requires_grad:
            continue  # switched off since
        leaf._accumulate(g, fresh)
        if hooks is not None:
            for hook in list(hooks.post.values()):
                hook(leaf)
    return captured


def run_composite(node: Function, g: Any) -> list[Any]:
    """Return the gradients of a fused operation as recorded tensors, by differentiating its composite.

    The composite is built anew from the kept inputs. An `Alias` in front of each input marks where this part
    of the graph ends, and leads on to where the input really came from.
    """
    if not isinstance(node.kept, tuple):  # freed, or packed by hooks on saved tensors
        with node.unpacked():
            return run_composite(node, g)
    node.check_unmodified()
    edges = dict(zip(node.plan.positions, node.edges, strict=True))
    borders: dict[int, Alias] = {}
    inputs: dict[str, Any] = {}
    for name, value, source in zip(node.plan.names, node.kept, node.plan.sources, strict=True):
        inputs[name] = value
        if source in edges:
            border = borders[source] = Alias(edges[source], value)
            tensor = inputs[name] = wrap(value)
            tensor._node, tensor._requires_grad = border, True
        elif hasattr(value, "dtype"):
            inputs[name] = wrap(value)
    assert node.composite is not None
    names = node.composite.__func__.__code__.co_varnames[1 : node.composite.__func__.__code__.co_argcount]  # type: ignore[attr-defined]
    out = node.composite(**{name: inputs[name] for name in names})
    if type(g) is list:  # of several results the composite may return only the first ones, that have gradients
        roots = [(result._node, part) for result, part in zip(out if type(out) is tuple else (out,), g, strict=False)]
    else:
        roots = [(out._node, g)]
    found = _run(roots, True, True, set(borders.values()))
    return [found.get(borders[position]) for position in node.plan.positions]


def repair(g: Any, shape: tuple[int, ...], dtype: Any, node: Function | None) -> Any:
    """Bring a gradient to the shape and dtype of the tensor that it belongs to.

    Axes that broadcasting added or stretched are summed; anything else that does not fit is the rule's error.
    """
    if g.shape != shape:
        added = len(g.shape) - len(shape)
        stretched = tuple(
            i for i, n in enumerate(g.shape) if i < added or (n != shape[i - added] and shape[i - added] == 1)
        )
        summed = g.sum(axis=stretched, keepdims=True) if stretched else g
        if added < 0 or summed.shape[added:] != tuple(shape):
            name = node.name() if node is not None else "the gradient that was passed in"
            raise RuntimeError(
                f"Function {name} returned an invalid gradient: got {list(g.shape)} but expected shape "
                f"compatible with {list(shape)}"
            )
        g = summed.reshape(shape)
    if g.dtype != dtype:
        if g.dtype.kind == "c" and dtype.kind != "c":
            g = g.real
        g = g.astype(dtype)
    return g


def _leading_to(captures: set[Any], roots: list[Any]) -> set[Any] | None:
    """Return the edges from which an edge of `captures` can be reached; None where those are all that there are."""
    if _all_are_wanted(captures, roots):
        return None  # as often, and each node leads to a leaf
    useful = set(captures)
    nodes = sorted((edge for edge in _reachable(roots) if not isinstance(edge, TensorBase)), key=lambda node: node.seq)
    for node in nodes:  # oldest first: what a node leads to is already decided
        if not useful.isdisjoint(node.edges):
            useful.add(node)
    return useful


def _all_are_wanted(captures: set[Any], roots: list[Any]) -> bool:
    """Return whether every leaf that can be reached from `roots` is in `captures`."""
    seen: set[Any] = {edge for edge in captures if isinstance(edge, TensorBase)}
    seen.add(None)
    stack = list(roots)
    for edge in stack:  # which grows meanwhile
        if edge not in seen:
            if isinstance(edge, TensorBase):
                return False
            seen.add(edge)
            stack += edge.edges
    return True


def _reachable(roots: list[Any]) -> dict[Any, None]:
    """Return the edges that can be reached from `roots`, themselves included."""
    seen: dict[Any, None] = dict.fromkeys(edge for edge in roots if edge is not None)
    stack = [edge for edge in seen if not isinstance(edge, TensorBase)]
    while stack:
        for below in stack.pop().edges:
            if below not in seen and below is not None:
                seen[below] = None
                if not isinstance(below, TensorBase):
                    stack.append(below)
    return seen


def _deliver(output: Output, g: Any, pending: dict[Any, Any], heap: list[tuple[int, Any]]) -> None:
    """Put the gradient of one of several results into the list that its operation will get."""
    source = output.source
    slots = pending.get(source)
    if slots is None:
        slots = pending[source] = [None] * len(source.shape)
        heappush(heap, (-source.seq, source))
    old = slots[output.index]
    slots[output.index] = g if old is None else old + g


def _fill_zeros(node: Any, grads: list[Any], create_graph: bool) -> list[Any]:
    """Stand zeros in for the gradients of results that were not used."""
    filled = [
        np.zeros(shape, dtype) if g is None else g
        for g, shape, dtype in zip(grads, node.shape, node.dtype, strict=True)
    ]
    return [wrap(g) if create_graph and not isinstance(g, TensorBase) else g for g in filled]


def _run_hooks(hooks: Any, g: Any, create_graph: bool) -> Any:
    """Show `g` to the hooks as a Tensor, and take what they return in its place."""
    for hook in list(hooks.values()):
        if type(g) is list:  # a node with several results: its hooks take and give one gradient for each
            answers = hook([x if x is None or isinstance(x, TensorBase) else wrap(x) for x in g])
            if answers is not None:
                g = [x if x is None or create_graph else x._array for x in answers]
            continue
        seen: Any = g if isinstance(g, TensorBase) else wrap(g)
        answer: Any = hook(seen)
        if answer is not None:
            if not isinstance(answer, TensorBase):
                raise TypeError(f"hook {hook!r} returned {type(answer).__name__}; expected a Tensor or None")
            if answer._array.shape != seen._array.shape:
                raise RuntimeError(
                    f"hook '{getattr(hook, '__name__', hook)}' has changed the size of value: "
                    f"expected {seen._array.shape}, got {answer._array.shape}"
                )
            g = answer if create_graph else answer._array
    return g


def _run_post_hooks(hooks: Any, grads: Any, incoming: Any, create_graph: bool) -> Any:
    """Show a node's gradients to its hooks: ``hook(grad_inputs, grad_outputs)``."""
    for hook in list(hooks.values()):
        outs = incoming if type(incoming) is list else [incoming]
        shown = tuple(g if g is None or isinstance(g, TensorBase) else wrap(g) for g in grads)
        answer = hook(shown, tuple(g if g is None or isinstance(g, TensorBase) else wrap(g) for g in outs))
        if answer is not None:
            answer = answer if isinstance(answer, (tuple, list)) else (answer,)
            if len(answer) != len(grads):
                raise RuntimeError(f"hook returned {len(answer)} gradients, expected {len(grads)}")
            grads = answer if create_graph else [g if g is None else g._array for g in answer]
    return grads


def _check_nan(node: Function, grads: Any) -> None:
    """In anomaly mode: refuse the first gradient that is not a number."""
    if not state.anomaly_check_nan:
        return
    for i, g in enumerate(grads):
        array = g._array if isinstance(g, TensorBase) else g
        if array is not None and np.isnan(array).any():
            raise RuntimeError(f"Function '{node.name()}' returned nan values in its {i}th output.")


def _explain(error: Exception, node: Function | None) -> None:
    """Add to an error in a backward rule which operation it belongs to, and where that was called."""
    if node is None or getattr(error, "_tapeless_explained", False):
        return
    shape = "several results" if isinstance(node.shape, list) else f"result of shape {list(node.shape)}"
    note = f"While running the backward rule of {node.name()} ({shape})."
    if node.where is not None:
        note += f"\nThe forward operation was called at {node.where}"
    elif not state.anomaly:
        note += "\nRun the forward pass under autograd.detect_anomaly() to see the line that called it."
    error.add_note(note)
    try:
        error._tapeless_explained = True  # type: ignore[attr-defined]
    except AttributeError:
        pass


def scalar_seed(array: Any) -> Any:
    """Return the gradient of a scalar with respect to itself: a one of its shape and dtype."""
    seed = np.empty(array.shape, array.dtype)  # np.ones is written in Python and takes three times as long
    seed.fill(1)
    return seed


def is_scalar(array: Any) -> bool:
    """Return whether an output may start a backward pass without a gradient of its own."""
    return math.prod(array.shape) == 1
