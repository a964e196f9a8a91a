"""Jacobians, Hessians and their products with vectors, of functions of tensors.

See https://docs.pytorch.org/docs/stable/autograd.html#functional-higher-level-api. Everything here is made of backward
passes. A product from the other side (`jvp`) is two of them: the first is linear in the vector that it starts from, and
its gradient by that vector is the Jacobian times another one (Townsend, "A new trick for calculating Jacobian vector
products", 2017).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._core.modes import enable_grad
from .._core.registry import FUNCTIONS
from .._creation import zeros_like
from ._functional_checks import (
    FLAT_HESSIAN,
    FLAT_JACOBIAN,
    OUTPUTS,
    UNUSED_COTANGENT,
    UNUSED_INPUT,
    UNUSED_OUTPUT,
    Tensors,
    as_tensors,
    finished,
    gradients,
    inputs_for,
    require_graph,
    single_output,
    vector_for,
    with_zeros,
)

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

_OF_INPUT = "the input to the user-provided function is"
_OF_OUTPUT = "the user-provided function returns"


@enable_grad()
def vjp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return the function's outputs, and the vector `v` times its Jacobian: one backward pass.

    Args:
        func: takes tensors, returns a Tensor or a tuple of them.
        inputs: a Tensor or a tuple of them, what `func` is called with.
        v: as the outputs in number and shapes; may be left out for a single output of one element.
        create_graph: give results that can be differentiated, by inputs and `v` that require grad.
        strict: raise where an output does not depend on an input, instead of giving zeros.

    The product has the shapes of the inputs, and is a tuple when they are. Raises TypeError for other things than
    tensors, RuntimeError for a `v` of another shape and what `strict` finds.
    See https://docs.pytorch.org/docs/stable/generated/torch.autograd.functional.vjp.html

    >>> import tapeless as tl
    >>> vjp(lambda x: x**2, tl.tensor([1.0, 2.0]), tl.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    is_tuple, given = as_tensors(inputs, "inputs", "vjp")
    xs = inputs_for(given, create_graph)
    outputs_tuple, outputs = as_tensors(func(*xs), OUTPUTS, "vjp")
    require_graph(outputs, "outputs", strict)
    vector = vector_for(v, outputs, outputs_tuple, "vjp", _OF_OUTPUT, create_graph)
    product = with_zeros(
        gradients(outputs, xs, vector, create_graph), xs, strict, UNUSED_INPUT, "gradients" if create_graph else ""
    )
    return _unpacked(outputs, outputs_tuple, create_graph), _unpacked(product, is_tuple, create_graph)


@enable_grad()
def jvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return the function's outputs, and its Jacobian times the vector `v`: two backward passes.

    Arguments as `vjp`, but `v` is as the inputs, and the product as the outputs.
    See https://docs.pytorch.org/docs/stable/generated/torch.autograd.functional.jvp.html

    >>> import tapeless as tl
    >>> jvp(lambda x: (x**2).sum(), tl.tensor([1.0, 2.0]), tl.tensor([1.0, 10.0]))
    (tensor(5.), tensor(42.))
    """
    is_tuple, given = as_tensors(inputs, "inputs", "jvp")
    xs = inputs_for(given, create_graph)
    vector = vector_for(v, xs, is_tuple, "jvp", _OF_INPUT, create_graph)
    outputs_tuple, outputs = as_tensors(func(*xs), OUTPUTS, "jvp")
    require_graph(outputs, "outputs", strict)
    starts = _starts(outputs)
    first = with_zeros(gradients(outputs, xs, starts, True), xs, strict, UNUSED_INPUT, "gradients")
    product = with_zeros(
        gradients(first, starts, vector, create_graph),
        outputs,
        strict,
        UNUSED_COTANGENT,
        "gradients" if create_graph else "",
    )
    return _unpacked(outputs, outputs_tuple, create_graph), _unpacked(product, outputs_tuple, create_graph)


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """Return the derivatives of every element of the outputs by every element of the inputs.

    Args:
        func, inputs, create_graph, strict: as in `vjp`.
        vectorize, strategy: matters of speed in PyTorch; checked as there, without effect: one backward pass for each
            element of the outputs.

    A Tensor of shape (output's shape + input's shape); a tuple of them for a tuple of inputs, and a tuple of what
    one output has for a tuple of outputs. Raises as `vjp`, and for options that PyTorch does not combine.
    See https://docs.pytorch.org/docs/stable/generated/torch.autograd.functional.jacobian.html

    >>> import tapeless as tl
    >>> jacobian(lambda x, y: x * y, (tl.tensor([1.0, 2.0]), tl.tensor(3.0)))
    (tensor([[3., 0.],
            [0., 3.]]), tensor([1., 2.]))
    """
    _check_strategy(strategy, " Hint: If your function has more outputs than inputs, use forward-mode.")
    _check_options(create_graph, strict, vectorize, strategy)
    is_tuple, given = as_tensors(inputs, "inputs", "jacobian")
    outputs_tuple, rows = _jacobian(func, given, create_graph, strict)
    results = tuple([_unpacked(row, is_tuple, create_graph) for row in rows])
    return results if outputs_tuple else results[0]


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """Return the second derivatives of a function that returns one number.

    Arguments as `jacobian`. A Tensor of shape (input's shape + input's shape), for a tuple of inputs a tuple of
    tuples: ``[i][j]`` is by the i-th and the j-th. Raises as `jacobian`, and RuntimeError for other outputs than a
    single Tensor of one element.
    See https://docs.pytorch.org/docs/stable/generated/torch.autograd.functional.hessian.html

    >>> import tapeless as tl
    >>> hessian(lambda x: (x**3).sum(), tl.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    _check_strategy(outer_jacobian_strategy, "")
    is_tuple, given = as_tensors(inputs, "inputs", "hessian")
    _check_options(create_graph, strict, vectorize, outer_jacobian_strategy)

    def slopes(*xs: Any) -> Tensors:
        out = single_output(func, xs, "hessian", strict)
        found = with_zeros(gradients((out.squeeze(),), xs, None, True), xs, False, UNUSED_INPUT)
        require_graph(found, "jacobian", strict)
        return found

    rows = _jacobian(slopes, given, create_graph, strict)[1]
    results = tuple([_unpacked(row, is_tuple, create_graph) for row in rows])
    return results if is_tuple else results[0]


@enable_grad()
def vhp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return the function's output, and the vector `v` times its Hessian: two backward passes.

    Arguments as `vjp`; `func` returns one number, and `v` is as the inputs.
    See https://docs.pytorch.org/docs/stable/generated/torch.autograd.functional.vhp.html

    >>> import tapeless as tl
    >>> vhp(lambda x: (x**3).sum(), tl.tensor([1.0, 2.0]), tl.tensor([1.0, 10.0]))
    (tensor(9.), tensor([  6., 120.]))
    """
    is_tuple, given = as_tensors(inputs, "inputs", "vhp")
    xs = inputs_for(given, create_graph)
    vector = vector_for(v, xs, is_tuple, "vhp", _OF_INPUT, create_graph)
    output = single_output(func, xs, "vhp", strict)
    slopes = with_zeros(gradients((output,), xs, None, True), xs, strict, UNUSED_INPUT, "jacobian")
    product = with_zeros(
        gradients(slopes, xs, vector, create_graph), xs, strict, FLAT_JACOBIAN, "hessian" if create_graph else ""
    )
    return _unpacked((output,), False, create_graph), _unpacked(product, is_tuple, create_graph)


