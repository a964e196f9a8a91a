"""The generalized Pareto distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from . import _functions as tl, constraints
from ._functions import Tensor
from .distribution import Distribution
from .utils import broadcast_all


class GeneralizedPareto(Distribution):
    """The generalized Pareto distribution, from ``loc`` on: how far values exceed a high threshold.

    With a ``concentration`` of 0 it is exponential, with a positive one the tail is longer, with a negative one it
    ends at ``loc - scale / concentration``.
    See https://docs.pytorch.org/docs/stable/distributions.html#generalizedpareto

    >>> import tapeless as tl
    >>> tl.distributions.GeneralizedPareto(0.0, 1.0, 0.5).mean
    tensor(2.)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive, "concentration": constraints.real}
    has_rsample = True

    mode = property(lambda self: self.loc)

    def __init__(
        self,
        loc: Tensor | float,
        scale: Tensor | float,
        concentration: Tensor | float,
        validate_args: bool | None = None,
    ) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        """The numbers from `loc` on, up to the end of the tail."""
        end = self.loc - self.scale / self.concentration
        return constraints.interval(self.loc, end.masked_fill(self.concentration >= 0, math.inf))

    def _is_exponential(self) -> Any:
        return tl.isclose(self.concentration, tl.zeros_like(self.concentration))

    def _safe(self) -> Any:
        """Return the concentration, 1 in place of 0."""
        return self.concentration.masked_fill(self._is_exponential(), 1.0)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Any:
        """Draw by the inverse of the distribution function."""
        return self.icdf(tl.rand(self._extended_shape(sample_shape), dtype=self.loc.dtype))

    def log_prob(self, value: Tensor) -> Any:
        """Return the logarithm of the density."""
        self._check(value)
        z, c = (value - self.loc) / self.scale, self._safe()
        y = 1 / c + tl.ones_like(z)
        heavy = tl.where(y == 0, y, y * (c * z).log1p())
        return -self.scale.log() - tl.where(self._is_exponential(), z, heavy)

    def log_survival_function(self, value: Tensor) -> Any:
        """Return the logarithm of the probability of samples above `value`."""
        self._check(value)
        z, c = (value - self.loc) / self.scale, self._safe()
        return tl.where(self._is_exponential(), -z, -(c * z).log1p() / c)

    def log_cdf(self, value: Tensor) -> Any:
        """Return the logarithm of the probability of samples of at most `value`."""
        return (-self.log_survival_function(value).exp()).log1p()

    def cdf(self, value: Tensor) -> Any:
        """Return the probability of samples of at most `value`."""
        return self.log_cdf(value).exp()

    def icdf(self, value: Tensor) -> Any:
        """Return the value whose `cdf` is `value`."""
        log_rest, c = (-value).log1p(), self._safe()
        heavy = self.loc + self.scale / c * (-c * log_rest).expm1()
        return tl.where(self._is_exponential(), self.loc - self.scale * log_rest, heavy)

    @property
    def mean(self) -> Any:
        """The mean, NaN for a concentration of 1 or more."""
        mean = self.loc + self.scale / (1 - self.concentration)
        return mean.masked_fill(self.concentration >= 1, math.nan)

    @property
    def variance(self) -> Any:
        """The variance, NaN for a concentration of 1/2 or more."""
        c = self.concentration
        return (self.scale**2 / ((1 - c) ** 2 * (1 - 2 * c))).masked_fill(c >= 0.5, math.nan)

    def entropy(self) -> Any:
        """Return ``log(scale) + concentration + 1``."""
        return self.scale.log() + self.concentration + 1
