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
    """2 to the power of each element.

    >>> import tapeless as tl
    >>> tl.exp2(tl.tensor([0.0, 3.0]))
    tensor([1., 8.])
    """

    names = "exp2 special.exp2"
    inplace = True
    numpy = np.exp2

    def grad_input(self, g, result):
        return g * (result * math.log(2))


class Expm1(FloatUnary):
    """``exp(input) - 1``, accurate near 0.

    >>> import tapeless as tl
    >>> tl.expm1(tl.tensor([0.0, 1e-10]))
    tensor([0.0000e+00, 1.0000e-10])
    """

    names = "expm1 special.expm1"
    inplace = True
    numpy = np.expm1

    def grad_input(self, g, result):
        return g * (result + 1)


class Log(FloatUnary):
    """Natural logarithm; -inf at 0, NaN below.

    >>> import tapeless as tl
    >>> tl.log(tl.tensor([1.0, 0.0]))
    tensor([0., -inf])
    """

    names = "log"
    inplace = True
    numpy = np.log

    def grad_input(self, g, input):
        return g / input


class Log2(FloatUnary):
    """Logarithm to base 2.

    >>> import tapeless as tl
    >>> tl.log2(tl.tensor([1.0, 8.0]))
    tensor([0., 3.])
    """

    names = "log2"
    inplace = True
    numpy = np.log2

    def grad_input(self, g, input):
        return g / (input * math.log(2))


class Log10(FloatUnary):
    """Logarithm to base 10.

    >>> import tapeless as tl
    >>> tl.log10(tl.tensor([0.1, 100.0]))
    tensor([-1.0000,  2.0000])
    """

    names = "log10"
    inplace = True
    numpy = np.log10

    def grad_input(self, g, input):
        return g / (input * math.log(10))


class Log1p(FloatUnary):
    """``log(1 + input)``, accurate near 0.

    >>> import tapeless as tl
    >>> tl.log1p(tl.tensor([0.0, 1e-10]))
    tensor([0.0000e+00, 1.0000e-10])
    """

    names = "log1p special.log1p"
    inplace = True
    numpy = np.log1p

    def grad_input(self, g, input):
        return g / (input + 1)


class Sqrt(FloatUnary):
    """Square root; NaN below 0, infinite gradient at 0.

    >>> import tapeless as tl
    >>> tl.sqrt(tl.tensor([4.0, -1.0]))
    tensor([2., nan])
    """

    names = "sqrt"
    inplace = True
    numpy = np.sqrt

    def grad_input(self, g, result):
        return g / (result * 2)


class Rsqrt(FloatUnary):
    """One over the square root.

    >>> import tapeless as tl
    >>> tl.rsqrt(tl.tensor([4.0, 0.25]))
    tensor([0.5000, 2.0000])
    """

    names = "rsqrt"
    inplace = True

    def forward(self, input: Any) -> Any:
        return 1 / np.sqrt(input)

    def grad_input(self, g, result):
        return g * (-0.5 * result**3)


class Sin(FloatUnary):
    """Sine of an angle in radians.

    >>> import tapeless as tl
    >>> tl.sin(tl.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8415])
    """

    names = "sin"
    inplace = True
    numpy = np.sin

    def grad_input(self, g, input):
        return g * np.cos(input)


class Cos(FloatUnary):
    """Cosine of an angle in radians.

    >>> import tapeless as tl
    >>> tl.cos(tl.tensor([0.0, 1.0]))
    tensor([1.0000, 0.5403])
    """

    names = "cos"
    inplace = True
    numpy = np.cos

    def grad_input(self, g, input):
        return -g * np.sin(input)


class Tan(FloatUnary):
    """Tangent of an angle in radians.

    >>> import tapeless as tl
    >>> tl.tan(tl.tensor([0.0, 1.0]))
    tensor([0.0000, 1.5574])
    """

    names = "tan"
    inplace = True
    numpy = np.tan

    def grad_input(self, g, result):
        return g * (1 + result * result)


class Asin(FloatUnary):
    """Inverse sine, in radians.

    >>> import tapeless as tl
    >>> tl.asin(tl.tensor([0.0, 1.0]))
    tensor([0.0000, 1.5708])
    """

    names = "asin arcsin"
    inplace = True
    numpy = np.arcsin

    def grad_input(self, g, input):
        return g / np.sqrt(1 - input * input)


class Acos(FloatUnary):
    """Inverse cosine, in radians.

    >>> import tapeless as tl
    >>> tl.acos(tl.tensor([1.0, 0.0]))
    tensor([0.0000, 1.5708])
    """

    names = "acos arccos"
    inplace = True
    numpy = np.arccos

    def grad_input(self, g, input):
        return -g / np.sqrt(1 - input * input)


class Atan(FloatUnary):
    """Inverse tangent, in radians.

    >>> import tapeless as tl
    >>> tl.atan(tl.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7854])
    """

    names = "atan arctan"
    inplace = True
    numpy = np.arctan

    def grad_input(self, g, input):
        return g / (input * input + 1)


class Sinh(FloatUnary):
    """Hyperbolic sine.

    >>> import tapeless as tl
    >>> tl.sinh(tl.tensor([0.0, 1.0]))
    tensor([0.0000, 1.1752])
    """

    names = "sinh"
    inplace = True
    numpy = np.sinh

    def grad_input(self, g, input):
        return g * np.cosh(input)


