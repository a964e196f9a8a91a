"""`gradcheck` and `gradgradcheck`: are the gradients what finite differences say?"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .._core.registry import FUNCTIONS
from .._core.tensor_base import TensorBase, wrap
from ._backward import grad

Options = dict[str, Any]


class GradcheckError(RuntimeError):
    """A gradient that finite differences do not confirm; raised by `gradcheck` and `gradgradcheck`."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Compare the gradients of `func` with central differences, for all outputs and inputs that require grad.

    Args:
        func: takes `inputs`, returns a Tensor or several.
        inputs: a Tensor or a tuple; those that require grad should be float64, and own all their memory.
        eps: how far an input is moved to either side.
        atol, rtol: how far apart the two may be, as in `allclose`.
        raise_exception: raise GradcheckError; otherwise return False.
        nondet_tol: how far two backward passes through the same graph may differ.
        check_undefined_grad: also check that a zero gradient gives zero gradients, one output at a time.
        check_grad_dtypes: also check that each gradient has the dtype of its input.
        fast_mode: compare one directional derivative instead of the whole Jacobian.
        masked: for sparse tensors, which there are none of here; without effect.
        check_backward_ad, check_batched_grad, check_batched_forward_grad, check_forward_ad: batched gradients
            and forward mode are not supported yet; asking for them raises NotImplementedError.

    Raises GradcheckError that names output, input and both values; ValueError when no input requires grad.
    See https://docs.pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradcheck.html

    >>> import tapeless as tl
    >>> x = tl.tensor([0.5, 2.0], dtype=tl.float64, requires_grad=True)
    >>> gradcheck(tl.exp, x)
    True
    """
    if check_forward_ad or check_batched_grad or check_batched_forward_grad or not check_backward_ad:
        raise NotImplementedError("gradcheck checks reverse mode only: no forward mode or batched gradients yet")
    tensors = _as_tuple(inputs)
    options = {"atol": atol, "rtol": rtol, "eps": eps, "nondet_tol": nondet_tol, "dtypes": check_grad_dtypes}
    try:
        active = _check_inputs(tensors)
        func, tensors = _as_real(func, tensors)
        outputs = _differentiable(func(*tensors))
        if not outputs:
            _check_flat(func, tensors, active, options)
            return True
        (_check_direction if fast_mode else _check_jacobians)(func, tensors, active, outputs, options)
        if check_undefined_grad:
            _check_zero(outputs, [tensors[j] for j in active])
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Check the gradients of the gradients: `gradcheck` of the function that is the backward pass of `func`.

    Args as `gradcheck`, and
        grad_outputs: the gradients to send back through `func`; random ones by default.
        gen_non_contig_grad_outputs: make the random ones non-contiguous.

    See https://docs.pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradgradcheck.html

    >>> import tapeless as tl
    >>> x = tl.tensor([0.5, 2.0], dtype=tl.float64, requires_grad=True)
    >>> gradgradcheck(tl.exp, x)
    True
    """
    if check_fwd_over_rev or not check_rev_over_rev:
        raise NotImplementedError("gradgradcheck checks reverse over reverse only: no forward mode yet")
    tensors = _as_tuple(inputs)
    if grad_outputs is None:
        outputs = _differentiable(func(*tensors))
        seeds = tuple(_random_like(output, gen_non_contig_grad_outputs, k) for k, output in enumerate(outputs))
    else:
        seeds = _as_tuple(grad_outputs)
    count = len(seeds)

    def backward_pass(*args: Any) -> tuple[Any, ...]:
        inner, gs = args[: len(args) - count], args[len(args) - count :]
        wanted = [t for t in inner if isinstance(t, TensorBase) and t._requires_grad]
        outputs = _differentiable(func(*inner))
        grads = grad(outputs, wanted, gs, create_graph=True, allow_unused=True)
        return tuple(g for g in grads if g is not None)

    return gradcheck(
        backward_pass, (*tensors, *seeds), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception,
        nondet_tol=nondet_tol, check_undefined_grad=check_undefined_grad, check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad, fast_mode=fast_mode, masked=masked,
    )  # fmt: skip


