"""The logistic-normal distribution."""

from __future__ import annotations

from . import constraints
from ._functions import Tensor
from .normal import Normal
from .transformed_distribution import TransformedDistribution
from .transforms import StickBreakingTransform


class LogisticNormal(TransformedDistribution):
    """Probabilities (..., K + 1): normal variables with means ``loc`` and deviations ``scale`` (..., K), stick broken.

    See https://docs.pytorch.org/docs/stable/distributions.html#logisticnormal

    >>> import tapeless as tl
    >>> tl.distributions.LogisticNormal(tl.zeros(3), tl.ones(3)).sample().shape
    torch.Size([4])
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex
    has_rsample = True

    loc = property(lambda self: self.base_dist.base_dist.loc)
    scale = property(lambda self: self.base_dist.base_dist.scale)

    def __init__(self, loc: Tensor | float, scale: Tensor | float, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args=validate_args)
        base = base if base.batch_shape else base.expand([1])
        super().__init__(base, StickBreakingTransform(), validate_args=validate_args)
