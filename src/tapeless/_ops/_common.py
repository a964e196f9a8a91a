"""What the declarations share: dims, the axes that gradients are spread over, the two elementwise families."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from .._core.function import Function, raise_broadcast_error
from .._core.modes import state
from .._core.registry import plain_function
from .._core.tensor_base import TensorBase, wrap
from .._dtypes import promote, promote_to_float


def as_int(value: Any) -> int:
    """Return an int from anything that stands for one (NumPy ints, 0-d integer tensors)."""
    return operator.index(value)


def normal_dim(dim: Any, ndim: int) -> int:
    """Return `dim` counted from the front. Raises IndexError, in PyTorch's words, when there is no such dim."""
    dim = as_int(dim)
    bound = max(ndim, 1)
    if not -bound <= dim < bound:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-bound}, {bound - 1}], but got {dim})")
    return dim % bound


def normal_dims(dim: Any, ndim: int) -> tuple[int, ...]:
    """Return the axes that `dim` (None, an int, or several) means; none given means all."""
    if dim is None or (isinstance(dim, (tuple, list)) and len(dim) == 0):
        return tuple(range(ndim))
    if not isinstance(dim, (tuple, list)):
        dim = (dim,)
    axes = tuple(normal_dim(d, ndim) for d in dim)
    if len(set(axes)) != len(axes):
        raise RuntimeError(f"dim {axes[-1]} appears multiple times in the list of dims\nThe dims are {list(dim)}.")
    return axes if ndim else ()


@functools.cache
def zero(dtype: Any) -> Any:
    """Return a 0-d zero of a dtype: NumPy takes half a microsecond longer to convert a Python number."""
    return np.zeros((), dtype)


def check_not_empty(name: str, shape: Any, dim: int) -> None:
    """Refuse to choose among no elements along `dim`, in PyTorch's words."""
    if shape and shape[dim] == 0:
        raise IndexError(
            f"{name}(): Expected reduction dim {dim} to have non-zero size.\n"
            f"The shape is {list(shape)}: there is nothing to choose."
        )


def check_has_dims(what: str, ndim: int) -> None:
    """Refuse a 0-d tensor where a dim is needed, in PyTorch's words."""
    if ndim == 0:
        raise RuntimeError(what)


def both_arrays(input: Any, other: Any) -> tuple[Any, Any]:
    """Give an operand that is a Python number the dtype of the other, where NumPy would not by itself."""
    dtype = input.dtype if hasattr(input, "dtype") else other.dtype
    return as_array(input, dtype), as_array(other, dtype)


def is_writeable(array: Any) -> bool:
    """Whether an ndarray may be written to; other kinds of arrays say nothing of it."""
    flags = getattr(array, "flags", None)
    return flags is not None and bool(flags.writeable)


def as_array(x: Any, dtype: Any = None) -> Any:
    """Return a number as an array of 0 dims; arrays, of whatever kind, stay what they are but for the dtype."""
    if not hasattr(x, "ndim") or isinstance(x, np.generic):
        return np.asarray(x, dtype)
    return x if dtype is None or x.dtype == dtype else x.astype(dtype)


@functools.lru_cache(maxsize=64)
def ones(count: int, dtype: Any) -> Any:
    """Return a vector of ones: its product with a small matrix is a sum over rows three times as fast as `np.sum`."""
    return np.ones(count, dtype)


def spread(g: Any, axes: tuple[int, ...], shape: tuple[int, ...], keepdim: bool) -> Any:
    """Repeat a reduction's gradient over the axes that the reduction removed."""
    if type(g) is np.ndarray and g.ndim == 0:  # np.broadcast_to is written in Python: 2.4 us, and this takes 0.6
        out = np.ndarray(shape, g.dtype, g, 0, (0,) * len(shape))
        out.flags.writeable = False
        return out
    if not keepdim and axes and g.shape != ():
        g = g.reshape(tuple([1 if i in axes else n for i, n in enumerate(shape)]))
    return np.broadcast_to(g, shape)


def rows_of(g: Any, count: int) -> Any:
    """Return a matrix with the vector `g` as each of its rows: a view, and not to write to."""
    if type(g) is np.ndarray:  # for the reason that `spread` names
        out = np.ndarray((count, g.shape[0]), g.dtype, g, 0, (0, g.strides[0]))
        out.flags.writeable = False
        return out
    return np.broadcast_to(g, (count, g.shape[0]))


