"""Transforms of numbers: each element by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np

from . import _functions as tl, constraints
from ._functions import Tensor, broadcast_shapes
from ._transform import Stateless, Transform
from .utils import broadcast_all, finfo, lazy_property


def clipped_sigmoid(x: Tensor) -> Tensor:
    """Return the sigmoid, kept away from 0 and 1 so that it can be inverted."""
    limits = finfo(x)
    return tl.sigmoid(x).clamp(min=limits.tiny, max=1.0 - limits.eps)


class ExpTransform(Stateless):
    """``y = exp(x)``.

    >>> import tapeless as tl
    >>> tl.distributions.ExpTransform()(tl.tensor(0.0))
    tensor(1.)
    """

    domain = constraints.real
    codomain = constraints.positive
    bijective = True
    sign = +1

    def _call(self, x: Tensor) -> Any:
        return x.exp()

    def _inverse(self, y: Tensor) -> Any:
        return y.log()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Any:
        """Return x."""
        return x


class PowerTransform(Transform):
    """``y = x ** exponent`` of positive numbers.

    >>> import tapeless as tl
    >>> tl.distributions.PowerTransform(2.0)(tl.tensor(3.0))
    tensor(9.)
    """

    domain = constraints.positive
    codomain = constraints.positive
    bijective = True

    def __init__(self, exponent: Tensor | float, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        (self.exponent,) = broadcast_all(exponent)

    def _copy(self, cache_size: int) -> Transform:
        return PowerTransform(self.exponent, cache_size=cache_size)

    @lazy_property
    def sign(self) -> Any:
        """The sign of the exponent."""
        return self.exponent.sign()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PowerTransform) and bool((self.exponent == other.exponent).all())

    def _call(self, x: Tensor) -> Any:
        return x.pow(self.exponent)

    def _inverse(self, y: Tensor) -> Any:
        return y.pow(1 / self.exponent)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Any:
        """Return ``log|exponent * y / x|``."""
        return (self.exponent * y / x).abs().log()

    def forward_shape(self, shape: Sequence[int]) -> Any:
        """Return the shape of the output for inputs of `shape`."""
        return broadcast_shapes(shape, self.exponent.shape)

    def inverse_shape(self, shape: Sequence[int]) -> Any:
        """Return the shape of the input for outputs of `shape`."""
        return broadcast_shapes(shape, self.exponent.shape)


class SigmoidTransform(Stateless):
    """``y = 1 / (1 + exp(-x))``.

    >>> import tapeless as tl
    >>> tl.distributions.SigmoidTransform()(tl.tensor(0.0))
    tensor(0.5000)
    """

    domain = constraints.real
    codomain = constraints.unit_interval
    bijective = True
    sign = +1

    def _call(self, x: Tensor) -> Any:
        return clipped_sigmoid(x)

    def _inverse(self, y: Tensor) -> Any:
        limits = finfo(y)
        y = y.clamp(min=limits.tiny, max=1.0 - limits.eps)
        return y.log() - (-y).log1p()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Any:
        """Return ``log(y) + log(1 - y)``."""
        return -tl.softplus(-x) - tl.softplus(x)


class SoftplusTransform(Stateless):
    """``y = log(1 + exp(x))``.

    >>> import tapeless as tl
    >>> tl.distributions.SoftplusTransform()(tl.tensor(0.0))
    tensor(0.6931)
    """

    domain = constraints.real
    codomain = constraints.positive
    bijective = True
    sign = +1

    def _call(self, x: Tensor) -> Any:
        return tl.softplus(x)

    def _inverse(self, y: Tensor) -> Any:
        return (-y).expm1().neg().log() + y

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Any:
        """Return the logarithm of ``sigmoid(x)``."""
        return -tl.softplus(-x)


class TanhTransform(Stateless):
    """``y = tanh(x)``.

    >>> import tapeless as tl
    >>> tl.distributions.TanhTransform()(tl.tensor(0.5))
    tensor(0.4621)
    """

    domain = constraints.real
    codomain = constraints.interval(-1.0, 1.0)
    bijective = True
    sign = +1

    def _call(self, x: Tensor) -> Any:
        return x.tanh()

    def _inverse(self, y: Tensor) -> Any:
        return y.atanh()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Any:
        """Return ``log(1 - y ** 2)`` in a form that keeps its digits for large x."""
        return 2.0 * (math.log(2.0) - x - tl.softplus(-2.0 * x))


class AbsTransform(Stateless):
    """``y = |x|``; the inverse returns y.

    >>> import tapeless as tl
    >>> tl.distributions.AbsTransform()(tl.tensor(-2.0))
    tensor(2.)
    """

    domain = constraints.real
    codomain = constraints.positive

    def _call(self, x: Tensor) -> Any:
        return x.abs()

    def _inverse(self, y: Tensor) -> Any:
        return y


def _same(a: Tensor | float, b: Tensor | float) -> bool:
    return a == b if isinstance(a, Real) and isinstance(b, Real) else bool((a == b).all())  # type: ignore[union-attr]


class AffineTransform(Transform):
    """``y = loc + scale * x``, with events of `event_dim` dims (0 for numbers, 1 for vectors, ...).

    >>> import tapeless as tl
    >>> tl.distributions.AffineTransform(1.0, 2.0)(tl.tensor(3.0))
    tensor(7.)
    """

    bijective = True

    def __init__(self, loc: Tensor | float, scale: Tensor | float, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        self.loc: Any = loc
        self.scale: Any = scale
        self._event_dim = event_dim

    @property
    def event_dim(self) -> int:
        """The number of dims of an event."""
        return self._event_dim

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> Any:
        """All numbers."""
        return constraints.independent(constraints.real, self.event_dim) if self.event_dim else constraints.real

    @constraints.dependent_property(is_discrete=False)
    def codomain(self) -> Any:
        """All numbers."""
        return self.domain

    def _copy(self, cache_size: int) -> Transform:
        return AffineTransform(self.loc, self.scale, self.event_dim, cache_size=cache_size)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AffineTransform):
            return False
        return _same(self.loc, other.loc) and _same(self.scale, other.scale)

    @property
    def sign(self) -> Any:
        """The sign of `scale`: a number or a tensor, as it is."""
        return int(np.sign(float(self.scale))) if isinstance(self.scale, Real) else self.scale.sign()

    def _call(self, x: Tensor) -> Any:
        return self.loc + self.scale * x

    def _inverse(self, y: Tensor) -> Any:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Any:
        """Return ``log|scale|``, summed over the event."""
        scale, shape = self.scale, x.shape
        result = tl.full_like(x, math.log(abs(scale))) if isinstance(scale, Real) else scale.abs().log()
        if self.event_dim:
            result = result.reshape((*result.shape[: -self.event_dim], -1)).sum(-1)
            shape = shape[: -self.event_dim]
        return result.expand(shape)

    def forward_shape(self, shape: Sequence[int]) -> Any:
        """Return the shape of the output for inputs of `shape`."""
        return broadcast_shapes(shape, getattr(self.loc, "shape", ()), getattr(self.scale, "shape", ()))

    def inverse_shape(self, shape: Sequence[int]) -> Any:
        """Return the shape of the input for outputs of `shape`."""
        return self.forward_shape(shape)


class CumulativeDistributionTransform(Transform):
    """``y = distribution.cdf(x)``: from a distribution to the uniform one.

    >>> import tapeless as tl
    >>> D = tl.distributions
    >>> D.CumulativeDistributionTransform(D.Normal(0.0, 1.0))(tl.tensor(0.0))
    tensor(0.5000)
    """

    bijective = True
    codomain = constraints.unit_interval
    sign = +1

    def __init__(self, distribution: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        self.distribution = distribution

    domain = property(lambda self: self.distribution.support)

    def _copy(self, cache_size: int) -> Transform:
        return CumulativeDistributionTransform(self.distribution, cache_size=cache_size)

    def _call(self, x: Tensor) -> Any:
        return self.distribution.cdf(x)

    def _inverse(self, y: Tensor) -> Any:
        return self.distribution.icdf(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Any:
        """Return the logarithm of the density."""
        return self.distribution.log_prob(x)