# -- Inputs and outputs ----------------------------------------------------------------------------------


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _differentiable(result: Any) -> list[Any]:
    """Return those of the results that a gradient can be sent back from."""
    return [t for t in _as_tuple(result) if isinstance(t, TensorBase) and t.requires_grad]  # type: ignore[attr-defined]


def _check_inputs(tensors: Sequence[Any]) -> list[int]:
    """Return the positions of the inputs to check, or refuse those that finite differences cannot move."""
    active = [j for j, t in enumerate(tensors) if isinstance(t, TensorBase) and t.requires_grad]  # type: ignore[attr-defined]
    if not active:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of the them have "
            "requires_grad=True. Make the inputs with requires_grad=True."
        )
    for j in active:
        array = tensors[j]._array
        if array.dtype not in (np.float64, np.complex128):
            warnings.warn(
                f"Input #{j} requires gradient and is not a double precision floating point or complex. "
                "This check will likely fail if all the inputs are not of double precision floating point or "
                "complex. "
                f"It is {array.dtype}: use x.double().",
                stacklevel=3,
            )
        if array.size and any(s == 0 and n > 1 for s, n in zip(array.strides, array.shape, strict=True)):
            raise GradcheckError(
                f"The {j}th input has a dimension with stride 0. gradcheck only supports inputs that are "
                "non-overlapping to be able to compute the numerical gradients correctly. You should call "
                ".contiguous on the input before passing it to gradcheck."
            )
        if not array.flags.writeable:
            raise GradcheckError(f"The {j}th input is read-only; gradcheck has to move its elements: pass x.clone().")
    return active


