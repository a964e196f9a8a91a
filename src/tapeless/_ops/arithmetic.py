"""Arithmetic: operands broadcast, and are promoted as PyTorch promotes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import composite, store
from .._core.tensor_base import TensorBase
from .._dtypes import bool_, int64, promote, promote_to_float
from ._common import Binary, FloatBinary, FloatUnary, Unary


def scaled(values: Any, alpha: Any) -> Any:
    """Return ``values * alpha`` in the dtype of `values`; refuse a fraction of integers, as PyTorch does."""
    dtype = getattr(values, "dtype", None)
    if dtype is None or dtype.kind not in "iub":
        return values * alpha
    if isinstance(alpha, float):
        raise RuntimeError(
            "For integral input tensors, argument alpha must not be a floating point number.\n"
            f"alpha is {alpha}: pass an int, or convert the tensors first: x.float()."
        )
    return values * np.asarray(alpha).astype(dtype)  # an alpha below 0 of uint8 wraps around, as in PyTorch


def factor(value: Any, dtype: Any) -> Any:
    """Return a factor such as `beta` or `value` as PyTorch reads it next to a dtype: integers cut fractions off."""
    return int(value) if dtype.kind in "iub" else value


class Add(Binary):
    """Sum: ``input + alpha * other``.

    See https://docs.pytorch.org/docs/stable/generated/torch.add.html

    >>> import tapeless as tl
    >>> tl.add(tl.tensor([1.0, 2.0]), 10, alpha=2)
    tensor([21., 22.])
    """

    names = "add"
    operator = "add"
    inplace = True
    numpy = np.add
    direct = True
    alpha: Any = 1

    def forward(self, input: Any, other: Any, *, alpha: Any = 1) -> Any:
        if alpha != 1:
            self.alpha = alpha
        return np.add(input, other if alpha == 1 else scaled(other, alpha))

    def grad_input(self, g):
        return g

    def grad_other(self, g):
        return g if self.alpha == 1 else g * self.alpha


def _promote_difference(input: Any, other: Any) -> Any:
    """Promote as usual, but refuse masks, as PyTorch does: what they mean as numbers is rarely meant."""
    dtypes = getattr(input, "dtype", type(input)), getattr(other, "dtype", type(other))
    if dtypes[0] is dtypes[1] and dtypes[0] is not bool_:
        return input, other
    bools = [dtype in (bool, bool_) for dtype in dtypes]
    if all(bools):
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. "
            "Use the `^` or `logical_xor()` operator instead."
        )
    if any(bools):
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. "
            "If you are trying to invert a mask, use the `~` or `logical_not()` operator instead."
        )
    return promote(input, other)


class Sub(Binary):
    """Difference: ``input - alpha * other``.

    >>> import tapeless as tl
    >>> tl.sub(tl.tensor([5.0, 6.0]), tl.tensor([1.0, 2.0]), alpha=2)
    tensor([3., 2.])
    """

    names = "sub subtract"
    operator = "sub"
    inplace = True
    numpy = np.subtract
    direct = True
    alpha: Any = 1
    promote = _promote_difference

    def forward(self, input: Any, other: Any, *, alpha: Any = 1) -> Any:
        if alpha != 1:
            self.alpha = alpha
        return np.subtract(input, other if alpha == 1 else scaled(other, alpha))

    def grad_input(self, g):
        return g

    def grad_other(self, g):
        return -g if self.alpha == 1 else g * -self.alpha


class Mul(Binary):
    """Product, element by element: ``input * other``.

    >>> import tapeless as tl
    >>> tl.mul(tl.tensor([1.0, 2.0]), tl.tensor([[3.0], [4.0]]))
    tensor([[3., 6.],
            [4., 8.]])
    """

    names = "mul multiply"
    operator = "mul"
    inplace = True
    numpy = np.multiply

    def grad_input(self, g, other):
        return g * other

    def grad_other(self, g, input):
        return g * input


class Div(FloatBinary):
    """Quotient: ``input / other``; integers give the default float dtype.

    `rounding_mode` is None, ``"trunc"`` (towards zero) or ``"floor"``; rounded results have zero gradient.

    >>> import tapeless as tl
    >>> tl.tensor([1, 2]) / 4
    tensor([0.2500, 0.5000])
    """

    names = "div divide true_divide"
    operator = "truediv"
    inplace = True
    numpy = np.true_divide
    direct = True

    def forward(self, input: Any, other: Any) -> Any:
        return np.true_divide(input, other)

    def grad_input(self, g, other):
        return g / other

    def grad_other(self, g, input, other):
        return -g * ((input / other) / other)

    @classmethod
    def public_function(cls):
        quotient = super().public_function()

        def div(input: Any, other: Any, *, rounding_mode: str | None = None, out: Any = None) -> Any:
            if rounding_mode is None:
                result = quotient(input, other)
                return result if out is None else store(result, out, "div")
            if rounding_mode not in ("floor", "trunc"):
                raise RuntimeError(
                    f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
                )
            result = (FloorDivide if rounding_mode == "floor" else TruncDivide).apply(input, other)
            return result if out is None else store(result, out, "div")

        return div


class FloorDivide(Binary):
    """Quotient rounded down: ``input // other``. An integer divided by zero raises RuntimeError.

    >>> import tapeless as tl
    >>> tl.floor_divide(tl.tensor([7, -7]), 2)
    tensor([ 3, -4])
    """

    names = "floor_divide"
    operator = "floordiv"
    inplace = True
    numpy = np.floor_divide

    def forward(self, input: Any, other: Any) -> Any:
        refuse_integer_zero(input, other)
        return np.floor_divide(input, other)

    def grad_input(self, g):
        return np.zeros_like(g)

    def grad_other(self, g):
        return np.zeros_like(g)


class TruncDivide(Binary):
    """Quotient rounded towards zero; public as ``div(..., rounding_mode="trunc")``."""

    def forward(self, input: Any, other: Any) -> Any:
        refuse_integer_zero(input, other)
        if getattr(input, "dtype", np.asarray(other).dtype).kind in "iu":
            return np.floor_divide(np.abs(input), np.abs(other)) * (np.sign(input) * np.sign(other))
        return np.trunc(np.true_divide(input, other))

    def grad_input(self, g):
        return np.zeros_like(g)

    def grad_other(self, g):
        return np.zeros_like(g)


def refuse_integer_zero(input: Any, other: Any) -> None:
    """Raise PyTorch's error where NumPy would warn and return zero."""
    kinds = {getattr(getattr(x, "dtype", None), "kind", "i" if isinstance(x, int) else "f") for x in (input, other)}
    if kinds <= {"i", "u", "b"} and not np.all(other) and np.size(input):
        raise RuntimeError("ZeroDivisionError\nAn integer tensor was divided by zero; use floats, or mask the zeros.")


