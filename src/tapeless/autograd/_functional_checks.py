"""What the functions of `autograd.functional` get and give: tensors or tuples, checked, and zeros for no gradient.

Inside, everything is a tuple of tensors; these helpers lead there and back, and hold the checks of `strict`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._core.tensor_base import TensorBase
from .._creation import zeros_like
from ._backward import grad

Tensors = tuple[Any, ...]

OUTPUTS = "outputs of the user-provided function"

_INDEPENDENT = " This is not allowed in strict mode."
_FLAT = {
    "outputs": "Output {i} of the user-provided function does not require gradients. The outputs must be computed in "
    "a differentiable manner from the input when running in strict mode.",
    "jacobian": "While computing the hessian, found that the jacobian of the user-provided function with respect to "
    "input {i} is independent of the input. This is not allowed in strict mode. You should ensure that your function "
    "is twice differentiable and that the jacobian depends on the inputs (this would be violated by a linear function "
    "for example).",
    "gradients": "The jacobian of the user-provided function is independent of input {i}. This is not allowed in "
    "strict mode when create_graph=True.",
    "hessian": "The hessian of the user-provided function is independent of input {i}. This is not allowed in strict "
    "mode when create_graph=True.",
}
UNUSED_INPUT = "The output of the user-provided function is independent of input {i}." + _INDEPENDENT
UNUSED_OUTPUT = "Output {output} of the user-provided function is independent of input {i}." + _INDEPENDENT
UNUSED_COTANGENT = (
    "The gradient with respect to the input is independent of entry {i} in the grad_outputs when using the double "
    "backward trick to compute forward mode gradients." + _INDEPENDENT
)
FLAT_JACOBIAN = "The jacobian of the user-provided function is independent of input {i}." + _INDEPENDENT
FLAT_HESSIAN = (
    "The hessian of the user-provided function is independent of entry {i} in the grad_jacobian. This is not allowed "
    "in strict mode as it prevents from using the double backward trick to replace forward mode AD."
)


def as_tensors(value: Any, what: str, function: str) -> tuple[bool, Tensors]:
    """Return whether `value` is a tuple, and it as a tuple; raises TypeError for all but tensors in it."""
    if isinstance(value, TensorBase):
        return False, (value,)
    expected = f"The {what} given to {function} must be either a Tensor or a tuple of Tensors but the "
    if not isinstance(value, tuple):
        raise TypeError(f"{expected}given {what} has type {type(value)}.")
    for i, tensor in enumerate(value):
        if not isinstance(tensor, TensorBase):
            raise TypeError(f"{expected}value at index {i} has type {type(tensor)}.")
    return True, value


def inputs_for(inputs: Tensors, create_graph: bool) -> Tensors:
    """Return what the user's function gets: tensors of a graph of their own, or one that goes on to the inputs."""
    return tuple(
        [
            x.view(x.shape) if create_graph and x.requires_grad else x.detach().requires_grad_()  # type: ignore[attr-defined]
            for x in inputs
        ]
    )


def finished(tensors: Tensors, create_graph: bool) -> Tensors:
    """Return the results, without their graph unless it was asked for."""
    return tensors if create_graph else tuple([t.detach() for t in tensors])


def vector_for(
    v: Any, like: Tensors, is_tuple: bool, function: str, none_allowed_for: str, create_graph: bool
) -> Tensors:
    """Return the vector of a product as a tuple, with the shapes of `like`; raises RuntimeError for other shapes."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(
                f"The vector v can only be None if {none_allowed_for} a single Tensor with a single element."
            )
        return tuple([zeros_like(x) + 1 for x in like])
    _, given = as_tensors(v, "v", function)
    given = given if create_graph else tuple([t.detach() for t in given])
    if len(given) != len(like):
        if is_tuple:
            raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(given)}.")
        raise RuntimeError("The given v should contain a single Tensor.")
    for i, (t, x) in enumerate(zip(given, like, strict=True)):
        if t.shape != x.shape:
            which = f"Entry {i} in v" if is_tuple else "v"
            raise RuntimeError(f"{which} has invalid size: should be {_size(x)} but got {_size(t)}.")
    return given


def _size(tensor: Any) -> str:
    return f"torch.Size({list(tensor.shape)})"


def single_output(func: Callable[..., Any], inputs: Tensors, function: str, strict: bool) -> Any:
    """Call a function that has to return one number; raises RuntimeError when it returns another thing."""
    is_tuple, (out, *more) = as_tensors(func(*inputs), OUTPUTS, function)
    require_graph((out, *more), "outputs", strict)
    if is_tuple or more:
        raise RuntimeError(f"The function given to {function} should return a single Tensor")
    if out.numel() != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {function} should contain a single element")
    return out


def require_graph(tensors: Sequence[Any], kind: str, strict: bool) -> None:
    """In strict mode raise RuntimeError for the first tensor that does not depend on anything."""
    if strict:
        for i, tensor in enumerate(tensors):
            if not tensor.requires_grad:
                raise RuntimeError(_FLAT[kind].format(i=i))


def gradients(
    outputs: Tensors, inputs: Tensors, v: Tensors | None, create_graph: bool, retain: bool = False
) -> Tensors:
    """Return `autograd.grad` of those outputs that have a graph; None for inputs that none depends on."""
    pairs = [(out, t) for out, t in zip(outputs, v or (None,) * len(outputs), strict=True) if out.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    kept, vectors = zip(*pairs)
    vectors = tuple([t if t is None or t.is_complex() or out.is_complex() else t.to(out.dtype) for out, t in pairs])
    return grad(
        kept, inputs, vectors, create_graph=create_graph, retain_graph=retain or create_graph, allow_unused=True
    )


def with_zeros(grads: Tensors, like: Tensors, strict: bool, unused: str, flat: str = "") -> Tensors:
    """Return the gradients with zeros for None; in strict mode raise RuntimeError instead.

    Args:
        unused: the message for None.
        flat: a kind of `require_graph`, when in strict mode each gradient has to have a graph, too.
    """
    results = []
    for i, (g, x) in enumerate(zip(grads, like, strict=True)):
        if strict and g is None:
            raise RuntimeError(unused.format(i=i))
        if strict and flat and not g.requires_grad:
            raise RuntimeError(_FLAT[flat].format(i=i))
        results.append(zeros_like(x) if g is None else g)
    return tuple(results)
