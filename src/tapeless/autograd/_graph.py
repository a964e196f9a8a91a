"""Looking at the graph from outside: nodes, edges, and hooks on several tensors at once."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

from .._core import clock
from .._core.engine import Pass, current_pass
from .._core.function import AccumulateGrad, Function, Output, _public_edge
from .._core.hooks import RemovableHandle
from .._core.modes import watch_passes
from .._core.tensor_base import TensorBase


class Node(ABC):  # noqa: B024  a label for isinstance; what nodes can do is theirs
    """What ``grad_fn`` is: an operation in the graph, for ``isinstance``.

    It has ``name()``, ``next_functions``, ``metadata``, ``register_hook`` and ``register_prehook``.
    See https://docs.pytorch.org/docs/stable/generated/torch.autograd.graph.Node.name.html

    >>> import tapeless as tl
    >>> isinstance((tl.ones(1, requires_grad=True) * 2).grad_fn, Node)
    True
    """


Node.register(Function)
Node.register(AccumulateGrad)


class _Edge(NamedTuple):
    node: Any
    output_nr: int
    ownership_token: Any = None


class GradientEdge(_Edge):
    """A place in the graph where a gradient arrives: result ``output_nr`` of ``node``.

    `autograd.grad` and `autograd.backward` take it in place of a tensor, so that the tensor itself need not be kept.
    See https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.graph.GradientEdge

    >>> import tapeless as tl
    >>> x = tl.ones(2, requires_grad=True)
    >>> y = x * 2
    >>> edge = tl.autograd.graph.get_gradient_edge(y)
    >>> isinstance(edge, tl.autograd.graph.GradientEdge), edge.output_nr
    (True, 0)
    """

    def __repr__(self) -> str:
        return (
            f"GradientEdge(node={self.node!r}, output_nr={self.output_nr!r}, ownership_token={self.ownership_token!r})"
        )


def get_gradient_edge(tensor: Any) -> GradientEdge:
    """Return the edge at which the gradient of ``tensor`` arrives.

    Raises ``RuntimeError`` for a tensor that does not require grad.
    See https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.graph.get_gradient_edge

    >>> import tapeless as tl
    >>> x = tl.ones(2, requires_grad=True)
    >>> edge = get_gradient_edge(x * 2)
    >>> edge.node, edge.output_nr
    (<MulBackward0>, 0)
    >>> tl.autograd.grad(edge, x, grad_outputs=tl.ones(2))
    (tensor([2., 2.]),)
    """
    if not tensor.requires_grad:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require gradients. "
            "Call requires_grad_() on it, or on what it is computed from."
        )
    own = edge_of(tensor)
    edge = GradientEdge(*_public_edge(own))
    vars(edge)["own"] = own  # of several results, the very edge that the graph has
    return edge


def edge_of(target: Any) -> Any:
    """Return where the gradients of a tensor, or of a `GradientEdge`, arrive: a node, or the leaf itself."""
    if isinstance(target, GradientEdge):
        node = target.node
        if isinstance(node, AccumulateGrad):
            return node.variable
        if type(node.shape) is list:
            like = SimpleNamespace(shape=node.shape[target.output_nr], dtype=node.dtype[target.output_nr])
            return vars(target).get("own") or Output(node, target.output_nr, like)
        return node
    if target._view is not None:
        target._view.refresh(target)
    return target._node or target


def increment_version(tensor: Any) -> None:
    """Tell autograd that a tensor, or each of several, was written to by means that it does not see.

    A backward pass that needs the former values raises ``RuntimeError`` then. Raises ``RuntimeError`` for what is
    not a tensor.
    See https://docs.pytorch.org/docs/stable/generated/torch.autograd.graph.increment_version.html

    >>> import tapeless as tl
    >>> x = tl.ones(2, requires_grad=True)
    >>> y = x.exp()
    >>> y.detach().numpy()[0] = 5.0
    >>> increment_version(y)
    >>> y.sum().backward()
    Traceback (most recent call last):
        ...
    RuntimeError: one of the variables needed for gradient computation has been modified by an inplace operation: ...
    """
    tensors = (tensor,) if isinstance(tensor, TensorBase) else tensor
    if not isinstance(tensors, Iterable):
        raise RuntimeError(f"increment_version expect a Iterable[Tensor] as input, got {type(tensor).__name__}")
    for each in tensors:
        if not isinstance(each, TensorBase):
            raise RuntimeError(f"increment_version expect a Iterable[Tensor] as input, got one of {type(each)}")
        clock.mark_written(each._array)


class _MultiHandle(RemovableHandle):
    """Removes the hooks that were put on several tensors."""

    def __init__(self, handles: tuple[Any, ...]) -> None:
        self.handles = handles

    def remove(self) -> None:
        """Take all of them out."""
        for handle in self.handles:
            handle.remove()


def register_multi_grad_hook(tensors: Sequence[Any], fn: Callable[..., None], *, mode: str = "all") -> RemovableHandle:
    """Call ``fn`` when the gradients of all these tensors are known, or with ``mode="any"`` the first of them.

    With ``"all"`` it gets a list with a gradient for each tensor, ``None`` for those that the backward pass does not
    reach; with ``"any"`` the one gradient. It runs once in each backward pass, and cannot change gradients.
    Raises ``ValueError`` for another mode, ``AssertionError`` for a tensor that does not require grad.
    See https://docs.pytorch.org/docs/stable/autograd.html#torch.autograd.graph.register_multi_grad_hook

    >>> import tapeless as tl
    >>> a, b = tl.ones(1, requires_grad=True), tl.ones(1, requires_grad=True)
    >>> handle = register_multi_grad_hook((a, b), lambda grads: print(grads))
    >>> (a * 2 + b * 3).backward()
    [tensor([2.]), tensor([3.])]
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    watch_passes()
    for i, tensor in enumerate(tensors):
        if not tensor.requires_grad:
            raise AssertionError(f"Expected gradient function to be set: tensors[{i}] does not require grad")
    watcher = _Watcher([edge_of(tensor) for tensor in tensors], fn, mode)
    hooks = [tensor.register_hook(watcher.hook(i)) for i, tensor in enumerate(tensors)]
    return _MultiHandle(tuple(hooks))


class _Watcher:
    """Collects the gradients of one backward pass, and calls the hook when it is time."""

    def __init__(self, edges: list[Any], fn: Callable[..., None], mode: str) -> None:
        self.edges, self.fn, self.mode = edges, fn, mode
        self.running: Pass | None = None
        self.grads: list[Any] = []
        self.missing = 0

    def hook(self, place: int) -> Callable[[Any], None]:
        """Return the hook for one of the tensors."""

        def arrived(g: Any) -> None:
            running = current_pass()
            if running is not self.running or running is None:
                self.running = running
                self.grads = [None] * len(self.edges)
                reached = [running is None or running.reaches(edge) for edge in self.edges]
                self.missing = 1 if self.mode == "any" else sum(reached)
            self.missing -= 1
            if self.mode == "all":
                self.grads[place] = g
            if self.missing == 0:
                grads, self.grads = self.grads, []
                self.fn(grads if self.mode == "all" else g)

        return arrived