class Remainder(Binary):
    """Remainder with the sign of the divisor, as Python's ``%``.

    >>> import tapeless as tl
    >>> tl.remainder(tl.tensor([-3.0, 5.5]), 2)
    tensor([1.0000, 1.5000])
    """

    names = "remainder"
    operator = "mod"
    inplace = True
    numpy = np.remainder

    def forward(self, input: Any, other: Any) -> Any:
        refuse_integer_zero(input, other)
        return np.remainder(input, other)

    def grad_input(self, g):
        return g

    def grad_other(self, g, input, other):
        return -g * np.floor_divide(input, other)


class Fmod(Binary):
    """Remainder with the sign of the dividend, as C's ``fmod``.

    >>> import tapeless as tl
    >>> tl.fmod(tl.tensor([-3.0, 5.5]), 2)
    tensor([-1.0000,  1.5000])
    """

    names = "fmod"
    strict = 1
    inplace = True
    numpy = np.fmod

    def forward(self, input: Any, other: Any) -> Any:
        refuse_integer_zero(input, other)
        return np.fmod(input, other)

    def grad_input(self, g):
        return g

    def grad_other(self, g, input, other):
        return -g * np.trunc(input / other)


class Pow(Binary):
    """Power: ``input ** exponent``; ``0 ** 0`` is 1, and its gradient 0.

    Integers raised to negative integers raise RuntimeError.

    >>> import tapeless as tl
    >>> tl.pow(tl.tensor([1.0, 2.0, 3.0]), 2)
    tensor([1., 4., 9.])
    >>> tl.pow(2, tl.tensor([1.0, 2.0]))
    tensor([2., 4.])
    """

    names = "pow"
    operator = "pow"
    inplace = True
    numpy = np.power

    def forward(self, input: Any, exponent: Any) -> Any:
        if type(exponent) in (int, float):
            if exponent == 2:
                return np.multiply(input, input)  # several times faster than np.power
            if exponent == 1:
                return input.copy()
            if exponent == 0.5 and input.dtype.kind == "f":
                return np.sqrt(input)
        kinds = [getattr(getattr(x, "dtype", None), "kind", "i") for x in (input, exponent)]
        if kinds == ["b", "b"] or (kinds[0] == "b" and type(exponent) is bool):
            return np.logical_or(input, np.logical_not(exponent))
        if set(kinds) <= {"i", "u"} and np.any(np.asarray(exponent) < 0):
            return integer_power(input, exponent)
        if kinds[1] == "f" and exponent.ndim == 0:  # NumPy takes one number 0.5 for a square root; -inf has none
            return np.power(input, exponent.reshape(1)).reshape(getattr(input, "shape", ()))
        return np.power(input, exponent)

    def grad_input(self, g, input, exponent):
        if isinstance(exponent, (int, float)):
            if exponent == 2:
                return g * (input * 2)
            return g * (exponent * input ** (exponent - 1)) if exponent != 0 else np.zeros_like(g)
        return g * np.where(exponent == 0, 0, exponent * input ** (exponent - 1))

    def grad_exponent(self, g, input, exponent, result):
        # At base 0 the logarithm is -inf, but the power does not move with a positive exponent.
        flat = (input == 0) & (exponent >= 0)
        return np.where(flat, 0, g * (result * np.log(np.where(flat, 1, input))))