def _as_real(func: Callable[..., Any], tensors: tuple[Any, ...]) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return the same function of real numbers: a complex input or output becomes two real ones.

    A complex gradient is right when those of both parts are: see `engine` for the convention.
    """
    if not any(
        isinstance(t, TensorBase) and t._array.dtype.kind == "c" for t in (*tensors, *_as_tuple(func(*tensors)))
    ):
        return func, tensors
    view_as_real, view_as_complex = FUNCTIONS["view_as_real"], FUNCTIONS["view_as_complex"]
    moved = {j for j, t in enumerate(tensors) if isinstance(t, TensorBase) and t._requires_grad and t.is_complex()}  # type: ignore[attr-defined]

    def real(*args: Any) -> tuple[Any, ...]:
        results = _as_tuple(func(*[view_as_complex(x) if j in moved else x for j, x in enumerate(args)]))
        return tuple(view_as_real(y) if isinstance(y, TensorBase) and y.is_complex() else y for y in results)  # type: ignore[attr-defined]

    leaves = list(tensors)
    for j in moved:
        leaves[j] = wrap(
            tensors[j]._array[..., None].view(np.float64 if tensors[j].dtype == np.complex128 else np.float32)
        )
        leaves[j]._requires_grad = True
    return real, tuple(leaves)


def _random_like(output: Any, non_contiguous: bool, seed: int) -> Any:
    """Return a gradient for `output`: random, the same in each run, with no small component."""
    array = output._array
    values = _direction(array.shape, seed).astype(array.dtype)
    if array.dtype.kind == "c":
        values = values + 1j * _direction(array.shape, seed + 1000)
    if non_contiguous and array.ndim:
        values = np.repeat(values, 2, axis=-1)[..., ::2]
    seed_gradient = wrap(values)
    seed_gradient._requires_grad = True
    return seed_gradient


def _direction(shape: Any, seed: int) -> Any:
    """Return random numbers of size 0.5 to 1: no element of a Jacobian can hide behind a small one."""
    random = np.random.default_rng(seed)
    return np.asarray(random.uniform(0.5, 1, shape) * random.choice([-1.0, 1.0], shape))


# -- Finite differences ----------------------------------------------------------------------------------


@contextmanager
def _moved(array: Any) -> Iterator[Any]:
    """Lend out `array` to be changed, and put its values back."""
    saved = array.copy()
    try:
        yield saved
    finally:
        array[...] = saved


def _values(func: Callable[..., Any], tensors: Sequence[Any], differentiable: bool) -> list[Any]:
    """Return copies of the results of `func`: of those with a gradient, or of those without."""
    results = (t for t in _as_tuple(func(*tensors)) if isinstance(t, TensorBase))
    return [t._array.copy() for t in results if t.requires_grad == differentiable]  # type: ignore[attr-defined]


def _differences(func: Any, tensors: Any, j: int, change: Any, eps: float, differentiable: bool = True) -> list[Any]:
    """Return the derivative of each result when input `j` moves along `change`."""
    array = tensors[j]._array
    with _moved(array) as start:
        array[...] = start + change * eps
        above = _values(func, tensors, differentiable)
        array[...] = start - change * eps
        below = _values(func, tensors, differentiable)
    with np.errstate(invalid="ignore"):
        return [(_real(a) - _real(b)) / (2 * eps) for a, b in zip(above, below, strict=True)]


def _real(array: Any) -> Any:
    return array.astype(np.float64) if array.dtype.kind in "iub" else array


def _numerical_jacobians(func: Any, tensors: Any, j: int, outputs: Any, eps: float) -> list[Any]:
    """Return the Jacobian of each output: a row an element of input `j`, a column one of the output."""
    array = tensors[j]._array
    jacobians = [np.zeros((array.size, output._array.size)) for output in outputs]
    change = np.zeros(array.shape)
    for row, place in enumerate(np.ndindex(array.shape)):
        change[place] = 1
        for jacobian, difference in zip(jacobians, _differences(func, tensors, j, change, eps), strict=True):
            jacobian[row] = difference.reshape(-1)
        change[place] = 0
    return jacobians


# -- The comparisons -------------------------------------------------------------------------------------


def _send_back(output: Any, g: Any, wanted: Any, options: Options) -> list[Any]:
    """Return the gradients of one output as arrays, zeros where it does not depend on an input."""
    grads = grad([output], wanted, [wrap(g)], retain_graph=True, allow_unused=True)
    arrays = []
    for found, t in zip(grads, wanted, strict=True):
        array = np.zeros(t._array.shape) if found is None else found._array
        if array.shape != t._array.shape:
            raise GradcheckError(f"Gradient has shape {list(array.shape)}, its input {list(t._array.shape)}")
        if options["dtypes"] and found is not None and array.dtype != t._array.dtype:
            raise GradcheckError(f"Gradient has dtype mismatch: {array.dtype} for an input of {t._array.dtype}")
        arrays.append(array)
    return arrays


def _check_jacobians(func: Any, tensors: Any, active: list[int], outputs: Any, options: Options) -> None:
    """Compare whole Jacobians, element by element."""
    wanted = [tensors[j] for j in active]
    analytical = [_analytical_jacobians(output, wanted, options) for output in outputs]
    for k, j in enumerate(active):
        numerical = _numerical_jacobians(func, tensors, j, outputs, options["eps"])
        for i in range(len(outputs)):
            _compare(numerical[i], analytical[i][k], i, j, tensors, outputs, options)


def _analytical_jacobians(output: Any, wanted: Any, options: Options) -> list[Any]:
    """Return the Jacobian of one output with respect to each input, by one backward pass an element."""
    array = output._array
    jacobians = [np.zeros((t._array.size, array.size)) for t in wanted]
    for column, place in enumerate(np.ndindex(array.shape)):
        g = np.zeros(array.shape, array.dtype)
        g[place] = 1
        first, second = (_send_back(output, g, wanted, options) for _ in range(2))
        for jacobian, one, two in zip(jacobians, first, second, strict=True):
            _check_repeatable(one, two, options)
            jacobian[:, column] = one.reshape(-1)
    return jacobians


def _check_direction(func: Any, tensors: Any, active: list[int], outputs: Any, options: Options) -> None:
    """Compare one number for each output and input: the derivative along a random direction."""
    wanted = [tensors[j] for j in active]
    ends = [_direction(output._array.shape, 100 + i).astype(output._array.dtype) for i, output in enumerate(outputs)]
    sent = [_send_back(output, end, wanted, options) for output, end in zip(outputs, ends, strict=True)]
    for k, j in enumerate(active):
        start = _direction(tensors[j]._array.shape, j)
        differences = _differences(func, tensors, j, start, options["eps"])
        for i, (output, end) in enumerate(zip(outputs, ends, strict=True)):
            _check_repeatable(sent[i][k], _send_back(output, end, wanted, options)[k], options)
            numerical, analytical = (differences[i] * end).sum(), (sent[i][k] * start).sum()
            _compare(np.full((1, 1), numerical), np.full((1, 1), analytical), i, j, tensors, outputs, options)


def _check_repeatable(one: Any, two: Any, options: Options) -> None:
    """Refuse a backward rule that gives something else the second time."""
    if not np.allclose(one, two, rtol=0, atol=options["nondet_tol"], equal_nan=True):
        raise GradcheckError(
            "Backward is not reentrant, i.e., running backward with same input and grad_output "
            f"multiple times gives different values. The tolerance for nondeterminism was "
            f"{options['nondet_tol']}, the difference is {np.nanmax(np.abs(one - two))}."
        )


def _compare(numerical: Any, analytical: Any, i: int, j: int, tensors: Any, outputs: Any, options: Options) -> None:
    """Raise unless both are close; say where they are furthest apart."""
    close = np.isclose(analytical, numerical, rtol=options["rtol"], atol=options["atol"], equal_nan=True)
    if close.all():
        return
    apart = np.where(close, -1, np.nan_to_num(np.abs(analytical - numerical), nan=np.inf, posinf=np.inf))
    row, column = np.unravel_index(np.argmax(apart), apart.shape)
    where = "along the random direction of fast mode (use fast_mode=False to see which elements)"
    if numerical.size > 1 or tensors[j]._array.size == outputs[i]._array.size == 1:
        source = [int(n) for n in np.unravel_index(row, tensors[j]._array.shape)]
        target = [int(n) for n in np.unravel_index(column, outputs[i]._array.shape)]
        where = f"for element {target} of the output and element {source} of the input"
    raise GradcheckError(
        f"Jacobian mismatch for output {i} with respect to input {j},\n"
        f"numerical:{numerical}\nanalytical:{analytical}\n"
        f"{int((~close).sum())} of {close.size} derivatives differ by more than atol={options['atol']} + "
        f"rtol={options['rtol']}; furthest apart {where}: numerical {numerical[row, column]:.8g}, "
        f"analytical {analytical[row, column]:.8g}.\n"
        "Is the rule wrong, or the function not smooth here (a kink, a jump, a tie, float32)?"
    )


def _check_zero(outputs: Any, wanted: Any) -> None:
    """A zero gradient of one output, the others having none, must give zeros or nothing."""
    for output in outputs:
        g = np.zeros(output._array.shape, output._array.dtype)
        found = grad([output], wanted, [wrap(g)], retain_graph=True, allow_unused=True)
        if any(x is not None and x._array.any() for x in found):
            raise GradcheckError(
                "Expected all input grads to be undefined or zero when all output grads are undefined or "
                f"zero. They are {[x if x is None else x._array for x in found]}."
            )


def _check_flat(func: Any, tensors: Any, active: list[int], options: Options) -> None:
    """Without a differentiable output, the function may not move when its inputs do."""
    for j in active:
        change = _direction(tensors[j]._array.shape, j)
        for difference in _differences(func, tensors, j, change, options["eps"], differentiable=False):
            if np.abs(difference).max(initial=0) > options["atol"]:
                raise GradcheckError(
                    "Numerical gradient for function expected to be zero\n"
                    f"No output requires grad, and yet input {j} moves one: was the graph cut by detach()?"
                )
