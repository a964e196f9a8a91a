"""The gamma function's family and the relatives of the error function."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import NUMPY, composite
from .._core.tensor_base import wrap
from .._dtypes import get_default_dtype
from .._kernels import gamma as kernels
from .._kernels.optional import scipy
from ._common import FloatBinary, FloatUnary


class Lgamma(FloatUnary):
    """The logarithm of ``|gamma(input)|``.

    See https://docs.pytorch.org/docs/stable/generated/torch.lgamma.html

    >>> import tapeless as tl
    >>> tl.lgamma(tl.tensor([1.0, 4.0]))
    tensor([0.0000, 1.7918])
    """

    names = "lgamma special.gammaln"
    inplace = True
    numpy = staticmethod(kernels.lgamma)

    def grad_input(self, g, input):
        return g * kernels.digamma(input)


class Digamma(FloatUnary):
    """The derivative of `lgamma`.

    See https://docs.pytorch.org/docs/stable/generated/torch.digamma.html

    >>> import tapeless as tl
    >>> tl.digamma(tl.tensor([1.0]))
    tensor([-0.5772])
    """

    names = "digamma special.digamma special.psi"
    methods = "digamma"
    inplace = True
    numpy = staticmethod(kernels.digamma)

    def grad_input(self, g, input):
        return g * kernels.polygamma(1, input)


class Polygamma(Function):
    """The n-th derivative of `digamma`; public through `polygamma`."""

    promote = None

    def forward(self, n: int, input: Any) -> Any:
        self.n = n
        return kernels.polygamma(n, input)

    def grad_input(self, g, input):
        return g * kernels.polygamma(self.n + 1, input)


NUMPY[kernels.polygamma] = Polygamma.apply


def _as_float(input: Any) -> Any:
    return input if input.dtype.kind in "fc" else input.to(get_default_dtype())


def _polygamma(n: int, input: Any) -> Any:
    if n < 0:
        raise RuntimeError(f"polygamma(n, x) does not support negative n.\nn is {n}.")
    return Polygamma.apply(n, _as_float(input))


@composite("polygamma special.polygamma", methods="")
def polygamma(n: int, input: Any) -> Any:
    """Return the n-th derivative of `digamma`. Raises RuntimeError for negative `n`.

    >>> import tapeless as tl
    >>> tl.polygamma(1, tl.tensor([1.0]))
    tensor([1.6449])
    """
    return _polygamma(n, input)


@composite("_polygamma_method", methods="polygamma", inplace=True)
def polygamma_method(self: Any, n: int) -> Any:
    """Return the n-th derivative of `digamma`.

    >>> import tapeless as tl
    >>> tl.tensor([1.0]).polygamma(1)
    tensor([1.6449])
    """
    return _polygamma(n, self)


@composite("mvlgamma special.multigammaln", methods="mvlgamma", inplace=True)
def mvlgamma(input: Any, p: int) -> Any:
    """Return the logarithm of the multivariate gamma function of dimension `p`: a sum of `lgamma`.

    >>> import tapeless as tl
    >>> tl.mvlgamma(tl.tensor([2.0]), 2)
    tensor([0.4516])
    """
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    if input.dtype.kind == "b":
        raise RuntimeError("The input tensor may not be a boolean tensor.")
    input = _as_float(input)
    shifts = wrap(np.arange(p) * -0.5).to(input.dtype)
    return (input.unsqueeze(-1) + shifts).lgamma().sum(-1) + p * (p - 1) / 4 * math.log(math.pi)


class Erfc(FloatUnary):
    """``1 - erf(input)``, accurate where erf is nearly 1.

    >>> import tapeless as tl
    >>> tl.erfc(tl.tensor([0.0]))
    tensor([1.])
    """

    names = "erfc special.erfc"
    inplace = True
    numpy = staticmethod(kernels.erfc)

    def grad_input(self, g, input):
        return g * (np.exp(-input * input) * (-2 / math.sqrt(math.pi)))


class Erfinv(FloatUnary):
    """The inverse of `erf`; inf at 1, NaN beyond.

    >>> import tapeless as tl
    >>> tl.erfinv(tl.tensor([0.5]))
    tensor([0.4769])
    """

    names = "erfinv special.erfinv"
    inplace = True
    numpy = staticmethod(kernels.erfinv)

    def grad_input(self, g, result):
        return g * (np.exp(result * result) * (math.sqrt(math.pi) / 2))


def _incomplete(name: str, alias: str, complement: bool) -> None:
    """Declare a regularized incomplete gamma function; its derivative is known for `other` alone."""

    class Incomplete(FloatBinary):
        __doc__ = f"""The regularized {"upper" if complement else "lower"} incomplete gamma function of order `input`
        at `other`; needs SciPy.

        See https://docs.pytorch.org/docs/stable/special.html#torch.special.{alias}

        >>> import tapeless as tl
        >>> tl.special.{alias}(tl.tensor([1.0]), tl.tensor([2.0]))
        {"tensor([0.1353])" if complement else "tensor([0.8647])"}
        """

        names = f"{name} special.{alias}"
        methods = name
        inplace = True
        strict = 2

        def forward(self, input: Any, other: Any) -> Any:
            special = scipy("special", f"torch.{name}")
            return (special.gammaincc if complement else special.gammainc)(input, other)

        def grad_input(self, g):
            raise NotImplementedError(f"the derivative for '{name}: input' is not implemented.")

        def grad_other(self, g, input, other):
            density = np.exp((input - 1) * np.log(other) - other - kernels.lgamma(input))
            return g * (-density if complement else density)

    Incomplete.__name__ = Incomplete.__qualname__ = name.capitalize()


_incomplete("igamma", "gammainc", False)
_incomplete("igammac", "gammaincc", True)
