"""The binomial distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import _draws, _functions as tl, constraints
from ._functions import Tensor
from ._logits import ProbsOrLogits


class Binomial(ProbsOrLogits):
    """The number of successes in ``total_count`` trials, of probability ``probs`` (or log odds ``logits``) each.

    Raises ValueError unless exactly one of `probs` and `logits` is given.
    See https://docs.pytorch.org/docs/stable/distributions.html#binomial

    >>> import tapeless as tl
    >>> tl.distributions.Binomial(2, tl.tensor(0.5)).log_prob(tl.tensor(1.0)).exp()
    tensor(0.5000)
    """

    arg_constraints = {
        "total_count": constraints.nonnegative_integer,
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    has_enumerate_support = True
    total_count: Any

    mean = property(lambda self: self.total_count * self.probs)
    mode = property(lambda self: ((self.total_count + 1) * self.probs).floor().clamp(None, self.total_count))
    variance = property(lambda self: self.total_count * self.probs * (1 - self.probs))

    def __init__(
        self,
        total_count: Tensor | int = 1,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        validate_args: bool | None = None,
    ) -> None:
        shape = self._set_probs_or_logits(probs, logits, total_count=total_count)
        super().__init__(shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        """The integers from 0 to `total_count`."""
        return constraints.integer_interval(0, self.total_count)

    def sample(self, sample_shape: Sequence[int] = ()) -> Any:
        """Draw samples of shape ``sample_shape + batch_shape``."""
        shape = self._extended_shape(sample_shape)
        return _draws.binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Tensor) -> Any:
        """Return the logarithm of the probability."""
        self._check(value)
        n, logits = self.total_count, self.logits
        log_one_plus = tl.logaddexp(logits, tl.zeros_like(logits))  # log(1 + exp(logits))
        combinations = (n + 1).lgamma() - (value + 1).lgamma() - (n - value + 1).lgamma()
        return value * logits - n * log_one_plus + combinations

    def _one_count(self, method: str) -> int:
        """Return the number of trials. Raises NotImplementedError where there are several."""
        count = int(self.total_count.max())
        if self.total_count.min() != count:
            raise NotImplementedError(f"Inhomogeneous total count not supported by `{method}`.")
        return count

    def entropy(self) -> Any:
        """Return the sum of ``-p log(p)`` over all counts.

        Raises NotImplementedError for different numbers of trials.
        """
        self._one_count("entropy")
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(log_prob.exp() * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> Any:
        """Return 0 to `total_count` in dim 0. Raises NotImplementedError for different numbers of trials."""
        count = self._one_count("enumerate_support")
        return self._enumerated(tl.arange(1 + count, dtype=self._param.dtype), expand)
