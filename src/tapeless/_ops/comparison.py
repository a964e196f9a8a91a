"""Comparisons and logic: bool results, no gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core.registry import composite
from .._dtypes import scalar_name
from ._common import Binary, Unary


class Eq(Binary):
    """Whether the operands are equal, element by element.

    >>> import tapeless as tl
    >>> tl.eq(tl.tensor([1, 2]), tl.tensor([1, 3]))
    tensor([ True, False])
    """

    names = "eq"
    strict = 1
    operator = "eq"
    inplace = True
    numpy = np.equal


class Ne(Binary):
    """Whether the operands differ.

    >>> import tapeless as tl
    >>> tl.ne(tl.tensor([1, 2]), tl.tensor([1, 3]))
    tensor([False,  True])
    """

    names = "ne not_equal"
    strict = 1
    operator = "ne"
    inplace = True
    numpy = np.not_equal


class Lt(Binary):
    """Whether `input` is less than `other`.

    >>> import tapeless as tl
    >>> tl.lt(tl.tensor([1, 2]), 2)
    tensor([ True, False])
    """

    names = "lt less"
    strict = 1
    operator = "lt"
    inplace = True
    numpy = np.less


class Le(Binary):
    """Whether `input` is less than or equal to `other`.

    >>> import tapeless as tl
    >>> tl.le(tl.tensor([1, 3]), 2)
    tensor([ True, False])
    """

    names = "le less_equal"
    strict = 1
    operator = "le"
    inplace = True
    numpy = np.less_equal


class Gt(Binary):
    """Whether `input` is greater than `other`.

    >>> import tapeless as tl
    >>> tl.gt(tl.tensor([2, 3]), 2)
    tensor([False,  True])
    """

    names = "gt greater"
    strict = 1
    operator = "gt"
    inplace = True
    numpy = np.greater


class Ge(Binary):
    """Whether `input` is greater than or equal to `other`.

    >>> import tapeless as tl
    >>> tl.ge(tl.tensor([1, 2]), 2)
    tensor([False,  True])
    """

    names = "ge greater_equal"
    strict = 1
    operator = "ge"
    inplace = True
    numpy = np.greater_equal


class LogicalAnd(Binary):
    """Whether both operands are nonzero.

    >>> import tapeless as tl
    >>> tl.logical_and(tl.tensor([True, True]), tl.tensor([True, False]))
    tensor([ True, False])
    """

    names = "logical_and"
    strict = 2
    inplace = True
    numpy = np.logical_and


class LogicalOr(Binary):
    """Whether either operand is nonzero.

    >>> import tapeless as tl
    >>> tl.logical_or(tl.tensor([0, 0]), tl.tensor([1, 0]))
    tensor([ True, False])
    """

    names = "logical_or"
    strict = 2
    inplace = True
    numpy = np.logical_or


class LogicalXor(Binary):
    """Whether exactly one operand is nonzero.

    >>> import tapeless as tl
    >>> tl.logical_xor(tl.tensor([True, True]), tl.tensor([True, False]))
    tensor([False,  True])
    """

    names = "logical_xor"
    strict = 2
    inplace = True
    numpy = np.logical_xor


class LogicalNot(Unary):
    """Whether the element is zero.

    >>> import tapeless as tl
    >>> tl.logical_not(tl.tensor([0.0, 2.0]))
    tensor([ True, False])
    """

    names = "logical_not"
    inplace = True
    numpy = np.logical_not


class BitwiseAnd(Binary):
    """Bitwise and of integers, logical and of bools.

    >>> import tapeless as tl
    >>> tl.bitwise_and(tl.tensor([6, 5]), 3)
    tensor([2, 1])
    """

    names = "bitwise_and"
    operator = "and"
    inplace = True
    numpy = np.bitwise_and


class BitwiseOr(Binary):
    """Bitwise or of integers, logical or of bools.

    >>> import tapeless as tl
    >>> tl.bitwise_or(tl.tensor([6, 5]), 3)
    tensor([7, 7])
    """

    names = "bitwise_or"
    operator = "or"
    inplace = True
    numpy = np.bitwise_or


class BitwiseXor(Binary):
    """Bitwise exclusive or of integers, logical of bools.

    >>> import tapeless as tl
    >>> tl.bitwise_xor(tl.tensor([6, 5]), 3)
    tensor([5, 6])
    """

    names = "bitwise_xor"
    operator = "xor"
    inplace = True
    numpy = np.bitwise_xor


class BitwiseNot(Unary):
    """Bitwise complement of integers, logical not of bools.

    >>> import tapeless as tl
    >>> tl.bitwise_not(tl.tensor([0, 1]))
    tensor([-1, -2])
    >>> ~tl.tensor([True, False])
    tensor([False,  True])
    """

    names = "bitwise_not"
    operator = "invert"
    inplace = True
    numpy = np.invert


class BitwiseLeftShift(Binary):
    """Integers shifted left by `other` bits.

    >>> import tapeless as tl
    >>> tl.bitwise_left_shift(tl.tensor([1, 3]), 2)
    tensor([ 4, 12])
    """

    names = "bitwise_left_shift"
    operator = "lshift"
    inplace = True
    numpy = np.left_shift


class BitwiseRightShift(Binary):
    """Integers shifted right by `other` bits.

    >>> import tapeless as tl
    >>> tl.bitwise_right_shift(tl.tensor([4, -3]), 1)
    tensor([ 2, -2])
    """

    names = "bitwise_right_shift"
    operator = "rshift"
    inplace = True
    numpy = np.right_shift


class IsNan(Unary):
    """Whether the element is not a number.

    >>> import tapeless as tl
    >>> tl.isnan(tl.tensor([1.0, float("inf"), float("nan")]))
    tensor([False, False,  True])
    """

    names = "isnan"
    numpy = np.isnan


class IsInf(Unary):
    """Whether the element is infinite.

    >>> import tapeless as tl
    >>> tl.isinf(tl.tensor([1.0, float("inf"), float("nan")]))
    tensor([False,  True, False])
    """

    names = "isinf"
    numpy = np.isinf


class IsFinite(Unary):
    """Whether the element is neither infinite nor NaN.

    >>> import tapeless as tl
    >>> tl.isfinite(tl.tensor([1.0, float("inf"), float("nan")]))
    tensor([ True, False, False])
    """

    names = "isfinite"
    numpy = np.isfinite


def _promote_same(input: Any, other: Any, *options: Any) -> Any:
    """Return the operands as they are: PyTorch wants them of one dtype here."""
    if input.dtype != other.dtype:
        raise RuntimeError(f"{scalar_name(input.dtype)} did not match {scalar_name(other.dtype)}")
    return (input, other, *options)


class IsClose(Binary):
    """Whether ``|input - other| <= atol + rtol * |other|``, element by element.

    >>> import tapeless as tl
    >>> tl.isclose(tl.tensor([1.0, 2.0]), tl.tensor([1.0 + 1e-7, 2.1]))
    tensor([ True, False])
    """

    names = "isclose"
    strict = 2
    promote = _promote_same

    def forward(self, input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
        for name, value in (("rtol", rtol), ("atol", atol)):
            if value < 0:
                raise RuntimeError(f"{name} must be greater than or equal to zero, but got {value}")
        return np.isclose(input, other, rtol=rtol, atol=atol, equal_nan=equal_nan)


@composite("allclose")
def allclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Return whether all elements are close, as a Python bool.

    >>> import tapeless as tl
    >>> tl.allclose(tl.tensor([1.0]), tl.tensor([1.0 + 1e-7]))
    True
    """
    return bool(IsClose.apply(input, other, rtol, atol, equal_nan).all().item())


@composite("equal")
def equal(input: Any, other: Any) -> bool:
    """Return whether both tensors have the same shape and elements, as a Python bool.

    >>> import tapeless as tl
    >>> tl.equal(tl.tensor([1, 2]), tl.tensor([1, 2]))
    True
    """
    return input.shape == other.shape and bool((input == other).all().item())