# The short ways below do what `Function.apply` does, for the case that makes up most of a program: plain float
# tensors, no options. They save a third of the cost of an operation on small tensors (measured: 3.7 to 2.7 us).
# Where `forward` would only call the NumPy function (`direct`), they do so without it.


def _short_unary(cls: type[Unary]) -> Callable[..., Any]:
    general, differentiable, compute = plain_function(cls), cls.mask & 1, _numpy_alone(cls)

    def function(input: Any, *args: Any, **kwargs: Any) -> Any:
        if args or kwargs or not isinstance(input, TensorBase) or input._view is not None:
            return general(input, *args, **kwargs)
        x = input._array
        if x.dtype.kind != "f":
            return general(input)
        node = _new(cls)
        node.saved = None
        result = wrap(node.forward(x) if compute is None else compute(x))
        if differentiable and input._requires_grad and state.grad_enabled:
            node.record(1, (input,), (x,), result._array)
            result._node = node
            result._requires_grad = True
        return result

    return function


def check_operands(cls: type[Function], input: Any, other: Any) -> None:
    """Refuse numbers where PyTorch wants tensors: both operands, or one whose place has to be a tensor's."""
    name, arrays = cls.names.split()[0], [hasattr(input, "dtype"), hasattr(other, "dtype")]
    for i, (param, is_array) in enumerate(zip(cls.params, arrays, strict=False)):
        if not is_array and (i < cls.strict or not any(arrays)) and not (i == 1 and other is None):
            value = (input, other)[i]
            raise TypeError(
                f"{name}(): argument '{param}' (position {i + 1}) must be Tensor, not {type(value).__name__}"
            )


def short_binary(cls: type[Function], compute: Any = None) -> Callable[..., Any]:
    """Return the public function of two operands; for float tensors `compute`, if given, is all of `forward`."""
    general, differentiable, strict = plain_function(cls), cls.mask, cls.strict

    def function(input: Any, other: Any = None, *args: Any, **kwargs: Any) -> Any:
        if (
            args
            or kwargs
            or not isinstance(input, TensorBase)
            or not isinstance(other, TensorBase)
            or input._view is not None
            or other._view is not None
        ):
            if not (isinstance(input, TensorBase) and (strict < 2 or isinstance(other, TensorBase))):
                check_operands(cls, input, other)
            return general(input, *(() if other is None else (other,)), *args, **kwargs)
        x, y = input._array, other._array
        dtype = x.dtype
        if dtype is not y.dtype or dtype.kind != "f":
            return general(input, other)
        node = _new(cls)
        node.saved = None
        try:
            result = wrap(node.forward(x, y) if compute is None else compute(x, y))
        except ValueError as error:
            raise_broadcast_error(error, (x, y))
            raise
        if input._requires_grad or other._requires_grad:
            mask = differentiable & (input._requires_grad | other._requires_grad << 1)
            if mask and state.grad_enabled:
                node.record(mask, (input, other), (x, y), result._array)
                result._node = node
                result._requires_grad = True
        return result

    return function


def _numpy_alone(cls: type[Unary] | type[Binary]) -> Any:
    """Return the NumPy function that is all of `forward`, or None where there is more to do."""
    return cls.numpy if cls.direct or cls.forward in (Unary.forward, Binary.forward) else None


_new = object.__new__


class Unary(Function):
    """One tensor in, one of the same shape out, by the NumPy function `numpy`."""

    direct: ClassVar[bool] = False  # whether a `forward` of its own gives float tensors without options just to `numpy`

    def forward(self, input: Any) -> Any:
        """Run the NumPy function."""
        return self.numpy(input)

    @classmethod
    def public_function(cls) -> Callable[..., Any]:
        """Return the public function, with the short way for float tensors."""
        return _short_unary(cls)


class FloatUnary(Unary):
    """The same, where integers become floats first."""

    promote = promote_to_float


class Binary(Function):
    """Two operands that broadcast and are brought to one dtype, by the NumPy function `numpy`."""

    direct: ClassVar[bool] = False  # as in `Unary`

    promote = promote

    def forward(self, input: Any, other: Any) -> Any:
        """Run the NumPy function."""
        return self.numpy(input, other)

    @classmethod
    def public_function(cls) -> Callable[..., Any]:
        """Return the public function, with the short way for two tensors of one float dtype."""
        return short_binary(cls, _numpy_alone(cls))


class FloatBinary(Binary):
    """The same, where integers become floats first."""

    promote = promote_to_float


Rule = Callable[..., Any]
