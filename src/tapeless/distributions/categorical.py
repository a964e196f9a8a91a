"""The categorical distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from . import _functions as tl, constraints
from ._functions import Size, Tensor
from ._logits import ProbsOrLogits, given_one
from .utils import finfo


class Categorical(ProbsOrLogits):
    """The integers from 0 to K - 1, with probabilities in proportion to ``probs`` (..., K) or ``exp(logits)``.

    Both are normalized. Raises ValueError unless exactly one is given, and for tensors without dims.
    See https://docs.pytorch.org/docs/stable/distributions.html#categorical

    >>> import tapeless as tl
    >>> tl.distributions.Categorical(tl.tensor([1.0, 3.0])).probs
    tensor([0.2500, 0.7500])
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True
    _is_binary = False
    _shared = ("_num_events",)

    mean = variance = property(lambda self: tl.full(self._batch_shape, math.nan, dtype=self._param.dtype))
    mode = property(lambda self: self.probs.argmax(dim=-1))

    def __init__(
        self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: bool | None = None
    ) -> None:
        name, value = given_one(probs, logits)
        if value.ndim < 1:
            raise ValueError(f"`{name}` parameter must be at least one-dimensional.")
        if probs is not None:
            self.probs = probs / probs.sum(-1, keepdim=True)
        else:
            self.logits = value - value.logsumexp(dim=-1, keepdim=True)
        self._num_events = value.shape[-1]
        super().__init__(value.shape[:-1], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        """The integers from 0 to K - 1."""
        return constraints.integer_interval(0, self._num_events - 1)

    def sample(self, sample_shape: Sequence[int] = ()) -> Any:
        """Draw int64 samples of shape ``sample_shape + batch_shape``."""
        rows = self.probs.detach().reshape(-1, self._num_events)
        drawn = tl.multinomial(rows, Size(sample_shape).numel(), True)
        return drawn.t().reshape(self._extended_shape(sample_shape))

    def log_prob(self, value: Tensor) -> Any:
        """Return the logarithm of the probability of integers `value`."""
        self._check(value)
        index, log_probs = tl.broadcast_tensors(value.to(tl.int64).unsqueeze(-1), self.logits)
        return log_probs.gather(-1, index[..., :1]).squeeze(-1)

    def entropy(self) -> Any:
        """Return the sum of ``-p log(p)``, where 0 log(0) is 0."""
        logits = self.logits.clamp(finfo(self.logits).min, None)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Any:
        """Return 0 to K - 1 in dim 0."""
        return self._enumerated(tl.arange(self._num_events), expand)
