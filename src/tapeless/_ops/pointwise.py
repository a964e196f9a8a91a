"""Functions of one tensor, element by element: exponentials, trigonometry, rounding."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core.registry import NUMPY, composite
from .._kernels.accelerated import accelerated
from .._kernels.special import erf, expit
from ._common import FloatUnary, Unary


class Exp(FloatUnary):
    """e to the power of each element.

    See https://docs.pytorch.org/docs/stable/generated/torch.exp.html

    >>> import tapeless as tl
    >>> tl.exp(tl.tensor([0.0, 1.0]))
    tensor([1.0000, 2.7183])
    """

    names = "exp"
    inplace = True
    numpy = np.exp

    def grad_input(self, g, result):
        return g * result


class Exp2(FloatUnary):
    """2 to the power of each element."""

    names = "exp2 special.exp2"
    inplace = True
    numpy = np.exp2

    def grad_input(self, g, result):
        return g * (result * math.log(2))


class Expm1(FloatUnary):
    """``exp(input) - 1``, accurate near 0."""

    names = "expm1 special.expm1"
    inplace = True
    numpy = np.expm1

    def grad_input(self, g, result):
        return g * (result + 1)


class Log(FloatUnary):
    """Natural logarithm; -inf at 0, NaN below."""

    names = "log"
    inplace = True
    numpy = np.log

    def grad_input(self, g, input):
        return g / input


class Log2(FloatUnary):
    """Logarithm to base 2."""

    names = "log2"
    inplace = True
    numpy = np.log2

    def grad_input(self, g, input):
        return g / (input * math.log(2))


class Log10(FloatUnary):
    """Logarithm to base 10."""

    names = "log10"
    inplace = True
    numpy = np.log10

    def grad_input(self, g, input):
        return g / (input * math.log(10))


class Log1p(FloatUnary):
    """``log(1 + input)``, accurate near 0."""

    names = "log1p special.log1p"
    inplace = True
    numpy = np.log1p

    def grad_input(self, g, input):
        return g / (input + 1)


class Sqrt(FloatUnary):
    """Square root; NaN below 0, infinite gradient at 0."""

    names = "sqrt"
    inplace = True
    numpy = np.sqrt

    def grad_input(self, g, result):
        return g / (result * 2)


class Rsqrt(FloatUnary):
    """One over the square root."""

    names = "rsqrt"
    inplace = True

    def forward(self, input: Any) -> Any:
        return 1 / np.sqrt(input)

    def grad_input(self, g, result):
        return g * (-0.5 * result**3)


class Sin(FloatUnary):
    """Sine of an angle in radians."""

    names = "sin"
    inplace = True
    numpy = np.sin

    def grad_input(self, g, input):
        return g * np.cos(input)


class Cos(FloatUnary):
    """Cosine of an angle in radians."""

    names = "cos"
    inplace = True
    numpy = np.cos

    def grad_input(self, g, input):
        return -g * np.sin(input)


class Tan(FloatUnary):
    """Tangent of an angle in radians."""

    names = "tan"
    inplace = True
    numpy = np.tan

    def grad_input(self, g, result):
        return g * (1 + result * result)


class Asin(FloatUnary):
    """Inverse sine, in radians."""

    names = "asin arcsin"
    inplace = True
    numpy = np.arcsin

    def grad_input(self, g, input):
        return g / np.sqrt(1 - input * input)


class Acos(FloatUnary):
    """Inverse cosine, in radians."""

    names = "acos arccos"
    inplace = True
    numpy = np.arccos

    def grad_input(self, g, input):
        return -g / np.sqrt(1 - input * input)


class Atan(FloatUnary):
    """Inverse tangent, in radians."""

    names = "atan arctan"
    inplace = True
    numpy = np.arctan

    def grad_input(self, g, input):
        return g / (input * input + 1)


class Sinh(FloatUnary):
    """Hyperbolic sine."""

    names = "sinh"
    inplace = True
    numpy = np.sinh

    def grad_input(self, g, input):
        return g * np.cosh(input)


class Cosh(FloatUnary):
    """Hyperbolic cosine."""

    names = "cosh"
    inplace = True
    numpy = np.cosh

    def grad_input(self, g, input):
        return g * np.sinh(input)


class Tanh(FloatUnary):
    """Hyperbolic tangent."""

    names = "tanh"
    inplace = True
    numpy = np.tanh

    def grad_input(self, g, result):
        return _tanh_grad(g, result)


@accelerated("elementwise.tanh_grad", size=16384)
def _tanh_grad(g: Any, result: Any) -> Any:
    return g * (1 - result * result)


class Asinh(FloatUnary):
    """Inverse hyperbolic sine."""

    names = "asinh arcsinh"
    inplace = True
    numpy = np.arcsinh

    def grad_input(self, g, input):
        return g / np.sqrt(input * input + 1)


class Acosh(FloatUnary):
    """Inverse hyperbolic cosine."""

    names = "acosh arccosh"
    inplace = True
    numpy = np.arccosh

    def grad_input(self, g, input):
        return g / np.sqrt(input * input - 1)


class Atanh(FloatUnary):
    """Inverse hyperbolic tangent."""

    names = "atanh arctanh"
    inplace = True
    numpy = np.arctanh

    def grad_input(self, g, input):
        return g / (1 - input * input)


class Sigmoid(FloatUnary):
    """``1 / (1 + exp(-input))``, without overflow at either end."""

    names = "sigmoid special.expit"
    inplace = True
    numpy = expit

    def forward(self, input: Any) -> Any:
        return expit(input)

    def grad_input(self, g, result):
        return g * (result * (1 - result))


class Erf(FloatUnary):
    """Error function, accurate to a few units in the last place."""

    names = "erf special.erf"
    inplace = True
    numpy = erf

    def forward(self, input: Any) -> Any:
        return erf(input)

    def grad_input(self, g, input):
        return g * (2 / math.sqrt(math.pi) * np.exp(-(input * input)))


class _Rounding(Unary):
    """Roundings: constant between their jumps, so the gradient is zero."""

    def grad_input(self, g):
        return np.zeros_like(g)


class Floor(_Rounding):
    """The largest integer not above each element."""

    names = "floor"
    inplace = True
    numpy = np.floor

    def forward(self, input: Any) -> Any:
        return input.copy() if input.dtype.kind in "iu" else np.floor(input)


class Ceil(_Rounding):
    """The smallest integer not below each element."""

    names = "ceil"
    inplace = True
    numpy = np.ceil

    def forward(self, input: Any) -> Any:
        return input.copy() if input.dtype.kind in "iu" else np.ceil(input)


class Trunc(_Rounding):
    """Each element without its fraction."""

    names = "trunc fix"
    inplace = True
    numpy = np.trunc

    def forward(self, input: Any) -> Any:
        return input.copy() if input.dtype.kind in "iu" else np.trunc(input)


class Round(_Rounding):
    """Round to `decimals` places; halves go to the even neighbour."""

    names = "round special.round"
    inplace = True

    def forward(self, input: Any, *, decimals: int = 0) -> Any:
        return np.round(input, decimals)


NUMPY[np.round] = lambda a, decimals=0: Round.apply(a, decimals=decimals)


@composite("frac", inplace=True)
def frac(input: Any) -> Any:
    """Return the fraction of each element, with its sign."""
    return input - input.trunc()


class Logit(FloatUnary):
    """``log(input / (1 - input))``; with `eps`, `input` is first limited to ``[eps, 1 - eps]``."""

    names = "logit special.logit"
    inplace = True

    def forward(self, input: Any, eps: float | None = None) -> Any:
        self.bounds = (0.0, 1.0) if eps is None else (eps, 1 - eps)
        if eps is not None:
            input = np.clip(input, *self.bounds)
        return np.log(input / (1 - input))

    def grad_input(self, g, input):
        inside = (input >= self.bounds[0]) & (input <= self.bounds[1])
        return np.where(inside, g / (input * (1 - input)), 0 if self.bounds[0] else math.nan)


@composite("deg2rad", inplace=True)
def deg2rad(input: Any) -> Any:
    """Convert degrees to radians."""
    return input * (math.pi / 180)


@composite("rad2deg", inplace=True)
def rad2deg(input: Any) -> Any:
    """Convert radians to degrees."""
    return input * (180 / math.pi)
