"""`backward` and `grad`: the two ways into the backward pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._core.engine import is_scalar, run_backward, scalar_seed
from .._core.tensor_base import TensorBase, wrap
from .._errors import NO_GRAPH, NOT_REAL, NOT_SCALAR
from .._tensor import Size, _backward
from ._graph import GradientEdge, edge_of


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradients of `tensors` to the `.grad` of the leaves they were computed from.

    Args:
        tensors: a Tensor or several; scalars, unless `grad_tensors` gives the gradient of each element.
        grad_tensors: gradients of the same shapes; None for scalars.
        retain_graph: keep what the graph holds, for another pass; by default what `create_graph` says.
        create_graph: record the backward pass itself, so that gradients have gradients.
        inputs: accumulate into these tensors only.

    Raises RuntimeError when there is no graph, a non-scalar has no gradient given, or the graph was used up.
    See https://docs.pytorch.org/docs/stable/generated/torch.autograd.backward.html

    >>> import tapeless as tl
    >>> x = tl.tensor([1.0, 2.0], requires_grad=True)
    >>> backward((x**2).sum())
    >>> x.grad
    tensor([2., 4.])
    """
    outputs = _as_tuple(tensors)
    roots = _roots(outputs, grad_tensors, create_graph)
    retain = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        run_backward(roots, create_graph=create_graph, retain_graph=retain)
        return
    targets = _as_tuple(inputs)
    if not targets:
        raise RuntimeError("`inputs` argument to `backward` cannot be empty; leave it out for all leaves.")
    found = run_backward(roots, create_graph=create_graph, retain_graph=retain, captures=_edges(targets))
    for target in targets:
        g = found.get(edge_of(target))
        if isinstance(target, GradientEdge):
            target = _leaf_of(target)
        if g is not None and not target.retains_grad:  # retain_grad has stored it already
            target._accumulate(g, True)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """Return the gradients of the sum of `outputs` with respect to each of `inputs`; nothing is accumulated.

    Arguments as `backward`; `allow_unused` gives None for inputs that no output depends on, and
    `materialize_grads` gives zeros instead. Raises RuntimeError for such inputs otherwise.
    See https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad.html

    >>> import tapeless as tl
    >>> x = tl.tensor(3.0, requires_grad=True)
    >>> (slope,) = grad(x**2, x, create_graph=True)
    >>> grad(slope, x)
    (tensor(2.),)
    """
    if is_grads_batched:
        raise NotImplementedError("is_grads_batched waits for vmap; call grad once for each gradient")
    if materialize_grads and allow_unused is False:
        raise ValueError("Expected allow_unused to be True or not passed when materialize_grads=True, but got: False.")
    allow_unused = materialize_grads if allow_unused is None else allow_unused
    wanted = _as_tuple(inputs)
    if not wanted:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty: name the tensors to differentiate by.")
    for i, tensor in enumerate(wanted):
        if not isinstance(tensor, GradientEdge) and not tensor.requires_grad:
            raise RuntimeError(
                f"One of the differentiated Tensors does not require grad: inputs[{i}], of shape "
                f"{list(tensor.shape)}. Call requires_grad_() on it before the forward pass."
            )
    roots = _roots(_as_tuple(outputs), grad_outputs, create_graph)
    retain = create_graph if retain_graph is None else retain_graph
    edges = [edge_of(tensor) for tensor in wanted]
    found = run_backward(roots, create_graph=create_graph, retain_graph=retain, captures=set(edges))
    answers = []
    for i, (tensor, edge) in enumerate(zip(wanted, edges, strict=True)):
        g = found.get(edge)
        if g is None and materialize_grads:
            g = np.zeros(*_shape_and_dtype(tensor))
        if g is None and not allow_unused:
            raise RuntimeError(
                f"The differentiated Tensor at index {i} appears to not have been used in the graph. Set "
                f"allow_unused=True if this is the desired behavior.\nIt has shape {list(_shape_and_dtype(tensor)[0])}."
            )
        answers.append(g if g is None or isinstance(g, TensorBase) else wrap(g.copy() if g.base is not None else g))
    return tuple(answers)


def _as_tuple(tensors: Any) -> tuple[Any, ...]:
    return (tensors,) if isinstance(tensors, (TensorBase, GradientEdge)) else tuple(tensors)


def _edges(tensors: Sequence[Any]) -> set[Any]:
    return {edge_of(tensor) for tensor in tensors}


def _roots(outputs: tuple[Any, ...], grads: Any, create_graph: bool) -> list[tuple[Any, Any]]:
    """Pair each output's edge with its gradient, checked."""
    given = (None,) * len(outputs) if grads is None else _as_tuple(grads)
    if len(given) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(given)} gradients")
    roots = []
    for i, (output, g) in enumerate(zip(outputs, given, strict=True)):
        edge = edge_of(output)
        if isinstance(output, GradientEdge):
            array = np.broadcast_to(np.zeros((), edge.dtype), edge.shape)  # no values are needed, nor any memory
        elif not output._requires_grad:
            raise RuntimeError(NO_GRAPH.format(index=i))
        else:
            array = output._array
        if g is None:
            if not is_scalar(array):
                raise RuntimeError(NOT_SCALAR.format(shape=list(array.shape)))
            if array.dtype.kind == "c":
                raise RuntimeError(NOT_REAL.format(dtype=array.dtype))
            seed = scalar_seed(array)
            roots.append((edge, wrap(seed) if create_graph else seed))
            continue
        if tuple(g.shape) != array.shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[{i}] has a shape of {g.shape} and output[{i}] has a shape of "
                f"{Size(array.shape)}."
            )
        if (array.dtype.kind == "c") != (g.dtype.kind == "c"):
            raise RuntimeError(
                "For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in "
                f"dtype: grad_output[{i}] has a dtype of {g.dtype} and output[{i}] has a dtype of {array.dtype}."
            )
        roots.append((edge, (g if isinstance(g, TensorBase) else wrap(g)) if create_graph else getattr(g, "_array", g)))
    return roots


def _leaf_of(edge: GradientEdge) -> Any:
    """Return the leaf that a `GradientEdge` leads to; raises RuntimeError for one of a computed tensor."""
    leaf = edge_of(edge)
    if not isinstance(leaf, TensorBase):
        raise RuntimeError(
            f"backward() can only accumulate into tensors, got the edge of {edge.node!r} in `inputs`. "
            "Use autograd.grad, which returns the gradient."
        )
    return leaf


def _shape_and_dtype(target: Any) -> tuple[Any, Any]:
    """Return both for a tensor or a `GradientEdge`."""
    if isinstance(target, GradientEdge):
        target = edge_of(target)
    return tuple(target.shape), target.dtype


def _tensor_backward(tensor: Any, gradient: Any, retain_graph: Any, create_graph: bool, inputs: Any) -> None:
    if gradient is None and inputs is None and not create_graph and tensor._view is None and tensor._node is not None:
        array = tensor._array
        if array.ndim == 0 and array.dtype.kind == "f":  # the loss of a training step: straight to the engine
            run_backward(((tensor._node, scalar_seed(array)),), retain_graph=bool(retain_graph))
            return
    backward((tensor,), None if gradient is None else (gradient,), retain_graph, create_graph, inputs)


_backward[0] = _tensor_backward
