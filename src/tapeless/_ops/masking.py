"""Choosing by condition: where, masks, limits."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import NUMPY, check_apart, composite, store
from .._core.tensor_base import TensorBase, unwrap, wrap
from .._dtypes import bool_, promote, scalar_name, uint8
from ._common import as_array


def _promote_where(condition: Any, input: Any, other: Any) -> Any:
    if getattr(condition, "dtype", bool_) is not bool_ and condition.dtype != uint8:
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype "
            f"{scalar_name(condition.dtype)}\nCompare it with something: where(x != 0, ...)."
        )
    return (condition, *promote(input, other))


class Where(Function):
    """`input` where `condition` holds, `other` elsewhere; all three broadcast.

    See https://docs.pytorch.org/docs/stable/generated/torch.where.html

    >>> import tapeless as tl
    >>> tl.where(tl.tensor([True, False]), 1.0, 2.0)
    tensor([1., 2.])
    """

    names = "where"
    methods = ""
    numpy = np.where
    promote = _promote_where

    def forward(self, condition: Any, input: Any, other: Any) -> Any:
        return np.where(condition, input, other)

    def grad_input(self, g, condition):
        return np.where(condition, g, 0)

    def grad_other(self, g, condition):
        return np.where(condition, 0, g)

    @classmethod
    def public_function(cls):
        def where(condition: Any, input: Any = None, other: Any = None, **names: Any) -> Any:
            if input is None and other is None:
                return condition.nonzero(as_tuple=True)
            return cls.apply(condition, input, other)

        return where


@composite("_where_method", methods="where")
def _where_method(self: Any, condition: Any, other: Any) -> Any:
    """Return `self` where `condition` holds, `other` elsewhere.

    >>> import tapeless as tl
    >>> tl.tensor([1.0, 2.0]).where(tl.tensor([True, False]), 0.0)
    tensor([1., 0.])
    """
    return Where.apply(condition, self, other)


def _c_type(dtype: Any) -> str:
    """Return the C type that PyTorch's message names."""
    return {"int64": "long int", "float32": "float", "float64": "double", "int32": "int"}.get(dtype.name, dtype.name)


class MaskedFill(Function):
    """`input` with `value` where `mask` holds.

    >>> import tapeless as tl
    >>> tl.masked_fill(tl.tensor([1.0, 2.0]), tl.tensor([True, False]), 0)
    tensor([0., 2.])
    """

    names = "masked_fill"
    inplace = True

    def forward(self, input: Any, mask: Any, value: Any) -> Any:
        if mask.dtype != bool:
            raise RuntimeError(
                f"masked_fill_ only supports boolean masks, but got mask with dtype {_c_type(mask.dtype)}\n"
                "Compare it with something: mask != 0."
            )
        value = as_array(value)
        if value.ndim:
            raise RuntimeError(
                "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                f"{value.ndim} dimension(s)."
            )
        if value.dtype.kind == "c" and input.dtype.kind != "c":
            raise RuntimeError(f"value cannot be converted to type {_c_type(input.dtype)} without overflow")
        return np.where(mask, value.astype(input.dtype), input)

    def grad_input(self, g, mask):
        return np.where(mask, 0, g)

    def grad_value(self, g, mask):
        return np.where(mask, g, 0)


@composite("masked_select")
def masked_select(input: Any, mask: Any, *, out: Any = None) -> Any:
    """Return the elements where `mask` (which broadcasts) holds, in one dim.

    >>> import tapeless as tl
    >>> tl.masked_select(tl.tensor([1.0, 2.0, 3.0]), tl.tensor([True, False, True]))
    tensor([1., 3.])
    """
    if mask.dtype != bool_:
        raise RuntimeError(
            f"masked_select: expected BoolTensor for mask\nGot {mask.dtype}; compare it with something: mask != 0."
        )
    if out is not None:
        check_apart(out, (input, mask))
    shape = np.broadcast_shapes(tuple(input.shape), tuple(mask.shape))
    result = input.expand(shape)[mask.expand(shape)]
    return result if out is None else store(result, out, "masked_select", True)


_LIMITS = (float, int, type(None))


def _promote_limits(input: Any, min: Any = None, max: Any = None) -> Any:
    """Promote what is there, all at once: a limit of -1 next to one of 0.5 must not be read as a uint8."""
    if input.dtype.kind == "f" and type(min) in _LIMITS and type(max) in _LIMITS:
        return input, min, max
    given = iter(promote(*[x for x in (input, min, max) if x is not None]))
    return [None if x is None else next(given) for x in (input, min, max)]


class Clamp(Function):
    """Every element limited to ``[min, max]``; either may be missing, a number, or a tensor.

    The gradient passes where the element was inside, limits included.

    >>> import tapeless as tl
    >>> tl.clamp(tl.tensor([-2.0, 0.5, 2.0]), min=-1, max=1)
    tensor([-1.0000,  0.5000,  1.0000])
    """

    names = "clamp clip"
    inplace = True
    promote = _promote_limits

    def forward(self, input: Any, min: Any = None, max: Any = None) -> Any:
        if min is None and max is None:
            raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
        out = input if min is None else np.maximum(input, min)
        return out if max is None else np.minimum(out, max)

    def grad_input(self, g, input, min, max):
        if min is not None:
            g = np.where(input >= min, g, 0)
        return g if max is None else np.where(input <= max, g, 0)

    def grad_min(self, g, input, min, max):
        below = input < min
        return np.where(below if max is None else below & (min < max), g, 0)

    def grad_max(self, g, input, min, max):
        above = input > max
        return np.where(above if min is None else above | (max < min), g, 0)


NUMPY[np.clip] = lambda a, a_min=None, a_max=None, **kw: Clamp.apply(a, kw.get("min", a_min), kw.get("max", a_max))


@composite("clamp_min", inplace=True)
def clamp_min(input: Any, min: Any, *, out: Any = None) -> Any:
    """Return each element, but at least `min`.

    >>> import tapeless as tl
    >>> tl.clamp_min(tl.tensor([0.5, 2.0]), 1)
    tensor([1., 2.])
    """
    if not isinstance(input, TensorBase):
        raise TypeError(f"clamp_min(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    result = Clamp.apply(input, min)
    return result if out is None else store(result, out, "clamp_min")


@composite("clamp_max", inplace=True)
def clamp_max(input: Any, max: Any, *, out: Any = None) -> Any:
    """Return each element, but at most `max`.

    >>> import tapeless as tl
    >>> tl.clamp_max(tl.tensor([0.5, 2.0]), 1)
    tensor([0.5000, 1.0000])
    """
    if not isinstance(input, TensorBase):
        raise TypeError(f"clamp_max(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    result = Clamp.apply(input, None, max)
    return result if out is None else store(result, out, "clamp_max")


@composite("nonzero")
def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """Return the positions of nonzero elements: one row each, or with `as_tuple` one index tensor a dim.

    >>> import tapeless as tl
    >>> tl.nonzero(tl.tensor([[0, 1], [2, 0]]))
    tensor([[0, 1],
            [1, 0]])
    >>> tl.nonzero(tl.tensor([0, 1, 2]), as_tuple=True)
    (tensor([1, 2]),)
    """
    found = np.nonzero(np.atleast_1d(unwrap(input)))
    if as_tuple:
        return tuple(wrap(axis) for axis in found)
    return wrap(np.stack(found, axis=1)[:, : input.ndim])