def integer_power(input: Any, exponent: Any) -> Any:
    """Raise integers to powers some of which are negative: 1 and -1 have one, of the others it is cut off to 0."""
    if not hasattr(exponent, "dtype"):
        raise RuntimeError(
            "Integers to negative integer powers are not allowed.\nConvert the base to a float first: x.float()."
        )
    parity = np.where(exponent % 2 == 0, 1, np.sign(input))
    cut = np.where(np.abs(input) == 1, parity, 0).astype(input.dtype)
    return np.where(exponent < 0, cut, np.power(input, np.maximum(exponent, 0)))


class Maximum(Binary):
    """The larger of the two, element by element; NaN wins. Ties share the gradient.

    >>> import tapeless as tl
    >>> tl.maximum(tl.tensor([1.0, 4.0]), tl.tensor([3.0, 2.0]))
    tensor([3., 4.])
    """

    names = "maximum"
    strict = 2
    numpy = np.maximum

    def grad_input(self, g, input, other):
        return np.where(input == other, g * 0.5, np.where(input > other, g, 0))

    def grad_other(self, g, input, other):
        return np.where(input == other, g * 0.5, np.where(input > other, 0, g))


class Minimum(Binary):
    """The smaller of the two, element by element; NaN wins. Ties share the gradient.

    >>> import tapeless as tl
    >>> tl.minimum(tl.tensor([1.0, 4.0]), tl.tensor([3.0, 2.0]))
    tensor([1., 2.])
    """

    names = "minimum"
    strict = 2
    numpy = np.minimum

    def grad_input(self, g, input, other):
        return np.where(input == other, g * 0.5, np.where(input < other, g, 0))

    def grad_other(self, g, input, other):
        return np.where(input == other, g * 0.5, np.where(input < other, 0, g))


