"""The Weibull distribution."""

from __future__ import annotations

from typing import Any

from . import _functions as tl, constraints
from ._functions import Tensor
from .exponential import Exponential
from .transformed_distribution import TransformedDistribution
from .transforms import AffineTransform, PowerTransform
from .utils import broadcast_all, euler_constant


class Weibull(TransformedDistribution):
    """The distribution of ``scale * x ** (1 / concentration)`` where x is exponential with rate 1.

    See https://docs.pytorch.org/docs/stable/distributions.html#weibull

    >>> import tapeless as tl
    >>> tl.distributions.Weibull(2.0, 1.0).mean
    tensor(2.)
    """

    arg_constraints = {"scale": constraints.positive, "concentration": constraints.positive}
    support = constraints.positive
    _expanded = ("concentration_reciprocal",)

    mean = property(lambda self: self.scale * self._moment(1))
    variance = property(lambda self: self.scale.pow(2) * (self._moment(2) - self._moment(1).pow(2)))

    def __init__(self, scale: Tensor | float, concentration: Tensor | float, validate_args: bool | None = None) -> None:
        self.scale, self.concentration = broadcast_all(scale, concentration)
        self.concentration_reciprocal = self.concentration.reciprocal()
        base = Exponential(tl.ones_like(self.scale), validate_args=validate_args)
        transforms = [PowerTransform(self.concentration_reciprocal), AffineTransform(0, self.scale)]
        super().__init__(base, transforms, validate_args=validate_args)

    def _moment(self, n: int) -> Any:
        return (1 + n * self.concentration_reciprocal).lgamma().exp()

    @property
    def mode(self) -> Any:
        """``scale * (1 - 1 / concentration) ** (1 / concentration)``, NaN for a concentration below 1."""
        return self.scale * ((self.concentration - 1) / self.concentration) ** self.concentration.reciprocal()

    def entropy(self) -> Any:
        """Return the entropy."""
        reciprocal = self.concentration_reciprocal
        return euler_constant * (1 - reciprocal) + (self.scale * reciprocal).log() + 1
