"""The Pareto distribution."""

from __future__ import annotations

from typing import Any

from . import constraints
from ._functions import Tensor
from .exponential import Exponential
from .transformed_distribution import TransformedDistribution
from .transforms import AffineTransform, ExpTransform
from .utils import broadcast_all


class Pareto(TransformedDistribution):
    """The Pareto distribution of type 1: from ``scale`` on, the density falls off like ``x ** -(alpha + 1)``.

    See https://docs.pytorch.org/docs/stable/distributions.html#pareto

    >>> import tapeless as tl
    >>> tl.distributions.Pareto(1.0, 3.0).mean
    tensor(1.5000)
    """

    arg_constraints = {"alpha": constraints.positive, "scale": constraints.positive}

    mode = property(lambda self: self.scale)

    def __init__(self, scale: Tensor | float, alpha: Tensor | float, validate_args: bool | None = None) -> None:
        self.scale, self.alpha = broadcast_all(scale, alpha)
        base = Exponential(self.alpha, validate_args=validate_args)
        super().__init__(base, [ExpTransform(), AffineTransform(0, self.scale)], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        """The numbers from `scale` on."""
        return constraints.greater_than_eq(self.scale)

    @property
    def mean(self) -> Any:
        """The mean, infinite unless `alpha` is above 1."""
        alpha = self.alpha.clamp(1, None)
        return alpha * self.scale / (alpha - 1)

    @property
    def variance(self) -> Any:
        """The variance, infinite unless `alpha` is above 2."""
        alpha = self.alpha.clamp(2, None)
        return self.scale.pow(2) * alpha / ((alpha - 1).pow(2) * (alpha - 2))

    def entropy(self) -> Any:
        """Return ``log(scale / alpha) + 1 + 1 / alpha``."""
        return (self.scale / self.alpha).log() + (1 + self.alpha.reciprocal())