class Atan2(FloatBinary):
    """The angle of the point (`other`, `input`), in radians from -pi to pi.

    >>> import tapeless as tl
    >>> tl.atan2(tl.tensor([1.0, 1.0]), tl.tensor([1.0, -1.0]))
    tensor([0.7854, 2.3562])
    """

    names = "atan2 arctan2"
    strict = 2
    inplace = True
    numpy = np.arctan2

    def grad_input(self, g, input, other):
        return g * (other / (input * input + other * other))

    def grad_other(self, g, input, other):
        return -g * (input / (input * input + other * other))


class Neg(Unary):
    """Negation: ``-input``. Bool tensors raise RuntimeError.

    >>> import tapeless as tl
    >>> tl.neg(tl.tensor([1.0, -2.0]))
    tensor([-1.,  2.])
    """

    names = "neg negative"
    operator = "neg"
    inplace = True
    numpy = np.negative
    direct = True

    def forward(self, input: Any) -> Any:
        if input.dtype == bool:
            raise RuntimeError(
                "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, "
                "use the `~` or `logical_not()` operator instead."
            )
        return np.negative(input)

    def grad_input(self, g):
        return -g


class Abs(Unary):
    """Absolute value; its gradient at 0 is 0.

    >>> import tapeless as tl
    >>> tl.abs(tl.tensor([-1.0, 2.0]))
    tensor([1., 2.])
    >>> tl.abs(tl.tensor([3 + 4j]))
    tensor([5.])
    """

    names = "abs absolute"
    operator = "abs"
    inplace = True
    numpy = np.absolute

    def grad_input(self, g, input):
        return g * np.conj(np.sign(input))


class Reciprocal(FloatUnary):
    """One over each element.

    >>> import tapeless as tl
    >>> tl.reciprocal(tl.tensor([2.0, 4.0]))
    tensor([0.5000, 0.2500])
    """

    names = "reciprocal"
    inplace = True
    numpy = np.reciprocal

    def grad_input(self, g, result):
        return -g * (result * result)


class Square(Unary):
    """Each element times itself.

    >>> import tapeless as tl
    >>> tl.square(tl.tensor([-3.0, 2.0]))
    tensor([9., 4.])
    """

    names = "square"
    inplace = True
    numpy = np.square

    def forward(self, input: Any) -> Any:
        return input.astype(int64) if input.dtype is bool_ else np.square(input)

    def grad_input(self, g, input):
        return g * (input * 2)


class Positive(Unary):
    """The tensor itself: ``+input``.

    >>> import tapeless as tl
    >>> tl.positive(tl.tensor([1.0, -2.0]))
    tensor([ 1., -2.])
    """

    names = "positive"
    operator = "pos"
    numpy = np.positive

    def grad_input(self, g):
        return g


class Sign(Unary):
    """-1, 0 or 1 by the sign of each element; the gradient is zero everywhere. Not for complex numbers: see `sgn`.

    >>> import tapeless as tl
    >>> tl.sign(tl.tensor([-3.0, 0.0]))
    tensor([-1.,  0.])
    """

    names = "sign"
    inplace = True

    def forward(self, input: Any) -> Any:
        if input.dtype.kind == "c":
            raise RuntimeError("Unlike NumPy, torch.sign doesn't support complex numbers, use torch.sgn instead.")
        return _sign(input)

    def grad_input(self, g):
        return np.zeros_like(g)


def _sign(x: Any) -> Any:
    """Return -1, 0 or 1; 0 for NaN, where NumPy has NaN."""
    if x.dtype.kind == "f":
        return (x > 0).astype(x.dtype) - (x < 0)
    return x.copy() if x.dtype is bool_ else np.sign(x)