class Cosh(FloatUnary):
    """Hyperbolic cosine.

    >>> import tapeless as tl
    >>> tl.cosh(tl.tensor([0.0, 1.0]))
    tensor([1.0000, 1.5431])
    """

    names = "cosh"
    inplace = True
    numpy = np.cosh

    def grad_input(self, g, input):
        return g * np.sinh(input)


class Tanh(FloatUnary):
    """Hyperbolic tangent.

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.tanh(tl.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7616])
    """

    names = "tanh"
    inplace = True
    numpy = np.tanh

    def grad_input(self, g, result):
        return _tanh_grad(g, result)


@accelerated("elementwise.tanh_grad", size=16384)
def _tanh_grad(g: Any, result: Any) -> Any:
    return g * (1 - result * result)


class Asinh(FloatUnary):
    """Inverse hyperbolic sine.

    >>> import tapeless as tl
    >>> tl.asinh(tl.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8814])
    """

    names = "asinh arcsinh"
    inplace = True
    numpy = np.arcsinh

    def grad_input(self, g, input):
        return g / np.sqrt(input * input + 1)


class Acosh(FloatUnary):
    """Inverse hyperbolic cosine.

    >>> import tapeless as tl
    >>> tl.acosh(tl.tensor([1.0, 2.0]))
    tensor([0.0000, 1.3170])
    """

    names = "acosh arccosh"
    inplace = True
    numpy = np.arccosh

    def grad_input(self, g, input):
        return g / np.sqrt(input * input - 1)


class Atanh(FloatUnary):
    """Inverse hyperbolic tangent.

    >>> import tapeless as tl
    >>> tl.atanh(tl.tensor([0.0, 0.5]))
    tensor([0.0000, 0.5493])
    """

    names = "atanh arctanh"
    inplace = True
    numpy = np.arctanh

    def grad_input(self, g, input):
        return g / (1 - input * input)


class Sigmoid(FloatUnary):
    """``1 / (1 + exp(-input))``, without overflow at either end.

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.sigmoid(tl.tensor([0.0, 100.0]))
    tensor([0.5000, 1.0000])
    """

    names = "sigmoid special.expit"
    inplace = True
    numpy = expit

    def forward(self, input: Any) -> Any:
        return expit(input)

    def grad_input(self, g, result):
        return g * (result * (1 - result))


class Erf(FloatUnary):
    """Error function, accurate to a few units in the last place.

    >>> import tapeless as tl
    >>> tl.erf(tl.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8427])
    """

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
    """The largest integer not above each element.

    >>> import tapeless as tl
    >>> tl.floor(tl.tensor([-0.5, 1.7]))
    tensor([-1.,  1.])
    """

    names = "floor"
    inplace = True
    numpy = np.floor

    def forward(self, input: Any) -> Any:
        return input.copy() if input.dtype.kind in "iu" else np.floor(input)


class Ceil(_Rounding):
    """The smallest integer not below each element.

    >>> import tapeless as tl
    >>> tl.ceil(tl.tensor([-0.5, 1.2]))
    tensor([-0., 2.])
    """

    names = "ceil"
    inplace = True
    numpy = np.ceil

    def forward(self, input: Any) -> Any:
        return input.copy() if input.dtype.kind in "iu" else np.ceil(input)


class Trunc(_Rounding):
    """Each element without its fraction.

    >>> import tapeless as tl
    >>> tl.trunc(tl.tensor([-1.5, 2.7]))
    tensor([-1.,  2.])
    """

    names = "trunc fix"
    inplace = True
    numpy = np.trunc

    def forward(self, input: Any) -> Any:
        return input.copy() if input.dtype.kind in "iu" else np.trunc(input)


class Round(_Rounding):
    """Round to `decimals` places; halves go to the even neighbour.

    >>> import tapeless as tl
    >>> tl.round(tl.tensor([0.5, 1.5, 2.345]))
    tensor([0., 2., 2.])
    >>> tl.round(tl.tensor([2.345]), decimals=2)
    tensor([2.3400])
    """

    names = "round special.round"
    inplace = True

    def forward(self, input: Any, *, decimals: int = 0) -> Any:
        return np.round(input, decimals)


NUMPY[np.round] = lambda a, decimals=0: Round.apply(a, decimals=decimals)


@composite("frac", inplace=True)
def frac(input: Any) -> Any:
    """Return the fraction of each element, with its sign.

    >>> import tapeless as tl
    >>> tl.frac(tl.tensor([-1.5, 2.25]))
    tensor([-0.5000,  0.2500])
    """
    return input - input.trunc()


class Logit(FloatUnary):
    """``log(input / (1 - input))``; with `eps`, `input` is first limited to ``[eps, 1 - eps]``.

    >>> import tapeless as tl
    >>> tl.logit(tl.tensor([0.5, 0.9]))
    tensor([0.0000, 2.1972])
    """

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
    """Convert degrees to radians.

    >>> import tapeless as tl
    >>> tl.deg2rad(tl.tensor([180.0, 90.0]))
    tensor([3.1416, 1.5708])
    """
    return input * (math.pi / 180)


@composite("rad2deg", inplace=True)
def rad2deg(input: Any) -> Any:
    """Convert radians to degrees.

    >>> import tapeless as tl
    >>> tl.rad2deg(tl.tensor([3.14159265, 0.5]))
    tensor([180.0000,  28.6479])
    """
    return input * (180 / math.pi)
