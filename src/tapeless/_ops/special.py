"""Functions of two numbers and special functions, element by element."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import composite, store
from .._core.tensor_base import is_tensor, wrap
from .._dtypes import get_default_dtype, scalar_name
from ._common import Binary, FloatBinary, FloatUnary, Unary, both_arrays


class Copysign(FloatBinary):
    """The size of `input` with the sign of `other`.

    >>> import tapeless as tl
    >>> tl.copysign(tl.tensor([1.0]), -0.0)
    tensor([-1.])
    """

    names = "copysign"
    inplace = True
    numpy = np.copysign
    strict = 1

    def grad_input(self, g, input, result):
        return g * np.where(input == 0, 0, np.sign(input) * np.sign(result))

    def grad_other(self, g):
        return np.zeros_like(g)


class _NanFree(Binary):
    """The larger or smaller of two numbers, or the one that is not NaN; ties share the gradient as PyTorch does."""

    strict = 2

    def chosen(self, input: Any, other: Any) -> Any:
        """Return where `input` is the one."""
        raise NotImplementedError

    def grad_input(self, g, input, other):
        return np.where(self.chosen(input, other) | np.isnan(other), g, 0)

    def grad_other(self, g, input, other):
        return np.where(self.chosen(input, other) | np.isnan(other), 0, g)


class Fmax(_NanFree):
    """The larger of two numbers; a number rather than NaN.

    >>> import tapeless as tl
    >>> tl.fmax(tl.tensor([1.0, float("nan")]), tl.tensor([2.0, 3.0]))
    tensor([2., 3.])
    """

    names = "fmax"
    numpy = np.fmax

    def chosen(self, input: Any, other: Any) -> Any:
        """Return where `input` is the larger, or equal."""
        return input >= other


class Fmin(_NanFree):
    """The smaller of two numbers; a number rather than NaN.

    >>> import tapeless as tl
    >>> tl.fmin(tl.tensor([1.0, float("nan")]), tl.tensor([2.0, 3.0]))
    tensor([1., 3.])
    """

    names = "fmin"
    numpy = np.fmin

    def chosen(self, input: Any, other: Any) -> Any:
        """Return where `input` is the smaller, or equal."""
        return input <= other


class Logaddexp(Binary):
    """``log(exp(input) + exp(other))`` without overflow.

    >>> import tapeless as tl
    >>> tl.logaddexp(tl.tensor([0.0]), tl.tensor([0.0]))
    tensor([0.6931])
    """

    names = "logaddexp"
    numpy = np.logaddexp
    strict = 2

    def forward(self, input: Any, other: Any) -> Any:
        if input.dtype.kind == "c":
            larger = np.where(input.real > other.real, input, other)
            smaller = np.where(input.real > other.real, other, input)
            same = np.isinf(input.real) & (input == other)
            return np.where(same, input, larger + np.log1p(np.exp(np.where(same, 0, smaller - larger))))
        return np.logaddexp(input, other)

    def grad_input(self, g, input, result):
        return g * np.exp(np.where(np.isfinite(result), input - result, 0))

    def grad_other(self, g, other, result):
        return g * np.exp(np.where(np.isfinite(result), other - result, 0))


class Logaddexp2(Binary):
    """``log2(2 ** input + 2 ** other)`` without overflow.

    >>> import tapeless as tl
    >>> tl.logaddexp2(tl.tensor([0.0]), tl.tensor([0.0]))
    tensor([1.])
    """

    names = "logaddexp2"
    numpy = np.logaddexp2
    strict = 2

    def grad_input(self, g, input, result):
        return g * np.exp2(input - result)

    def grad_other(self, g, other, result):
        return g * np.exp2(other - result)


class Hypot(Binary):
    """``sqrt(input ** 2 + other ** 2)`` without overflow.

    >>> import tapeless as tl
    >>> tl.hypot(tl.tensor([3.0]), tl.tensor([4.0]))
    tensor([5.])
    """

    names = "hypot"
    inplace = True
    numpy = np.hypot
    strict = 2

    def grad_input(self, g, input, result):
        return g * (input / result)

    def grad_other(self, g, other, result):
        return g * (other / result)


class Nextafter(Binary):
    """The next float after `input` towards `other`.

    >>> import tapeless as tl
    >>> tl.nextafter(tl.tensor([0.0]), tl.tensor([1.0])) > 0
    tensor([True])
    """

    names = "nextafter"
    inplace = True
    numpy = np.nextafter
    strict = 2

    def grad_input(self, g, input, other):
        return np.where(input == other, 0, g)

    def grad_other(self, g):
        return np.zeros_like(g)


class Heaviside(Binary):
    """0 below zero, 1 above, `values` at zero; both of one dtype.

    >>> import tapeless as tl
    >>> tl.heaviside(tl.tensor([-1.0, 0.0, 2.0]), tl.tensor([0.5]))
    tensor([0.0000, 0.5000, 1.0000])
    """

    names = "heaviside"
    inplace = True
    promote = None  # type: ignore[assignment]
    strict = 2

    def forward(self, input: Any, values: Any) -> Any:
        if input.dtype != values.dtype:
            raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
        if input.dtype.kind == "c":
            raise RuntimeError("heaviside is not yet implemented for complex tensors.")
        above = np.where(np.isnan(input), 0, input > 0) if input.dtype.kind == "f" else input > 0
        return np.where(input == 0, values, above.astype(input.dtype))


class _Whole(Binary):
    """Two integers."""

    strict = 2

    def forward(self, input: Any, other: Any) -> Any:
        if input.dtype.kind not in "iu":
            raise NotImplementedError(f"\"{self.names}_cpu\" not implemented for '{scalar_name(input.dtype)}'")
        return self.numpy(input, other)


class Gcd(_Whole):
    """The greatest common divisor of integers.

    >>> import tapeless as tl
    >>> tl.gcd(tl.tensor([6]), tl.tensor([4]))
    tensor([2])
    """

    names = "gcd"
    inplace = True
    numpy = np.gcd


class Lcm(_Whole):
    """The least common multiple of integers.

    >>> import tapeless as tl
    >>> tl.lcm(tl.tensor([6]), tl.tensor([4]))
    tensor([12])
    """

    names = "lcm"
    inplace = True
    numpy = np.lcm


@composite("ldexp", inplace=True)
def ldexp(input: Any, other: Any, *, out: Any = None) -> Any:
    """Return ``input * 2 ** other``.

    >>> import tapeless as tl
    >>> tl.ldexp(tl.tensor([1.5]), tl.tensor([2]))
    tensor([6.])
    """
    for position, (name, x) in enumerate((("input", input), ("other", other)), 1):
        if not is_tensor(x):
            raise TypeError(f"ldexp(): argument '{name}' (position {position}) must be Tensor, not {type(x).__name__}")
    base = wrap(np.asarray(2.0, get_default_dtype()))
    result = input * base.pow(other)
    return result if out is None else store(result, out, "ldexp")


class Frexp(Function):
    """Mantissa and exponent; public through `frexp`."""

    def forward(self, input: Any) -> Any:
        if input.dtype.kind != "f":
            raise RuntimeError(
                f"torch.frexp() only supports floating-point dtypes\nThe input is {input.dtype}: use input.float()."
            )
        mantissa, exponent = np.frexp(input)
        self.exponent = exponent
        return mantissa, exponent.astype(np.int32)

    def grad_input(self, g):
        return g[0] * np.exp2(-self.exponent.astype(np.float64)).astype(g[0].dtype)


@composite("frexp")
def frexp(input: Any, *, out: Any = None) -> Any:
    """Return (mantissa, exponent) with ``input == mantissa * 2 ** exponent`` and mantissas of size 0.5 to 1.

    >>> import tapeless as tl
    >>> tl.frexp(tl.tensor([6.0]))
    (tensor([0.7500]), tensor([3], dtype=torch.int32))
    """
    result = Frexp.apply(input)
    return result if out is None else store(result, out, "frexp")


@composite("float_power", inplace=True)
def float_power(input: Any, exponent: Any, *, out: Any = None) -> Any:
    """Return ``input ** exponent`` in float64 (or complex128).

    >>> import tapeless as tl
    >>> tl.float_power(tl.tensor([2]), 2)
    tensor([4.], dtype=torch.float64)
    """
    parts = [input, exponent]
    if not any(is_tensor(x) for x in parts):
        raise TypeError(f"float_power(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    kinds = ["c" if isinstance(x, complex) else x.dtype.kind if is_tensor(x) else "f" for x in parts]
    dtype = np.dtype(np.complex128 if "c" in kinds else np.float64)
    left, right = (x.to(dtype) if is_tensor(x) else x for x in parts)
    if not is_tensor(left):
        left = wrap(np.asarray(left, dtype))
    result = left.pow(right if is_tensor(right) else dtype.type(right).item())
    return result if out is None else store(result, out, "float_power")


class _LogTimes(FloatBinary):
    """``input * log(other)``, 0 where `input` is 0 (unless `other` is NaN)."""

    shift = 0

    def log(self, other: Any) -> Any:
        """Return the logarithm of what stands for `other`."""
        return np.log(other)

    def forward(self, input: Any, other: Any) -> Any:
        input, other = both_arrays(input, other)
        product = np.where(input == 0, np.zeros((), input.dtype), input * self.log(other))
        return np.where(np.isnan(other), other, product)

    def grad_input(self, g, input, other):
        return g * np.where((input == 0) & (other <= -self.shift), 0, self.log(other))

    def grad_other(self, g, input, other):
        return g * (input / (other + self.shift))


class Xlogy(_LogTimes):
    """``input * log(other)``, 0 where `input` is 0.

    See https://docs.pytorch.org/docs/stable/special.html#torch.special.xlogy

    >>> import tapeless as tl
    >>> tl.xlogy(tl.tensor([0.0, 2.0]), tl.tensor([0.0, 1.0]))
    tensor([0., 0.])
    """

    names = "xlogy special.xlogy"
    inplace = True


class Xlog1py(_LogTimes):
    """``input * log1p(other)``, 0 where `input` is 0.

    >>> import tapeless as tl
    >>> tl.special.xlog1py(tl.tensor([0.0]), tl.tensor([-1.0]))
    tensor([0.])
    """

    names = "special.xlog1py"
    shift = 1

    def log(self, other: Any) -> Any:
        """Return log(1 + other)."""
        return np.log1p(other)


class Sinc(FloatUnary):
    """``sin(pi x) / (pi x)``, 1 at 0.

    >>> import tapeless as tl
    >>> tl.sinc(tl.tensor([0.0, 0.5]))
    tensor([1.0000, 0.6366])
    """

    names = "sinc special.sinc"
    inplace = True

    def forward(self, input: Any) -> Any:
        x = input * math.pi
        safe = np.where(x == 0, 1, x)
        return np.where(x == 0, 1, np.sin(safe) / safe).astype(input.dtype)

    def grad_input(self, g, input):
        x = input * math.pi
        zero = x == 0
        safe = np.where(zero, 1, x)
        return g * (np.where(zero, 0, (safe * np.cos(safe) - np.sin(safe)) / (safe * safe)) * math.pi)


class Signbit(Unary):
    """Whether the sign is set, that of -0.0 too.

    >>> import tapeless as tl
    >>> tl.signbit(tl.tensor([-0.0, 0.0]))
    tensor([ True, False])
    """

    names = "signbit"

    def forward(self, input: Any) -> Any:
        if input.dtype.kind == "c":
            raise RuntimeError("signbit is not implemented for complex tensors.")
        return np.signbit(input) if input.dtype.kind == "f" else input < 0


class _Infinite(Unary):
    """Whether an element is the infinity of one sign."""

    sign = 1

    def forward(self, input: Any) -> Any:
        if input.dtype.kind == "c":
            raise RuntimeError(f"{self.names} does not support complex inputs.")
        if input.dtype.kind != "f":
            return np.zeros(input.shape, bool)
        return np.isinf(input) & ((input > 0) if self.sign > 0 else (input < 0))

    @classmethod
    def public_function(cls):
        return None


class Isposinf(_Infinite):
    """Whether an element is positive infinity.

    >>> import tapeless as tl
    >>> tl.isposinf(tl.tensor([float("inf"), -float("inf")]))
    tensor([ True, False])
    """

    names = "isposinf"


class Isneginf(_Infinite):
    """Whether an element is negative infinity.

    >>> import tapeless as tl
    >>> tl.isneginf(tl.tensor([float("inf"), -float("inf")]))
    tensor([False,  True])
    """

    names = "isneginf"
    sign = -1


class NanToNum(Function):
    """NaN and the infinities replaced by numbers: 0 and the largest ones of the dtype by default.

    >>> import tapeless as tl
    >>> tl.nan_to_num(tl.tensor([float("nan"), 1.0]))
    tensor([0., 1.])
    """

    names = "nan_to_num"
    inplace = True
    numpy = np.nan_to_num

    def forward(self, input: Any, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Any:
        if input.dtype.kind not in "fc":
            return input.copy()
        return np.nan_to_num(input, nan=0.0 if nan is None else nan, posinf=posinf, neginf=neginf)

    def grad_input(self, g, input):
        return np.where(np.isfinite(input), g, 0)


class Entr(FloatUnary):
    """``-input * log(input)``; 0 at 0, -inf below.

    >>> import tapeless as tl
    >>> tl.special.entr(tl.tensor([0.0, 1.0]))
    tensor([0., -0.])
    """

    names = "special.entr"

    def forward(self, input: Any) -> Any:
        safe = np.where(input > 0, input, 1)
        value = np.where(input > 0, -input * np.log(safe), np.where(input == 0, 0, -math.inf))
        return np.where(np.isnan(input), input, value).astype(input.dtype)

    def grad_input(self, g, input):
        return g * np.where(input < 0, math.nan, -np.log(input) - 1)