class Sgn(Unary):
    """``z / |z|`` of complex numbers, 0 at 0; of real ones `sign`.

    See https://docs.pytorch.org/docs/stable/generated/torch.sgn.html

    >>> import tapeless as tl
    >>> tl.sgn(tl.tensor([2j, 0j]))
    tensor([0.+1.j, 0.+0.j])
    """

    names = "sgn"
    inplace = True
    numpy = np.sign
    conjugates = False

    def forward(self, input: Any) -> Any:
        return _sign(input)

    def grad_input(self, g, input, result):
        if input.dtype.kind != "c":
            return np.zeros_like(g)
        # What is left of g without its part along z, which does not turn the result.
        size = np.abs(input)
        along = np.real(g * np.conj(result)) * result
        return np.where(size == 0, 0, (g - along) / np.where(size == 0, 1, size))


class Lerp(Function):
    """Linear interpolation: ``input + weight * (end - input)``.

    >>> import tapeless as tl
    >>> tl.lerp(tl.tensor([0.0, 10.0]), tl.tensor([10.0, 20.0]), 0.25)
    tensor([ 2.5000, 12.5000])
    """

    names = "lerp"
    inplace = True
    promote = promote

    def forward(self, input: Any, end: Any, weight: Any) -> Any:
        return input + weight * (end - input)

    def grad_input(self, g, weight):
        return g * (1 - weight)

    def grad_end(self, g, weight):
        return g * weight

    def grad_weight(self, g, input, end):
        return g * (end - input)


class Addcmul(Function):
    """``input + value * tensor1 * tensor2``.

    >>> import tapeless as tl
    >>> tl.addcmul(tl.ones(2), tl.tensor([1.0, 4.0]), tl.tensor([2.0, 2.0]), value=10)
    tensor([21., 81.])
    """

    names = "addcmul"
    inplace = True
    promote = promote

    def forward(self, input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
        self.value = value
        return input + factor(value, input.dtype) * (tensor1 * tensor2)

    def grad_input(self, g):
        return g

    def grad_tensor1(self, g, tensor2):
        return g * (tensor2 * self.value)

    def grad_tensor2(self, g, tensor1):
        return g * (tensor1 * self.value)


def _promote_quotient(input: Any, tensor1: Any, tensor2: Any) -> Any:
    if tensor1.dtype.kind in "iub" and tensor2.dtype.kind in "iub":
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will perform a "
            "true division of tensor1 and tensor2. The historic addcdiv behavior can be implemented as (input + value "
            "* torch.trunc(tensor1 / tensor2)).to(input.dtype) for integer inputs and as (input + value * tensor1 / "
            "tensor2) for float inputs. The future addcdiv behavior is just the latter implementation: (input + value "
            "* tensor1 / tensor2), for all dtypes."
        )
    return promote_to_float(input, tensor1, tensor2)


class Addcdiv(Function):
    """``input + value * tensor1 / tensor2``. Raises RuntimeError where both are integers.

    >>> import tapeless as tl
    >>> tl.addcdiv(tl.ones(2), tl.tensor([1.0, 4.0]), tl.tensor([2.0, 2.0]), value=10)
    tensor([ 6., 21.])
    """

    names = "addcdiv"
    inplace = True
    promote = _promote_quotient

    def forward(self, input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
        self.value = value
        return input + value * (tensor1 / tensor2)

    def grad_input(self, g):
        return g

    def grad_tensor1(self, g, tensor2):
        return g * (self.value / tensor2)

    def grad_tensor2(self, g, tensor1, tensor2):
        return -g * (self.value * tensor1 / (tensor2 * tensor2))


@composite("rsub")
def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """Difference the other way round: ``other - alpha * input``.

    >>> import tapeless as tl
    >>> tl.rsub(tl.tensor([1.0, 2.0]), 10)
    tensor([9., 8.])
    """
    if not isinstance(input, TensorBase):
        raise TypeError(f"rsub(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    return Sub.apply(other, input, alpha=alpha)


@composite("_div_", methods="div_ divide_ true_divide_")
def div_(self: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    """In-place form of `div`: writes into the tensor and returns it."""
    cls = {None: Div, "floor": FloorDivide, "trunc": TruncDivide}.get(rounding_mode)
    if cls is None:
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
        )
    return cls.apply_inplace(self, other)
