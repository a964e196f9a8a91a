"""The Bernoulli distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from . import _functions as tl, constraints
from ._functions import Tensor
from ._logits import ProbsOrLogits
from .exp_family import ExponentialFamily
from .utils import broadcast_all


class Bernoulli(ProbsOrLogits, ExponentialFamily):
    """1 with probability ``probs`` (or log odds ``logits``), else 0.

    Raises ValueError unless exactly one of the two is given.
    See https://docs.pytorch.org/docs/stable/distributions.html#bernoulli

    >>> import tapeless as tl
    >>> tl.distributions.Bernoulli(0.3).log_prob(tl.tensor(1.0)).exp()
    tensor(0.3000)
    """

    support = constraints.boolean
    has_enumerate_support = True
    _mean_carrier_measure = 0

    mean = property(lambda self: self.probs)
    variance = property(lambda self: self.probs * (1 - self.probs))

    def __init__(
        self,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        validate_args: bool | None = None,
    ) -> None:
        super().__init__(self._set_probs_or_logits(probs, logits), validate_args=validate_args)

    @property
    def mode(self) -> Any:
        """The more probable of 0 and 1, NaN where both are as probable."""
        mode = (self.probs >= 0.5).type_as(self.probs)
        return mode.masked_fill(self.probs == 0.5, math.nan)

    def sample(self, sample_shape: Sequence[int] = ()) -> Any:
        """Draw samples of shape ``sample_shape + batch_shape``."""
        with tl.no_grad():
            return tl.bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Any:
        """Return the logarithm of the probability."""
        self._check(value)
        logits, value = broadcast_all(self.logits, value)
        return -tl.binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Any:
        """Return ``-p log(p) - (1 - p) log(1 - p)``."""
        return tl.binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Any:
        """Return 0 and 1 in dim 0."""
        return self._enumerated(tl.arange(2, dtype=self._param.dtype), expand)

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (tl.logit(self.probs),)

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        return natural_params[0].exp().log1p()