@enable_grad()
def hvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return the function's output, and its Hessian times the vector `v`: three backward passes.

    Arguments as `vhp`, which gives the same with one pass less where second derivatives can be exchanged.
    See https://docs.pytorch.org/docs/stable/generated/torch.autograd.functional.hvp.html

    >>> import tapeless as tl
    >>> hvp(lambda x: (x**3).sum(), tl.tensor([1.0, 2.0]), tl.tensor([1.0, 10.0]))
    (tensor(9.), tensor([  6., 120.]))
    """
    is_tuple, given = as_tensors(inputs, "inputs", "hvp")
    xs = inputs_for(given, create_graph)
    vector = vector_for(v, xs, is_tuple, "hvp", _OF_INPUT, create_graph)
    output = single_output(func, xs, "hvp", strict)
    slopes = with_zeros(gradients((output,), xs, None, True), xs, strict, UNUSED_INPUT, "jacobian")
    starts = _starts(slopes)
    second = with_zeros(gradients(slopes, xs, starts, True), xs, strict, FLAT_JACOBIAN, "hessian")
    product = with_zeros(
        gradients(second, starts, vector, create_graph), xs, strict, FLAT_HESSIAN, "hessian" if create_graph else ""
    )
    return _unpacked((output,), False, create_graph), _unpacked(product, is_tuple, create_graph)


@enable_grad()
def _jacobian(
    func: Callable[..., Any], inputs: Tensors, create_graph: bool, strict: bool
) -> tuple[bool, list[Tensors]]:
    """Return whether the outputs are a tuple, and for each of them the Jacobians by all inputs."""
    xs = inputs_for(inputs, create_graph)
    is_tuple, outputs = as_tensors(func(*xs), OUTPUTS, "jacobian")
    require_graph(outputs, "outputs", strict)
    stack, rows = FUNCTIONS["stack"], []
    for i, out in enumerate(outputs):
        unused = UNUSED_OUTPUT.replace("{output}", str(i))
        lines = []
        for element in out.reshape(-1).unbind():
            found = gradients((element,), xs, None, create_graph, retain=True)
            lines.append(with_zeros(found, xs, strict, unused, "gradients" if create_graph else ""))
        columns = zip(*lines) if lines else [()] * len(xs)
        rows.append(tuple([stack(list(c)).reshape((*out.shape, *x.shape)) for c, x in zip(columns, xs, strict=True)]))
    return is_tuple, rows


def _starts(outputs: Tensors) -> Tensors:
    """Return what a pass starts from that is to be differentiated by it; the values do not matter, it is linear."""
    return tuple([zeros_like(out).requires_grad_() for out in outputs])


def _unpacked(tensors: Tensors, is_tuple: bool, create_graph: bool) -> Any:
    """Return results as the caller passed the inputs: a tuple, or the only tensor."""
    results = finished(tensors, create_graph)
    return results if is_tuple else results[0]


def _check_strategy(strategy: str, hint: str) -> None:
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(f'Expected strategy to be either "forward-mode" or "reverse-mode".{hint}')


def _check_options(create_graph: bool, strict: bool, vectorize: bool, strategy: str) -> None:
    """Raise for options that PyTorch does not take together, so that a program behaves the same there."""
    name = "torch.autograd.functional.jacobian"
    if strategy == "forward-mode" and create_graph:
        raise NotImplementedError(
            f'{name}: `create_graph=True` and `strategy="forward-mode"` are not supported together (yet). Please '
            'either set `create_graph=False` or `strategy="reverse-mode"`.'
        )
    if strategy == "forward-mode" and not vectorize:
        raise NotImplementedError(
            "Computing Jacobian using forward-AD or forward-over-reverse Hessian isonly implemented for "
            "`vectorize=True`."
        )
    if strict and vectorize:
        raise RuntimeError(
            f"{name}: `strict=True` and `vectorized=True` are not supported together. Please either set "
            "`strict=False` or `vectorize=False`."
        )
