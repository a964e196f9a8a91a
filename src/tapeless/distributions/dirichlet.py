"""The Dirichlet distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import _functions as tl, constraints
from ._functions import Tensor
from ._implicit import StandardDirichlet
from .exp_family import ExponentialFamily


class Dirichlet(ExponentialFamily):
    """Probabilities (..., K), with a density in proportion to the product of ``x ** (concentration - 1)``.

    Samples are normalized gamma variables, with implicit gradients.
    Raises ValueError for a concentration without dims.
    See https://docs.pytorch.org/docs/stable/distributions.html#dirichlet

    >>> import tapeless as tl
    >>> tl.distributions.Dirichlet(tl.tensor([1.0, 3.0])).mean
    tensor([0.2500, 0.7500])
    """

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True

    mean = property(lambda self: self.concentration / self.concentration.sum(-1, True))

    def __init__(self, concentration: Tensor, validate_args: bool | None = None) -> None:
        if concentration.ndim < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args=validate_args)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Any:
        """Draw samples of shape ``sample_shape + batch_shape + (K,)``."""
        return StandardDirichlet.apply(self.concentration.expand(self._extended_shape(sample_shape)))

    @property
    def mode(self) -> Any:
        """The most probable vector; where all concentrations are below 1, a corner."""
        excess = (self.concentration - 1).clamp(0.0, None)
        mode = excess / excess.sum(-1, True)
        corner = tl.one_hot(mode.argmax(dim=-1), mode.shape[-1]).type_as(mode)
        return tl.where((self.concentration < 1).all(dim=-1, keepdim=True), corner, mode)

    @property
    def variance(self) -> Any:
        """The variance of each element."""
        total = self.concentration.sum(-1, True)
        return self.concentration * (total - self.concentration) / (total.pow(2) * (total + 1))

    def log_prob(self, value: Tensor) -> Any:
        """Return the logarithm of the density."""
        self._check(value)
        return (
            tl.xlogy(self.concentration - 1.0, value).sum(-1)
            + self.concentration.sum(-1).lgamma()
            - self.concentration.lgamma().sum(-1)
        )

    def entropy(self) -> Any:
        """Return the entropy."""
        a, total = self.concentration, self.concentration.sum(-1)
        return (
            a.lgamma().sum(-1)
            - total.lgamma()
            - (a.shape[-1] - total) * total.digamma()
            - ((a - 1.0) * a.digamma()).sum(-1)
        )

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.concentration,)

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        (x,) = natural_params
        return x.lgamma().sum(-1) - x.sum(-1).lgamma()
