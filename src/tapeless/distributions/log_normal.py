"""The log-normal distribution."""

from __future__ import annotations

from typing import Any

from . import constraints
from ._functions import Tensor
from .normal import Normal
from .transformed_distribution import TransformedDistribution
from .transforms import ExpTransform


class LogNormal(TransformedDistribution):
    """The distribution of ``exp(x)`` where x is normal with mean ``loc`` and standard deviation ``scale``.

    See https://docs.pytorch.org/docs/stable/distributions.html#lognormal

    >>> import tapeless as tl
    >>> tl.distributions.LogNormal(0.0, 1.0).mean
    tensor(1.6487)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.positive
    has_rsample = True

    loc = property(lambda self: self.base_dist.loc)
    scale = property(lambda self: self.base_dist.scale)
    mean = property(lambda self: (self.loc + self.scale.pow(2) / 2).exp())
    mode = property(lambda self: (self.loc - self.scale.square()).exp())

    def __init__(self, loc: Tensor | float, scale: Tensor | float, validate_args: bool | None = None) -> None:
        super().__init__(Normal(loc, scale, validate_args), ExpTransform(), validate_args=validate_args)

    @property
    def variance(self) -> Any:
        """``(exp(scale ** 2) - 1) * exp(2 loc + scale ** 2)``."""
        square = self.scale.pow(2)
        return square.expm1() * (2 * self.loc + square).exp()

    def entropy(self) -> Any:
        """Return that of the normal distribution, plus `loc`."""
        return self.base_dist.entropy() + self.loc
