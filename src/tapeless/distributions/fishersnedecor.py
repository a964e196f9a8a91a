"""The Fisher-Snedecor distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from . import constraints
from ._functions import Tensor
from .distribution import Distribution
from .gamma import Gamma
from .utils import broadcast_all, finfo


class FisherSnedecor(Distribution):
    """The F distribution: of the ratio of two chi-squared variables, each over its degrees of freedom.

    See https://docs.pytorch.org/docs/stable/distributions.html#fishersnedecor

    >>> import tapeless as tl
    >>> tl.distributions.FisherSnedecor(1.0, 4.0).mean
    tensor(2.)
    """

    arg_constraints = {"df1": constraints.positive, "df2": constraints.positive}
    support = constraints.positive
    has_rsample = True
    _expanded = ("_gamma1", "_gamma2")

    mean = property(lambda self: (self.df2 / (self.df2 - 2)).masked_fill(self.df2 <= 2, math.nan))

    def __init__(self, df1: Tensor | float, df2: Tensor | float, validate_args: bool | None = None) -> None:
        self.df1, self.df2 = broadcast_all(df1, df2)
        self._gamma1 = Gamma(self.df1 * 0.5, self.df1)
        self._gamma2 = Gamma(self.df2 * 0.5, self.df2)
        super().__init__(self.df1.shape, validate_args=validate_args)

    @property
    def mode(self) -> Any:
        """The mode, NaN for `df1` up to 2."""
        mode = (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2)
        return mode.masked_fill(self.df1 <= 2, math.nan)

    @property
    def variance(self) -> Any:
        """The variance, NaN for `df2` up to 4."""
        a, b = self.df1, self.df2.masked_fill(self.df2 <= 4, math.nan)
        return 2 * b.pow(2) * (a + b - 2) / (a * (b - 2).pow(2) * (b - 4))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Any:
        """Draw the ratio of two gamma samples; never 0."""
        upper, lower = self._gamma1.rsample(sample_shape), self._gamma2.rsample(sample_shape)
        return (upper / lower).clamp(finfo(lower).tiny, None)

    def log_prob(self, value: Tensor) -> Any:
        """Return the logarithm of the density."""
        self._check(value)
        a, b, ratio = self.df1 * 0.5, self.df2 * 0.5, self.df1 / self.df2
        log_norm = (a + b).lgamma() - a.lgamma() - b.lgamma()
        return log_norm + a * ratio.log() + (a - 1) * value.log() - (a + b) * (ratio * value).log1p()
