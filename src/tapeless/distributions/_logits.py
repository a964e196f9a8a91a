"""What distributions share that are given by probabilities or by logits."""

from __future__ import annotations

from typing import Any

from . import constraints
from ._functions import Size
from .distribution import Distribution
from .utils import broadcast_all, lazy_property, logits_to_probs, probs_to_logits


def given_one(probs: Any, logits: Any) -> tuple[str, Any]:
    """Return the name and the value of the one that was given. Raises ValueError for both or none."""
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")
    return ("probs", probs) if logits is None else ("logits", logits)


class ProbsOrLogits(Distribution):
    """Base of distributions with the parameter `probs` or `logits`; the other one is computed when asked for."""

    arg_constraints: Any = {"probs": constraints.unit_interval, "logits": constraints.real}
    _is_binary = True  # log odds; else log probabilities of the classes in the last dim

    def _set_probs_or_logits(self, probs: Any, logits: Any, **others: Any) -> Size:
        """Set whichever was given, and `others` in the same shape and dtype; return the shape."""
        name, value = given_one(probs, logits)
        *rest, value = broadcast_all(*others.values(), value)
        setattr(self, name, value)
        for other, tensor in zip(others, rest, strict=True):
            setattr(self, other, tensor.type_as(value))
        return Size(value.shape)

    @lazy_property
    def logits(self) -> Any:
        """The logarithms of the odds of success, or of the probabilities."""
        return probs_to_logits(self.probs, self._is_binary)

    @lazy_property
    def probs(self) -> Any:
        """The probability of success, or the probabilities."""
        return logits_to_probs(self.logits, self._is_binary)

    @property
    def _param(self) -> Any:
        """Whichever parameter was given."""
        return self.probs if "probs" in self.__dict__ else self.logits

    @property
    def param_shape(self) -> Size:
        """The shape of the parameter."""
        return Size(self._param.shape)
