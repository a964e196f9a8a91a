"""The negative binomial distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import _draws, _functions as tl, constraints
from ._functions import Tensor
from ._logits import ProbsOrLogits
from .gamma import Gamma
from .utils import lazy_property


class NegativeBinomial(ProbsOrLogits):
    """The number of successes, of probability ``probs`` (or log odds ``logits``), before ``total_count`` failures.

    Samples are Poisson variables with gamma distributed rates.
    Raises ValueError unless exactly one of `probs` and `logits` is given.
    See https://docs.pytorch.org/docs/stable/distributions.html#negativebinomial

    >>> import tapeless as tl
    >>> tl.distributions.NegativeBinomial(3, tl.tensor(0.5)).mean
    tensor(3.)
    """

    arg_constraints = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer
    total_count: Any

    mean = property(lambda self: self.total_count * self.logits.exp())
    mode = property(lambda self: ((self.total_count - 1) * self.logits.exp()).floor().clamp(0.0, None))
    variance = property(lambda self: self.mean / (-self.logits).sigmoid())

    def __init__(
        self,
        total_count: Tensor | float,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        validate_args: bool | None = None,
    ) -> None:
        shape = self._set_probs_or_logits(probs, logits, total_count=total_count)
        super().__init__(shape, validate_args=validate_args)

    @lazy_property
    def _gamma(self) -> Any:
        return Gamma(self.total_count, (-self.logits).exp(), validate_args=False)

    def sample(self, sample_shape: Sequence[int] = ()) -> Any:
        """Draw samples of shape ``sample_shape + batch_shape``."""
        return _draws.poisson(self._gamma.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Any:
        """Return the logarithm of the probability."""
        self._check(value)
        n = self.total_count
        log_odds = n * tl.logsigmoid(-self.logits) + value * tl.logsigmoid(self.logits)
        combinations = (n + value).lgamma() - (1.0 + value).lgamma() - n.lgamma()
        return log_odds + combinations.masked_fill(n + value == 0.0, 0.0)
