"""The inverse gamma distribution."""

from __future__ import annotations

import math
from typing import Any

from . import _functions as tl, constraints
from ._functions import Tensor
from .gamma import Gamma
from .transformed_distribution import TransformedDistribution
from .transforms import PowerTransform


class InverseGamma(TransformedDistribution):
    """The distribution of ``1 / x`` where x has a gamma distribution of shape ``concentration`` and rate ``rate``.

    See https://docs.pytorch.org/docs/stable/distributions.html#inversegamma

    >>> import tapeless as tl
    >>> tl.distributions.InverseGamma(3.0, 4.0).mean
    tensor(2.)
    """

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.positive
    has_rsample = True

    concentration = property(lambda self: self.base_dist.concentration)
    rate = property(lambda self: self.base_dist.rate)
    mode = property(lambda self: self.rate / (self.concentration + 1))

    def __init__(self, concentration: Tensor | float, rate: Tensor | float, validate_args: bool | None = None) -> None:
        base = Gamma(concentration, rate, validate_args=validate_args)
        minus_one = -tl.ones((), dtype=base.rate.dtype)
        super().__init__(base, PowerTransform(minus_one), validate_args=validate_args)

    @property
    def mean(self) -> Any:
        """The mean, infinite unless the concentration is above 1."""
        return (self.rate / (self.concentration - 1)).masked_fill(self.concentration <= 1, math.inf)

    @property
    def variance(self) -> Any:
        """The variance, infinite unless the concentration is above 2."""
        variance = self.rate.square() / ((self.concentration - 1).square() * (self.concentration - 2))
        return variance.masked_fill(self.concentration <= 2, math.inf)

    def entropy(self) -> Any:
        """Return the entropy."""
        a = self.concentration
        return a + self.rate.log() + a.lgamma() - (1 + a) * a.digamma()
